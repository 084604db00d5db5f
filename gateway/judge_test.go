package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
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

// ofProvider answers with a body and with headers that are the provider's.
func ofProvider(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Ratelimit-Remaining-Requests", "99")
		w.Header().Set("Cf-Ray", "of the provider")
		whole(body)(w, r)
	}
}

// A whole answer with a call that the policy refuses is answered with what the
// policy says. Nothing of the answer is in that, and it is paid for.
func TestAnswerRefused(t *testing.T) {
	for _, a := range apis {
		for _, c := range []struct {
			name  string
			calls []proposed
			rule  string
			by    proposed
			args  any
		}{
			{"a call", []proposed{largeRefund}, "refund:over-$500", largeRefund, map[string]any{"order": "ord_2", "amount_usd": 1240.0}},
			{"one of several", []proposed{smallRefund, largeRefund, look}, "refund:over-$500", largeRefund, map[string]any{"order": "ord_2", "amount_usd": 1240.0}},
			{"an argument that is missing", []proposed{{"issue_refund", `{}`}}, "refund:over-$500", smallRefund, map[string]any{}},
			{"one that stops the run, behind one that does not", []proposed{largeRefund, shell}, "no-shell", shell, nil},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				b := newRig(t, "", oneAtATime(t, judging))
				b.Provider.Answer(ofProvider(a.calling(c.calls...)))
				r := b.Post(a.path, a.whole(), nightly)
				e := refusal(t, r, 403, "policy_violation")
				want := map[string]any{"run_id": "nightly", "policy_id": "pol_prod", "policy_name": "prod/v4",
					"rule": c.rule, "field": "tool", "requested": c.by.tool, "tool": c.by.tool}
				if c.args != nil {
					want["args"] = c.args
				}
				assert.Equal(t, want, contextOf(t, e))
				for _, part := range []string{"prod/v4", c.rule, c.by.tool, "nightly"} {
					assert.Contains(t, e["message"], part)
				}
				for _, part := range []string{"Sure.", "_1\"", "toolu_", "call_", "look_up", "ord_1"} {
					assert.NotContains(t, r.Body, part, "part of the answer")
				}
				assert.Empty(t, r.Header.Get("Cf-Ray"))
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))

				s := b.Steps("nightly")[0]
				assert.Equal(t, "policy_violation", s.Error)
				assert.False(t, s.Usage.Estimated)
				assert.Equal(t, usd(t, a.cost), s.Cost)
				assert.Equal(t, usd(t, a.cost), b.Run("nightly").Spent)

				// The call's slot is free again, and its run goes on unless it was stopped.
				b.Provider.Answer(whole(a.calling(smallRefund)))
				next := b.Post(a.path, a.whole(), nightly)
				if c.rule == "no-shell" {
					assert.Equal(t, contextOf(t, e), contextOf(t, refusal(t, next, 403, "policy_violation")))
					assert.Equal(t, run.Blocked, b.Run("nightly").Status)
					assert.Len(t, b.Provider.Seen(), 1, "nothing is forwarded any more")
				} else {
					assert.Equal(t, 200, next.StatusCode, next.Body)
				}
			})
		}
	}
}

// An answer that the policy allows is what the provider sent, to the byte.
func TestAnswerAllowed(t *testing.T) {
	for _, a := range apis {
		for name, body := range map[string]string{
			"with calls":                a.calling(smallRefund, look),
			"with a call of no concern": a.calling(look),
			"in other words":            strings.ReplaceAll(a.calling(smallRefund), `,"`, ", \r\n\t\""),
			"with an error":             `{"error":{"message":"oops"}}`,
			"that is empty":             "",
			"that is long":              strings.Replace(a.calling(smallRefund), "Sure.", strings.Repeat("Sure. ", 50_000), 1),
		} {
			t.Run(a.name+"/"+name, func(t *testing.T) {
				get := func(document string) *reply {
					b := newRig(t, document)
					b.Provider.Answer(ofProvider(body))
					return b.Post(a.path, a.whole(), nightly)
				}
				judged, plain := get(judging), get("")
				require.Equal(t, 200, judged.StatusCode)
				require.Equal(t, body, judged.Body)
				for _, h := range []string{"Content-Type", "X-Ratelimit-Remaining-Requests", "Cf-Ray", "X-Rungate-Run-Id"} {
					assert.Equal(t, plain.Header[h], judged.Header[h], h)
				}
				assert.EqualValues(t, len(body), judged.ContentLength)
			})
		}
		t.Run(a.name+"/its cost is told", func(t *testing.T) {
			b := newRig(t, judging)
			b.Provider.Answer(whole(a.calling(smallRefund)))
			assert.Equal(t, a.cost, b.Post(a.path, a.whole(), nightly).Header.Get("X-Rungate-Cost-Usd"))
		})
	}
}

