package gateway

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

// An alarm that is left from another call goes off just when a call takes it. The race
// detector says whether one disturbs the other.
func TestAlarmGoesOffAtTheStart(t *testing.T) {
	g, err := New(Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-test"}},
		Policy:    policy.AllowAll,
		Logger:    slog.New(slog.DiscardHandler),
		Limits:    Limits{KeepAlive: time.Nanosecond},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close(t.Context())) }()
	a := new(alarm)
	g.alarms.New = func() any { return a }

	done := make(chan struct{})
	var ringing sync.WaitGroup
	ringing.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				a.ring()
			}
		}
	})
	for range 2000 {
		c := newCall(g, httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/chat/completions", http.NoBody), route{})
		c.answer.begun = true // by one whose place it takes
		c.watch.start(c)
		c.watch.stop()
	}
	close(done)
	ringing.Wait()
}
