//go:build clients

package integrations

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
)

// An unserved call is one that neither vendor serves.
type unserved struct {
	name        string
	first, next *fake.Reply    // of the vendor that is asked for, and of the other one
	requests    map[string]int // of the agent's model: to both, for all calls of the SDK
	calls       map[string]int // of the SDK, by the model
	raises      map[string]string
	says        map[string]string // in it: the words of the vendor that was asked for
}

// TestFailoverFails checks what the SDKs raise if nobody serves a call: the error of the
// vendor that they asked, in its own words.
func TestFailoverFails(t *testing.T) {
	t.Parallel()
	both := func(s string) map[string]string { return map[string]string{gpt: s, claude: s} }
	times := func(n int) map[string]int { return map[string]int{gpt: n, claude: n} }
	tests := []unserved{
		{
			name: "500, and the other one is overloaded", first: fake.ServerError(), next: fake.Overloaded(),
			calls: times(3), requests: times(6), raises: both("InternalServerError"),
			says: map[string]string{gpt: "The server had an error", claude: "Internal server error"},
		},
		{
			name: "a request that makes no sense", first: fake.Invalid("messages: there is no such thing"), next: fake.Overloaded(),
			calls: times(1), requests: times(1), raises: both("BadRequestError"), says: both("there is no such thing"),
		},
		{
			name: "no credit, and the other one is overloaded", first: fake.QuotaExceeded(), next: fake.Overloaded(),
			calls: map[string]int{gpt: 3, claude: 1}, requests: map[string]int{gpt: 6, claude: 2},
			raises: map[string]string{gpt: "InternalServerError", claude: "BadRequestError"},
			says:   map[string]string{gpt: "Overloaded", claude: "credit balance is too low"},
		},
		{
			name: "429, and the other one has no credit", first: fake.RateLimited(time.Second), next: fake.QuotaExceeded(),
			calls: times(3), requests: times(6), raises: both("RateLimitError"),
			says: map[string]string{gpt: "Rate limit reached", claude: "exceed your organization's rate limit"},
		},
	}
	for _, c := range clients {
		if c.helper == "" {
			continue
		}
		for _, tt := range tests {
			t.Run(c.name+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				st := newSite(t, &c, served, func(cfg *gateway.Config) { cfg.Policy = failoverPolicy(t, &fault{}) })
				st.providers.Script = func(r *http.Request, _ []byte) *fake.Reply {
					if strings.HasSuffix(r.URL.Path, "/messages") == (c.model == claude) {
						return tt.first
					}
					return tt.next
				}
				out := play(t, &c, st, served, c.paths[0], text)
				require.NotNil(t, out.Error)
				assert.Equal(t, tt.raises[c.model], out.Error.Class)
				assert.Contains(t, out.Error.Message, tt.says[c.model])
				assert.Len(t, st.calls, tt.calls[c.model], "calls of the SDK")
				assert.Len(t, st.providers.Requests(), tt.requests[c.model], "requests to both")
			})
		}
	}
}

// TestThreads checks what becomes of conversations that Anthropic is to keep. One that it
// keeps is not taken over: the SDK tries again. One that another vendor has begun goes on
// as a whole, since the SDK is told that there is no thread.
func TestThreads(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if c.model != claude || c.runner == "" || !strings.Contains(c.sends, "2026-10-21") {
			continue
		}
		for _, failed := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, fails in turn %d", c.name, failed), func(t *testing.T) {
				t.Parallel()
				f := fault{reply: always(fake.Overloaded())}
				x := newCrossing(t, &c, &f, []int{failed}, false)
				done := converse(t, &c, []task{{URL: x.url + c.paths[0].base, Run: guideRun, Prompt: question, Runner: true, Thread: true}})[0]
				x.open.Wait()
				require.Nil(t, done.Error)
				assert.Equal(t, dialogue[len(dialogue)-1].text, done.Text)
				assert.Len(t, done.Executed, 4)
				asked, others := x.providers[x.first].Requests(), x.providers[x.next].Requests()
				if failed > 0 {
					assert.Empty(t, others)
					assert.Len(t, asked, len(dialogue)+1)
					return
				}
				require.NotEmpty(t, others)
				assert.NotContains(t, string(others[0].Body), `"thread"`)
				require.Greater(t, len(asked), 1)
				assert.Equal(t, said(1), heard(t, &asked[1]), "the whole conversation")
			})
		}
	}
}