// An answer of which nobody can say what it calls is kept back. A policy in shadow
// mode refuses nothing.
func TestAnswerUnclear(t *testing.T) {
	encoded := func(encoding, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			whole(body)(w, r)
		}
	}
	for _, a := range apis {
		answer := a.calling(smallRefund)
		long := strings.Replace(answer, "Sure.", strings.Repeat("Sure. ", 10_000), 1)
		for _, c := range []struct {
			name   string
			answer http.HandlerFunc
			body   string // that a policy in shadow mode lets through
			says   string
		}{
			{"a name that comes twice", nil, strings.Replace(answer, `"name":"issue_refund"`, `"name":"look_up","name":"issue_refund"`, 1), "a second member"},
			{"a name in another case", nil, strings.Replace(answer, `"name":"issue_refund"`, `"name":"look_up","NAME":"issue_refund"`, 1), "case"},
			{"broken JSON", nil, answer[:len(answer)-2], "cannot be read for sure"},
			{"no JSON", nil, "<html>hello</html>", "cannot be read for sure"},
			{"another encoding", encoded("br", answer), answer, "encoding"},
			{"several encodings", encoded("gzip, br", answer), answer, "encoding"},
			{"one that is too long", nil, long, "held"},
		} {
			if c.answer == nil {
				c.answer = whole(c.body)
			}
			limit := func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = 10_000 }
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				b := newRig(t, judging, limit)
				b.Provider.Answer(c.answer)
				e := refusal(t, b.Post(a.path, a.whole(), nightly), 502, "upstream_protocol_error")
				assert.Contains(t, e["message"], c.says)
				assert.NotContains(t, e["message"], "ord_1")
				s := b.Steps("nightly")[0]
				assert.Equal(t, "upstream_protocol_error", s.Error)
				assert.Positive(t, s.Cost, "the provider will want to be paid")
				r := b.Run("nightly")
				assert.Zero(t, r.InFlight)
				assert.Equal(t, s.Cost, r.Spent)
			})
			t.Run(a.name+"/"+c.name+", in shadow mode", func(t *testing.T) {
				b := newRig(t, strings.Replace(judging, `{"name"`, `{"mode":"shadow","name"`, 1), limit)
				b.Provider.Answer(c.answer)
				r := b.Post(a.path, a.whole(), nightly)
				require.NoError(t, r.Err)
				assert.Equal(t, 200, r.StatusCode)
				assert.Equal(t, c.body, r.Body)
				assert.Contains(t, b.Events.Types(), run.PolicyShadow)
				assert.Empty(t, b.Steps("nightly")[0].Error)
			})
		}
		for over, status := range []int{200, 502} {
			t.Run(fmt.Sprintf("%s/%d bytes more than are held", a.name, over), func(t *testing.T) {
				b := newRig(t, judging, func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = int64(len(long) - over) })
				b.Provider.Answer(whole(long))
				r := b.Post(a.path, a.whole(), nightly)
				assert.Equal(t, status, r.StatusCode)
				assert.Equal(t, status == 200, r.Body == long)
			})
		}
		t.Run(a.name+"/calls in shadow mode pass", func(t *testing.T) {
			b := newRig(t, strings.Replace(judging, `{"name"`, `{"mode":"shadow","name"`, 1))
			b.Provider.Answer(whole(a.calling(shell)))
			assert.Equal(t, a.calling(shell), b.Post(a.path, a.whole(), nightly).Body)
			assert.Contains(t, b.Events.Types(), run.PolicyShadow)
			assert.Equal(t, run.Open, b.Run("nightly").Status)
		})
	}
}

// An answer in gzip, which was not asked for, is judged like any other.
func TestAnswerInGzip(t *testing.T) {
	for _, a := range apis {
		for _, c := range []struct {
			name string
			call proposed
			want int
		}{{"refused", largeRefund, 403}, {"allowed", smallRefund, 200}} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				b := newRig(t, judging)
				b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
					var packed bytes.Buffer
					z := gzip.NewWriter(&packed)
					_, _ = io.WriteString(z, a.calling(c.call))
					require.NoError(t, z.Close())
					w.Header().Set("Content-Type", "application/json")
					w.Header().Set("Content-Encoding", "gzip")
					_, _ = w.Write(packed.Bytes())
				})
				r := b.Post(a.path, a.whole(), nightly, "Accept-Encoding: identity")
				require.Equal(t, c.want, r.StatusCode, r.Body)
				if c.want == 200 {
					assert.Equal(t, a.calling(c.call), r.Body)
				}
				assert.Equal(t, usd(t, a.cost), b.Steps("nightly")[0].Cost)
			})
		}
	}
}

// An engine that cannot find out about an answer has not allowed it.
func TestAnswerOfAnEngineThatFails(t *testing.T) {
	b := newRig(t, "", func(cfg *gateway.Config) {
		cfg.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
			if in.Calls != nil {
				return policy.Decision{Verdict: policy.Allow}, errors.New("the rules are locked in a safe")
			}
			return policy.Decision{Verdict: policy.Allow, Judge: true}, nil
		})
	})
	for _, a := range apis {
		b.Provider.Answer(whole(a.calling(look)))
		r := b.Post(a.path, a.whole(), nightly)
		refusal(t, r, 503, "store_unavailable")
		assert.NotContains(t, r.Body, "safe")
	}
	for _, s := range b.Steps("nightly") {
		assert.False(t, s.Usage.Estimated)
		assert.Positive(t, s.Cost)
	}
}
