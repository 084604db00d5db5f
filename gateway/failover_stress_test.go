package gateway_test

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
)

// Whatever its targets do, each call gets one answer or one error, and what it has cost
// is what its steps say.
func TestFailoverUnderLoad(t *testing.T) {
	f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini","spare/gpt-4.1"],"max_attempts":4}`), func(cfg *gateway.Config) {
		cfg.Limits.KeepAlive = time.Millisecond
	})
	erratic := func(name string, served string, streamed []string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			asStream := strings.Contains(string(body), `"stream":true`)
			switch rand.IntN(8) {
			case 0:
				if asStream {
					stream(leadEvent)(w, r)
					time.Sleep(rand.N(2 * time.Millisecond)) // in which the agent gets a sign of life, or not
					stream(errorEvent)(w, r)
					return
				}
				failing(500, brokenBody)(w, r)
			case 1:
				panic(http.ErrAbortHandler)
			case 2:
				if asStream {
					hangsUp(leadEvent)(w, r)
				}
				failing(503, brokenBody)(w, r)
			case 3:
				if asStream {
					stream(leadEvent, errorEvent)(w, r)
					return
				}
				failing(400, wrongBody)(w, r)
			default:
				if asStream {
					stream(streamed...)(w, r)
					return
				}
				whole(served)(w, r)
			}
		}
	}
	f.Provider.Answer(erratic("openai", spareAnswer, spareStream))
	f.Spare.Answer(erratic("spare", spareAnswer, spareStream))
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			for range 12 {
				call, want := plainCall, spareAnswer
				if i%2 == 0 {
					call, want = streamedCall, strings.Join(spareStream, "")
				}
				got := f.Post("/v1/chat/completions", call, "X-Rungate-Run-Id: r")
				if got.StatusCode == 200 && !strings.Contains(got.Body, `"error"`) {
					assert.Equal(t, want, strings.ReplaceAll(got.Body, ": keep-alive\n\n", ""))
				}
				assert.Equal(t, "r", got.Header.Get("X-Rungate-Run-Id"))
			}
		})
	}
	wg.Wait()
	f.settled("r")
	var sum budget.Money
	steps := f.Steps("r")
	firsts := map[string]bool{}
	for _, s := range steps {
		sum += s.Cost
		if s.First == "" {
			firsts[s.ID] = true
		}
	}
	for _, s := range steps {
		if s.First != "" {
			assert.True(t, firsts[s.First], "an attempt is one of a call that is known")
		}
	}
	require.Equal(t, f.Run("r").Spent, sum)
	assert.Len(t, firsts, 24*12)
}
