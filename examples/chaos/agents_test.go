//go:build chaos

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// runsAtOnce is how many runs the agents share.
const runsAtOnce = 16

// A swarm is agents that make calls in runs that they share.
type swarm struct {
	t *testing.T
	f *fleet

	mu        sync.Mutex
	calls     int
	runs      []string        // all that there ever were
	open      []string        // that calls are made in
	disturbed map[string]int  // calls of a run whose end was not heard, or that the gateway could not serve
	heard     map[string]int  // how often each of the provider's answers has come
	gates     map[string]bool // that calls were told of
	statuses  map[int]int
}

func newSwarm(t *testing.T, f *fleet) *swarm {
	s := &swarm{t: t, f: f, disturbed: map[string]int{}, heard: map[string]int{}, gates: map[string]bool{}, statuses: map[int]int{}}
	for range runsAtOnce {
		s.open = append(s.open, s.newRun())
	}
	return s
}

// newRun makes the id of a run. The caller holds mu, or is alone.
func (s *swarm) newRun() string {
	id := fmt.Sprintf("run-%d", len(s.runs))
	s.runs = append(s.runs, id)
	return id
}

// next chooses a run, and numbers a call.
func (s *swarm) next() (run, call string, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	at = rand.IntN(len(s.open))
	return s.open[at], fmt.Sprintf("c%d", s.calls), at
}

// replace begins a new run in the place of one that has no room.
func (s *swarm) replace(run string, at int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[at] == run {
		s.open[at] = s.newRun()
	}
}

// work makes calls until ctx is done. The last one is made to its end.
func (s *swarm) work(ctx context.Context) {
	for ctx.Err() == nil {
		run, call, at := s.next()
		switch rand.IntN(8) {
		case 0:
			s.wire(ctx, run, call)
		default:
			if status := s.call(run, call, rand.IntN(2) == 0, false); status == http.StatusPaymentRequired {
				s.replace(run, at)
			}
		}
	}
}

// request is a call as an agent writes it.
func request(run, call string, stream, tool bool) []byte {
	o := map[string]any{
		"model": "gpt-x", "max_tokens": maxTokens, "stream": stream,
		"messages": []any{map[string]any{"role": "user", "content": "run " + run + " call " + call}},
	}
	if tool {
		o["tools"] = []any{map[string]any{"type": "function", "function": map[string]any{"name": "wire_money", "parameters": map[string]any{"type": "object"}}}}
	}
	text, _ := json.Marshal(o)
	return text
}

// said is the number of the answer that the provider gave.
var said = regexp.MustCompile(`answer (\d+)\.`)

// call makes a call, and returns its status; 0 is that it broke off.
func (s *swarm) call(run, call string, stream, tool bool) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	status, body, err := ask(ctx, http.MethodPost, s.f.any().url+"/v1/chat/completions", agentToken, request(run, call, stream, tool), "x-rungate-run-id", run)
	s.mu.Lock()
	defer s.mu.Unlock()
	complete := err == nil && (!stream || regexp.MustCompile(`data: \[DONE\]`).Match(body))
	switch {
	case err != nil || status == http.StatusOK && !complete:
		status = 0
		fallthrough
	case status >= http.StatusBadGateway: // 500 is the provider's
		s.disturbed[run]++
	case status == http.StatusOK:
		if n := said.FindSubmatch(body); assert.NotNil(s.t, n, "%s", body) {
			s.heard[string(n[1])]++
		}
	case status == http.StatusAccepted:
		var waits struct {
			Context struct {
				GateID string `json:"gate_id"`
			}
		}
		assert.NoError(s.t, json.Unmarshal(body, &waits))
		s.gates[waits.Context.GateID] = true
	default:
		assert.Contains(s.t, []int{http.StatusPaymentRequired, http.StatusTooManyRequests, http.StatusInternalServerError}, status, "%s", body)
	}
	s.statuses[status]++
	return status
}

// wire makes a call that a person is asked about, from two agents at once, until one
// of them has the answer.
func (s *swarm) wire(ctx context.Context, run, call string) {
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for ctx.Err() == nil {
				switch s.call(run, call, false, true) {
				case http.StatusOK, http.StatusPaymentRequired:
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	both.Wait()
}

// decide approves what waits, until ctx is done.
func (s *swarm) decide(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		_, list, err := ask(ctx, http.MethodGet, s.f.any().admin+"/v1/gates?status=pending", operatorToken, nil)
		var pending struct{ Gates []struct{ ID string } }
		if err != nil || json.Unmarshal(list, &pending) != nil {
			continue
		}
		for _, g := range pending.Gates {
			_, _, _ = ask(ctx, http.MethodPost, s.f.any().admin+"/v1/gates/"+g.ID+"/approve", operatorToken, nil)
		}
	}
}
