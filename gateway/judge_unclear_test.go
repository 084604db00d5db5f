package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// A stream of which nobody can say what it calls ends with an error, and what it
// has cost is still learned. A policy in shadow mode lets it pass.
func TestStreamUnclear(t *testing.T) {
	for _, a := range apis {
		call := a.streaming(smallRefund)
		long := strings.Replace(call.calls[0], "ord_1", strings.Repeat("x", 5000), 1)
		double := strings.Replace(call.calls[0], `"name":"issue_refund"`, `"name":"look_up","name":"issue_refund"`, 1)
		last := strings.LastIndex(strings.TrimSuffix(call.calls[0], "\n\n"), "\n\n") + 2
		for _, c := range []struct {
			name, calls, end, says string
			limit                  int64
		}{
			{"a name that comes twice", double, call.usage + call.end, "a second member", 0},
			{"too much to be held", long, call.usage + call.end, "held", 4000},
			{"one event more than can be held", call.calls[0], call.usage + call.end, "held", int64(len(call.calls[0]) - 1)},
			{"an end within the call", call.calls[0][:last], "", "broke off", 0},
		} {
			limit := func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = c.limit }
			if a.name == "chat" && strings.HasPrefix(c.name, "one event more") {
				continue // its last event holds nothing of the call, and is long
			}
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, stream(call.before, c.calls, c.end), func(t *testing.T, l *lab) {
					rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, call.before)
					require.True(t, ok)
					assertStreamError(t, &a, rest, "upstream_protocol_error")
					assert.Contains(t, rest, c.says)
					step := l.Step()
					assert.Equal(t, "upstream_protocol_error", step.Error)
					assert.Equal(t, c.end == "", step.Usage.Estimated)
					l.assertSettled(step.Cost)
					l.assertSlotFree()
				}, limit)
			})
			t.Run(a.name+"/"+c.name+", in shadow mode", func(t *testing.T) {
				shadow := oneAtATime(t, strings.Replace(judging, `{"name"`, `{"mode":"shadow","name"`, 1))
				judged(t, stream(call.before, c.calls, c.end), func(t *testing.T, l *lab) {
					got := l.Post(a.path, a.call).Body
					if c.end == "" {
						rest, ok := strings.CutPrefix(got, call.before)
						require.True(t, ok)
						assertStreamError(t, &a, rest, "upstream_protocol_error")
						return
					}
					assert.Equal(t, call.before+c.calls+c.end, got)
					assert.Contains(t, l.Events.Types(), run.PolicyShadow)
					l.assertSettled(usd(t, a.cost))
				}, shadow, limit)
			})
		}
		t.Run(a.name+"/just not too much to be held", func(t *testing.T) {
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				assert.Equal(t, call.text(), l.Post(a.path, a.call).Body)
			}, func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = int64(len(call.calls[0])) })
		})
	}
}

// What is missing its last blank line some agents take for an event all the same.
func TestRestOfStreamJudged(t *testing.T) {
	a := of("chat")
	first := strings.Join(a.events[:4], "") // a choice that is complete
	for _, c := range []struct {
		name string
		rest string
		code string // empty for what passes
	}{
		{"an end", strings.TrimSuffix(done, "\n"), ""},
		{"a call that is allowed", lastCall(smallRefund, `"tool_calls"`), ""},
		{"a call that is refused", lastCall(largeRefund, `"tool_calls"`), "policy_violation"},
		{"a call that is not complete", lastCall(smallRefund, "null"), "upstream_protocol_error"},
		{"half an event", lastCall(largeRefund, "null")[:100], "upstream_protocol_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			judged(t, stream(first, c.rest), func(t *testing.T, l *lab) {
				got := l.Post(a.path, a.call).Body
				if c.code == "" {
					assert.Equal(t, first+c.rest, got)
					return
				}
				rest, ok := strings.CutPrefix(got, first)
				require.True(t, ok)
				assertStreamError(t, a, rest, c.code)
				assert.Equal(t, c.code, l.Step().Error)
			})
		})
	}
}

// lastCall is an event with a call of another choice, without its blank line.
func lastCall(p proposed, finish string) string {
	e := chunk(`[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_9","type":"function","function":{"name":"`+p.tool+`","arguments":"`+
		strings.ReplaceAll(p.args, `"`, `\"`)+`"}}]},"finish_reason":`+finish+`}]`, "null")
	return strings.TrimSuffix(e, "\n")
}

// Streams in gzip are judged event by event; those in another encoding cannot be.
func TestEncodedStreamJudged(t *testing.T) {
	for _, a := range apis {
		for _, c := range []struct {
			name, encoding string
			call           proposed
			code           string
		}{
			{"gzip, refused", "gzip", largeRefund, "policy_violation"},
			{"gzip, allowed", "gzip", smallRefund, ""},
			{"another", "br", smallRefund, "upstream_protocol_error"},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				call := a.streaming(c.call)
				var packed bytes.Buffer
				z := gzip.NewWriter(&packed)
				_, _ = io.WriteString(z, call.text())
				require.NoError(t, z.Close())
				judged(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Encoding", c.encoding)
					stream(packed.String())(w, r)
				}, func(t *testing.T, l *lab) {
					got := l.Post(a.path, a.call)
					switch {
					case c.code == "":
						assert.Equal(t, call.text(), got.Body)
					case c.encoding == "br":
						refusal(t, got, 502, c.code)
					default:
						rest, ok := strings.CutPrefix(got.Body, call.before)
						require.True(t, ok)
						assertStreamError(t, &a, rest, c.code)
					}
					assert.Equal(t, c.code, l.Step().Error)
					l.assertSettled(l.Step().Cost)
				})
			})
		}
	}
}

// An engine that cannot find out about a call in a stream has not allowed it.
func TestStreamOfAnEngineThatFails(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			call := a.streaming(look)
			inBubble(t, stream(call.text()), func(t *testing.T, l *lab) {
				rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, call.before)
				require.True(t, ok)
				assertStreamError(t, &a, rest, "store_unavailable")
				assert.NotContains(t, rest, "safe")
				assert.False(t, l.Step().Usage.Estimated)
				assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			}, func(cfg *gateway.Config) {
				cfg.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
					if in.Calls != nil {
						return policy.Decision{Verdict: policy.Allow}, errors.New("the rules are locked in a safe")
					}
					return policy.Decision{Verdict: policy.Allow, Judge: true}, nil
				})
			})
		})
	}
}
