package gateway_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A call whose attachment may have happened, which nobody has told the gateway, is taken
// off its run as soon as the store answers again: it is not in flight for a lease.
func TestACallIsNotInFlightWhoseAttachmentIsNotKnown(t *testing.T) {
	for _, how := range []fault{failsAfter, hangsAfter} {
		t.Run(string(how), func(t *testing.T) {
			inOutage(t, `{"name":"prod","run":{"max_steps":2}}`, spent(10), func(t *testing.T, l *outageLab) {
				require.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
				l.store.Fail("attach", how)
				require.Equal(t, 503, l.Post("/v1/chat/completions", ask(11)).StatusCode)
				l.Recover() // in 20 seconds, a third of a lease
				assert.Zero(t, l.Run().InFlight)
				assert.Equal(t, 200, l.Post("/v1/chat/completions", ask(11)).StatusCode, "there is room for one more")
				pass(2 * time.Minute)
			})
		})
	}
}

// The end of a gateway does not wait for that, nor does anything once the lease is over.
func TestWhoeverClosesDoesNotWaitForLostAttachments(t *testing.T) {
	inOutage(t, `{"name":"prod"}`, spent(10), func(t *testing.T, l *outageLab) {
		l.store.Fail("attach", failsAfter)
		require.Equal(t, 503, l.Post("/v1/chat/completions", ask(11)).StatusCode)
		pass(2 * time.Minute)
		l.store.Asked("attach")
		pass(time.Hour)
		assert.Zero(t, l.store.Asked("attach"))
		require.Equal(t, 503, l.Post("/v1/chat/completions", ask(11)).StatusCode)
		began := time.Now()
		assert.NoError(t, l.Gateway.Close(t.Context()))
		assert.Less(t, time.Since(began), 3*time.Second)
	})
}
