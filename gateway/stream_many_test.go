package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// 200 streams at once, half of which their agents leave, leave nothing behind.
func TestStreamsLeaveNothing(t *testing.T) {
	const many = 200
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for _, e := range a.events {
					io.WriteString(w, e)
					flush(w)
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done():
						return
					}
				}
			}, func(t *testing.T, l *lab) {
				before := goroutines()
				for i := range many {
					go func() {
						ctx, cancel := context.WithCancel(run.NewContext(context.Background(), run.Ref{Agent: "alice", ID: "r"}))
						defer cancel()
						req, _ := http.NewRequestWithContext(ctx, "POST", "http://gateway.test"+a.path, strings.NewReader(a.call))
						resp, err := l.Agent.RoundTrip(req)
						if !assert.NoError(t, err) {
							return
						}
						if i%2 == 0 {
							time.AfterFunc(1500*time.Millisecond, cancel)
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}()
				}
				pass(time.Millisecond)
				assert.EqualValues(t, many, l.Run().InFlight)
				assert.GreaterOrEqual(t, goroutines(), before+many)
				pass(time.Minute)
				l.assertSettled(l.Run().Spent)
				assert.EqualValues(t, many, l.Run().Steps)
				assert.Less(t, goroutines(), before+many/20)
			})
		})
	}
}
