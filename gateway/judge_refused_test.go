package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// A stream whose call is refused is read on for what it has cost, for ten seconds
// at most, before the agent is told.
func TestRefusedStreamIsPaidFor(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		call := a.streaming(largeRefund)
		refused, usage := call.calls[0], call.usage+call.end
		ping := ": ping\n\n"
		for _, c := range []struct {
			name      string
			answer    timed
			after     time.Duration // the agent is told
			estimated bool
			limit     time.Duration
		}{
			{"the usage comes at once", timed{{0, call.text()}}, 0, false, 0},
			{"the usage comes later", timed{{0, call.before + refused}, {9 * s, usage}}, 9 * s, false, 0},
			{"and the provider does not end", timed{{0, call.text()}, {time.Hour, ""}}, 0, false, 0},
			{"the call comes after a pause", timed{{0, call.before}, {60 * s, refused}, {65 * s, usage}}, 65 * s, false, 0},
			{"the provider stalls", timed{{0, call.before}, {60 * s, refused}, {time.Hour, usage}}, 70 * s, true, 0},
			{"the provider stalls, but for comments", timed{{0, call.before + refused}, {6 * s, ping}, {12 * s, ping}, {18 * s, usage}}, 10 * s, true, 0},
			{"the provider goes on for long", timed{{0, call.before + refused}, {6 * s, a.events[2]}, {12 * s, a.events[2]}, {18 * s, usage}}, 10 * s, true, 0},
			{"the provider stalls, and may for less", timed{{0, call.before + refused}, {time.Hour, usage}}, 3 * s, true, 3 * s},
			{"the provider says that it has ended, and not what it has used", timed{{0, call.before + refused}, {s, a.events[len(a.events)-1]}, {time.Hour, ""}}, s, a.name != "responses", 0},
			{"the provider fails", timed{{0, call.before + refused}, {s, "event: error\ndata: {\"type\":\"error\",\"error\":{}}\n\n"}, {time.Hour, ""}}, s, true, 0},
			{"the provider ends", timed{{0, call.before + refused}, {s, ""}}, s, true, 0},
			{"the provider ends within an event", timed{{0, call.before + refused}, {s, usage[:20]}}, s, true, 0},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					start := time.Now()
					heard, err := listen(start, l.Open(t.Context(), a.path, a.call).Body)
					require.NoError(t, err)
					var text string
					for _, m := range heard {
						if m.Text != keepAlive {
							text += m.Text
						}
					}
					rest, ok := strings.CutPrefix(text, call.before)
					require.True(t, ok, text)
					assertStreamError(t, &a, rest, "policy_violation")
					assert.Equal(t, c.after, heard[len(heard)-1].At)
					step := l.Step()
					assert.Equal(t, "policy_violation", step.Error)
					assert.Equal(t, c.estimated, step.Usage.Estimated)
					if !c.estimated {
						assert.Equal(t, usd(t, a.cost), step.Cost)
					}
					assert.Positive(t, step.Cost)
					l.assertSettled(step.Cost)
					l.assertSlotFree()
				}, func(cfg *gateway.Config) { cfg.Limits.StreamIdleTimeout = c.limit })
			})
		}
	}
}

// A call may come in one event, after a pause, and what follows be no stream that
// can be read: it is refused all the same, and its usage waited for.
func TestRefusedInOneEvent(t *testing.T) {
	a := of("chat")
	begin, refused := strings.Join(a.events[:3], ""), lastCall(largeRefund, `"tool_calls"`)+"\n"
	for _, c := range []struct {
		name  string
		one   string // the event
		rest  string
		exact bool
		after time.Duration // the agent is told
	}{
		{"with its usage after it", refused, a.events[4] + done, true, 65 * time.Second},
		{"with its usage in it", strings.Replace(refused, `"usage":null`, `"usage":`+chatUsage, 1), "", true, time.Minute},
		{"with an event after it that is too long", refused, "data: " + strings.Repeat("x", 2<<10), false, 66 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := timed{{0, begin}, {time.Minute, c.one}, {65 * time.Second, c.rest}, {66 * time.Second, "x"}}
			judged(t, answer.answer, func(t *testing.T, l *lab) {
				heard, err := listen(time.Now(), l.Open(t.Context(), a.path, a.call).Body)
				require.NoError(t, err)
				assert.Equal(t, c.after, heard[len(heard)-1].At)
				rest, ok := strings.CutPrefix(strings.ReplaceAll(said(heard), keepAlive, ""), begin)
				require.True(t, ok)
				assertStreamError(t, a, rest, "policy_violation")
				assert.Equal(t, !c.exact, l.Step().Usage.Estimated)
				l.assertSettled(l.Step().Cost)
			}, func(cfg *gateway.Config) { cfg.Limits.EventBytes = 1 << 10 })
		})
	}
}

// Of several calls in one stream, those from the first that had to wait for one
// that is refused are withheld, and all that follow.
func TestStreamOfSeveralCalls(t *testing.T) {
	for _, a := range apis {
		call := a.streaming(smallRefund, largeRefund, look)
		passes := call.before
		if a.name != "chat" { // where calls are complete one by one
			passes += call.calls[0]
		}
		t.Run(a.name, func(t *testing.T) {
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, passes)
				require.True(t, ok)
				assertStreamError(t, &a, rest, "policy_violation")
				assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			})
		})
		t.Run(a.name+"/all allowed", func(t *testing.T) {
			call := a.streaming(smallRefund, look, smallRefund)
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				assert.Equal(t, call.text(), l.Post(a.path, a.call).Body)
				assert.Empty(t, l.Step().Error)
				l.assertSettled(usd(t, a.cost))
			})
		})
		t.Run(a.name+"/one that is told twice", func(t *testing.T) {
			call := a.streaming(look)
			text := call.before + call.calls[0] + call.calls[0] + call.usage + call.end
			judged(t, stream(text), func(t *testing.T, l *lab) {
				assert.Equal(t, text, l.Post(a.path, a.call).Body)
			})
		})
		t.Run(a.name+"/one that stops the run", func(t *testing.T) {
			call := a.streaming(look, shell)
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				got := l.Post(a.path, a.call).Body
				assert.Contains(t, got, `"rule":"no-shell"`)
				assert.NotContains(t, got, "rm -rf")
				assert.Equal(t, run.Blocked, l.Run().Status)
				l.assertSettled(usd(t, a.cost))
				refusal(t, l.Post(a.path, a.call), 403, "policy_violation")
			})
		})
	}
}

// A refusal that comes before the agent has been sent anything has a status of its
// own. Afterwards it is an event.
func TestRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, a := range apis {
		call := a.streaming(largeRefund)
		lead := strings.Join(a.events[:a.leads(t)], "")
		rest := call.calls[0] + call.usage + call.end
		t.Run(a.name+"/at once", func(t *testing.T) {
			judged(t, stream(lead+rest), func(t *testing.T, l *lab) {
				e := refusal(t, l.Post(a.path, a.call), 403, "policy_violation")
				assert.Equal(t, "refund:over-$500", contextOf(t, e)["rule"])
				l.assertSettled(usd(t, a.cost))
			})
		})
		t.Run(a.name+"/later", func(t *testing.T) {
			judged(t, timed{{0, lead}, {time.Second, rest}}.answer, func(t *testing.T, l *lab) {
				got := l.Post(a.path, a.call)
				assert.Equal(t, 200, got.StatusCode)
				rest, ok := strings.CutPrefix(got.Body, lead)
				require.True(t, ok)
				assertStreamError(t, &a, rest, "policy_violation")
				l.assertSettled(usd(t, a.cost))
			})
		})
	}
}
