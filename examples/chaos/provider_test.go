//go:build chaos

package chaos

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
)

// What the provider charges for a token.
const (
	inputPrice  = 2 * budget.Dollar / 1_000_000
	outputPrice = 10 * budget.Dollar / 1_000_000
)

// maxTokens is what each call asks for at most.
const maxTokens = 50

// A provider answers calls, and counts what it charges for each run.
type provider struct {
	*httptest.Server

	mu      sync.Mutex
	answers int64
	charged map[string]budget.Money // by run
}

// asked is what an agent writes into its prompt.
var asked = regexp.MustCompile(`run (\S+) call (\S+)`)

func newProvider(t *testing.T) *provider {
	p := &provider{charged: map[string]budget.Money{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			Stream   bool
			Messages []struct{ Content string }
			Tools    []any
		}
		err := json.NewDecoder(r.Body).Decode(&call)
		if !assert.NoError(t, err) || !assert.Len(t, call.Messages, 1) {
			return
		}
		words := asked.FindStringSubmatch(call.Messages[0].Content)
		if !assert.Len(t, words, 3) {
			return
		}
		if rand.IntN(20) == 0 { // for nothing
			http.Error(w, `{"error":{"message":"try again","type":"server_error","param":null,"code":null}}`, http.StatusInternalServerError)
			return
		}
		n, tokens := p.charge(words[1], words[2])
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		switch {
		case len(call.Tools) > 0:
			writeWhole(w, n, words[2], tokens)
		case call.Stream:
			writeStream(w, n, tokens)
		default:
			writeWhole(w, n, "", tokens)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// charge counts an answer, and returns its number and how many tokens it has.
func (p *provider) charge(run, call string) (n, tokens int64) {
	h := fnv.New32()
	h.Write([]byte(call))
	tokens = 1 + int64(h.Sum32()%maxTokens)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers++
	p.charged[run] += promptTokens*inputPrice + budget.Money(tokens)*outputPrice
	return p.answers, tokens
}

const promptTokens = 10

func (p *provider) chargedFor(run string) budget.Money {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.charged[run]
}

// writeWhole answers whole: with a text, or with a call of the tool that a person is
// asked about.
func writeWhole(w http.ResponseWriter, n int64, order string, tokens int64) {
	message, why := fmt.Sprintf(`{"role":"assistant","content":"answer %d."}`, n), "stop"
	if order != "" {
		message = fmt.Sprintf(`{"role":"assistant","content":"answer %d.","tool_calls":[{"id":"call_%[1]d","type":"function","function":{"name":"wire_money","arguments":"{\"order\":\"%s\"}"}}]}`, n, order)
		why = "tool_calls"
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"c%d","object":"chat.completion","model":"gpt-x","choices":[{"index":0,"message":%s,"finish_reason":%q}],%s}`, n, message, why, usage(tokens))
}

func writeStream(w http.ResponseWriter, n, tokens int64) {
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(choices, more string) {
		fmt.Fprintf(w, "data: {\"id\":\"c%d\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-x\",\"choices\":[%s]%s}\n\n", n, choices, more)
		_ = http.NewResponseController(w).Flush()
	}
	send(fmt.Sprintf(`{"index":0,"delta":{"role":"assistant","content":"answer %d."}}`, n), "")
	time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
	send(`{"index":0,"delta":{},"finish_reason":"stop"}`, "")
	send("", ","+usage(tokens))
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func usage(tokens int64) string {
	return fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, promptTokens, tokens, promptTokens+tokens)
}
