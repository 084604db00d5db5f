//go:build chaos

package chaos

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A receiver is told events, and refuses some at first.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	events map[string]map[string]int // by type and run or gate: ids of events
	alerts map[string]map[string]bool
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{events: map[string]map[string]int{}, alerts: map[string]map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if rand.IntN(10) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var e struct {
			Event, ID string
			Data      struct {
				RunID  string `json:"run_id"`
				GateID string `json:"gate_id"`
			}
		}
		if !assert.NoError(t, json.NewDecoder(q.Body).Decode(&e)) {
			return
		}
		about := e.Data.RunID
		if e.Data.GateID != "" {
			about = e.Data.GateID
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.events[e.Event] == nil {
			r.events[e.Event] = map[string]int{}
		}
		r.events[e.Event][about]++
		if e.Event == "budget.alert" {
			if r.alerts[about] == nil {
				r.alerts[about] = map[string]bool{}
			}
			r.alerts[about][e.ID] = true
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// told reports how often an event of that type was told about a run or a gate.
func (r *receiver) told(event, about string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[event][about]
}

// alertsOf returns how many alerts there were of a run. One that was told twice is
// one.
func (r *receiver) alertsOf(run string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.alerts[run])
}
