package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// An agent that leaves while something is withheld from it, or while it is waited
// for what that has cost, pays as any other.
func TestAgentLeavesJudgedStream(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		call := a.streaming(largeRefund)
		half := call.calls[0][:strings.LastIndex(strings.TrimSuffix(call.calls[0], "\n\n"), "\n\n")+2]
		for _, c := range []struct {
			name   string
			answer timed
			fails  string
			exact  bool
		}{
			{"while a call is held", timed{{0, call.before + half}, {5 * s, ""}}, "client_gone", false},
			{"while the usage is awaited", timed{{0, call.before + call.calls[0]}, {5 * s, call.usage + call.end}}, "policy_violation", a.name == "chat"},
			{"while a usage is awaited that does not come", timed{{0, call.before + call.calls[0]}, {time.Hour, ""}}, "policy_violation", false},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					ctx, cancel := context.WithTimeout(t.Context(), s)
					defer cancel()
					got, err := io.ReadAll(l.Open(ctx, a.path, a.call).Body)
					assert.Error(t, err)
					assert.Equal(t, call.before, string(got))
					pass(15 * s)
					step := l.Step()
					assert.Equal(t, c.fails, step.Error)
					assert.Equal(t, !c.exact, step.Usage.Estimated)
					if c.exact {
						assert.Equal(t, usd(t, a.cost), step.Cost)
					}
					assert.Positive(t, step.Usage.Output)
					l.assertSettled(step.Cost)
					l.assertSlotFree()
				})
			})
		}
	}
}

// A whole answer that the agent has left before it is there is paid for as far as
// it has come.
func TestAgentLeavesJudgedAnswer(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			judged(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, a.calling(largeRefund)[:150])
				flush(w)
				<-r.Context().Done()
			}, func(t *testing.T, l *lab) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := l.Agent.RoundTrip(l.Request(ctx, a.path, a.whole()))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, "client_gone", l.Step().Error)
				assert.True(t, l.Step().Usage.Estimated)
				assert.Positive(t, l.Step().Cost)
				l.assertSettled(l.Step().Cost)
				l.assertSlotFree()
			})
		})
	}
}
