package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// asCalled answers with a large refund where the request asks for one, and with a
// text else.
func asCalled(a *api, streamed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "Hello") {
			sends(streamed, a.refunding(streamed, largeRefund))(w, r)
			return
		}
		sends(streamed, a.refunding(streamed, look))(w, r)
	}
}

// While a run is paused, its other calls get the same gate, or pass; calls of other
// runs pass.
func TestPause(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		body := a.declares(streamed)
		other := strings.Replace(body, "Hello", "Bye", 1)
		for pause, passes := range map[string]bool{`{}`: false, `{"pause":"run"}`: false, `{"pause":"call"}`: true} {
			gated(t, pause, asCalled(a, streamed), func(t *testing.T, l *gateLab) {
				pass200 := func(r *reply) {
					t.Helper()
					assert.Equal(t, 200, r.StatusCode)
					assert.Equal(t, a.refunding(streamed, look), r.Body)
				}
				id := pending(t, l.Post(a.path, body))["gate_id"]
				if passes {
					pass200(l.Post(a.path, other))
					assert.Equal(t, run.Open, l.Run().Status)
				} else {
					assert.Equal(t, id, pending(t, l.Post(a.path, other))["gate_id"])
					assert.EqualValues(t, 1, l.forwarded.Load())
					assert.Equal(t, run.Paused, l.Run().Status)
				}
				pass200(l.PostWith(a.path, other, "X-Rungate-Run-Id: elsewhere"))
				assert.Len(t, l.Gates(), 1)
				l.Decide(true)
				pass200(l.Post(a.path, other))
				assert.Equal(t, run.GateApproved, l.Gate().Status, "it is the answer to another request")
				assert.Equal(t, a.refunding(streamed, largeRefund), l.Post(a.path, body).Body)
			})
		}
	})
}

// A rejection lets the run's other calls go on.
func TestPauseEndsWithARejection(t *testing.T) {
	a := of("chat")
	other := strings.Replace(a.declares(false), "Hello", "Bye", 1)
	gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		pending(t, l.Post(a.path, other))
		l.Decide(false)
		assert.Equal(t, 200, l.Post(a.path, other).StatusCode)
		refusal(t, l.Post(a.path, a.declares(false)), 403, "approval_rejected")
	})
}

// Calls in flight finish while their run is paused.
func TestInFlightFinishesWhilePaused(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		slow := strings.Replace(a.declares(streamed), "Hello", "Bye", 1)
		h := asCalled(a, streamed)
		gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			if strings.Contains(string(body), "Bye") {
				pass(time.Minute)
			}
			h(w, r)
		}, func(t *testing.T, l *gateLab) {
			finished := make(chan *reply)
			go func() { finished <- l.Post(a.path, slow) }()
			synctest.Wait()
			pending(t, l.Post(a.path, a.declares(streamed)))
			assert.Equal(t, a.refunding(streamed, look), (<-finished).Body)
			assert.Equal(t, run.Paused, l.Run().Status)
		})
	})
}

// A paused run is not idle until its gate has expired.
func TestPausedIsNotIdle(t *testing.T) {
	a := of("chat")
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		pass(59 * time.Minute) // its idle timeout is a quarter of an hour
		assert.Equal(t, run.Paused, l.Run().Status)
		pass(time.Minute)
		assert.Equal(t, run.Open, l.Run().Status)
		pass(15*time.Minute - time.Second)
		assert.Equal(t, run.Open, l.Run().Status)
		pass(time.Second)
		assert.Equal(t, run.Completed, l.Run().Status)
		refusal(t, l.Post(a.path, a.declares(false)), 409, "run_closed")
	})
}
