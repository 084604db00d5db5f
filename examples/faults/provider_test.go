//go:build chaos

package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// An answer has so many tokens, and costs that much for each.
const (
	tokens    = 7
	perToken  = budget.Dollar / 1000
	perAnswer = tokens * perToken
)

// A provider answers calls, and counts what it charges for each run.
type provider struct {
	t *testing.T
	*httptest.Server

	mu      sync.Mutex
	answers int
	charged map[string]budget.Money // by run
	held    chan struct{}           // what it is asked from now on is answered when that is closed; nil is at once
	asked   int                     // how often since then
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, charged: map[string]budget.Money{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// hold has the provider charge calls, begin with the answers of those that are
// streamed, and let them wait until the test says so.
func (p *provider) hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	held := make(chan struct{})
	p.held, p.asked = held, 0
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.held = nil
		close(held)
	})
}

// arrived waits until so many calls are held.
func (p *provider) arrived(n int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.asked == n
	}, patience, time.Millisecond, "%d calls reach the provider", n)
}

// charge counts an answer.
func (p *provider) charge(run string) (n int, held chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers++
	p.asked++
	p.charged[run] += perAnswer
	return p.answers, p.held
}

// total is what it has charged for each run, and how many answers it has given.
func (p *provider) total() (charged map[string]budget.Money, answers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	charged = map[string]budget.Money{}
	for run, m := range p.charged {
		charged[run] = m
	}
	return charged, p.answers
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Stream   bool
		Messages []struct{ Content string }
		Tools    []any
	}
	err := json.NewDecoder(r.Body).Decode(&call)
	if !assert.NoError(p.t, err) || !assert.NotEmpty(p.t, call.Messages) {
		return
	}
	n, held := p.charge(call.Messages[0].Content)
	send := func(choices, more string) {
		fmt.Fprintf(w, "data: {\"id\":\"c%d\",\"object\":\"chat.completion.chunk\",\"model\":\"coin\",\"choices\":[%s]%s}\n\n", n, choices, more)
		_ = http.NewResponseController(w).Flush()
	}
	if call.Stream {
		w.Header().Set("Content-Type", "text/event-stream")
		send(fmt.Sprintf(`{"index":0,"delta":{"role":"assistant","content":"answer %d."}}`, n), "")
	}
	if held != nil {
		<-held
	}
	usage := fmt.Sprintf(`"usage":{"prompt_tokens":0,"completion_tokens":%d,"total_tokens":%[1]d}`, tokens)
	switch {
	case call.Stream:
		send(`{"index":0,"delta":{},"finish_reason":"stop"}`, "")
		send("", ","+usage)
		fmt.Fprint(w, "data: [DONE]\n\n")
	case len(call.Tools) > 0:
		whole(w, n, `,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"wire_money","arguments":"{}"}}]`, "tool_calls", usage)
	default:
		whole(w, n, "", "stop", usage)
	}
}

func whole(w http.ResponseWriter, n int, more, why, usage string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"c%d","object":"chat.completion","model":"coin","choices":[{"index":0,"message":{"role":"assistant","content":"answer %[1]d."%s},"finish_reason":%q}],%s}`, n, more, why, usage)
}
