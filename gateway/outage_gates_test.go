package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A reply about a gate that is lost is asked for again: nobody notices, and what is
// decided is decided and told once.
func TestLostRepliesAboutGates(t *testing.T) {
	a := of("chat")
	for _, verb := range []string{"open gate", "meet gate", "decide gate", "claim gate", "end claim", "gate answer", "attach", "detach", "reserve", "settle", "find"} {
		t.Run(verb, func(t *testing.T) {
			inOutage(t, approvingBy(`{}`), ofProvider(a.calling(largeRefund)), func(t *testing.T, l *outageLab) {
				l.store.Fail(verb, once)
				pending(t, l.Post(a.path, a.declares(false)))
				gates := mustList(t, l)
				require.Len(t, gates, 1)
				l.store.Fail(verb, once)
				g, err := l.Gateway.Gates().Decide(t.Context(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
				require.NoError(t, err)
				assert.Equal(t, run.GateApproved, g.Status)
				l.store.Fail(verb, once)
				assert.Equal(t, a.calling(largeRefund), l.Post(a.path, a.declares(false)).Body)
				assert.Equal(t, run.GateUsed, mustList(t, l)[0].Status)
				assert.Equal(t, []run.EventType{run.RunStarted, run.ApprovalPending, run.ApprovalApproved}, withoutStarts(verb, l.Events.Types()))
				l.assertSettled(l.Run().Spent)
				assert.Positive(t, l.Run().Spent)

				_, err = l.Gateway.Gates().Decide(t.Context(), g.ID, run.Verdict{By: "dave"})
				assert.ErrorAs(t, err, new(*run.DecidedError))
			})
		})
	}
}

// withoutStarts adds the event that an observer is not told where the reply to Attach
// was lost.
func withoutStarts(verb string, types []run.EventType) []run.EventType {
	if verb == "attach" {
		return append([]run.EventType{run.RunStarted}, types...)
	}
	return types
}

// A store that fails at a gate delivers nothing; when it is there again, the answer is
// delivered once.
func TestGatesInAnOutage(t *testing.T) {
	a := of("chat")
	for _, verb := range []string{"meet gate", "claim gate", "gate answer", allVerbs} {
		for _, how := range []fault{failsBefore, failsAfter, hangsBefore, hangsAfter} {
			for _, document := range []string{approvingBy(`{}`), `{"on_store_error":"allow",` + approvingBy(`{}`)[1:]} {
				t.Run(verb+" "+string(how), func(t *testing.T) {
					inOutage(t, document, ofProvider(a.calling(largeRefund)), func(t *testing.T, l *outageLab) {
						pending(t, l.Post(a.path, a.declares(false)))
						gates := mustList(t, l)
						require.Len(t, gates, 1)
						_, err := l.Gateway.Gates().Decide(context.Background(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
						require.NoError(t, err)
						l.store.Fail(verb, how)
						began := time.Now()
						r := l.Post(a.path, a.declares(false))
						unavailable(t, r)
						assert.NotEmpty(t, r.Header.Get("Retry-After"))
						assert.Less(t, time.Since(began), time.Second)
						l.Recover()
						pass(time.Minute) // the lease of a claim
						assert.Equal(t, a.calling(largeRefund), l.Post(a.path, a.declares(false)).Body)
						assert.Equal(t, run.GateUsed, mustList(t, l)[0].Status)
						assert.Len(t, mustList(t, l), 1)
						pass(time.Minute)
						l.assertSettled(l.Run().Spent)
					})
				})
			}
		}
	}
}
