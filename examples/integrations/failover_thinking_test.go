//go:build clients

package integrations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
)

// unsigned reports whether a request lacks what Anthropic wants of one that makes the
// model think: that it has thought before it called tools the last time.
func unsigned(t *testing.T, body []byte) bool {
	var request struct {
		Thinking struct{ Type string }
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	assert.NoError(t, json.Unmarshal(body, &request))
	assert.Equal(t, "enabled", request.Thinking.Type)
	lacks := false
	for _, m := range request.Messages {
		if m.Role == "assistant" {
			var blocks []struct{ Type, Signature string }
			assert.NoError(t, json.Unmarshal(m.Content, &blocks))
			lacks = blocks[0].Type != "thinking" || blocks[0].Signature != signature
		}
	}
	return lacks
}

// TestThoughtsStay lets Claude think in the first turn and fail in the second one. What
// it has signed nobody else can read: the conversation stays there, and the SDK tries
// again. Where translation is lenient, it goes on elsewhere without the thoughts, and
// stays there when Claude refuses a turn that it has not thought about.
func TestThoughtsStay(t *testing.T) {
	t.Parallel()
	const byGPT, byClaude = "openai/gpt-4.1", ""
	for _, c := range clients {
		if c.helper == "" || c.sends == "bearer" {
			continue
		}
		for _, lenient := range []bool{false, true} {
			for _, streamed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, lenient: %t, streamed: %t", c.name, lenient, streamed), func(t *testing.T) {
					t.Parallel()
					st := newSite(t, &c, served, func(cfg *gateway.Config) { cfg.Policy = failoverPolicy(t, &fault{lenient: lenient}) })
					var fails sync.Once
					st.providers.Script = func(r *http.Request, body []byte) (reply *fake.Reply) {
						n := turnOf(body)
						if !strings.HasSuffix(r.URL.Path, "/messages") {
							assert.NotContains(t, string(body), "Hm.")
							assert.NotContains(t, string(body), signature)
							return vendors["openai"].answer(n, streamed)
						}
						if n == 1 {
							fails.Do(func() { reply = fake.Overloaded() })
						}
						switch {
						case reply != nil:
							return reply
						case unsigned(t, body):
							return fake.Invalid("messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.")
						}
						said := dialogue[n]
						said.thought = "Hm. They are two."
						return vendors["anthropic"].say(n, &said, streamed)
					}
					done := converse(t, &c, []task{{URL: st.url + c.paths[0].base, Run: guideRun, Prompt: question, Streamed: streamed, Thinking: true}})[0]
					st.open.Wait()
					require.Nil(t, done.Error)
					assert.Equal(t, dialogue[len(dialogue)-1].text, done.Text)
					assert.Len(t, done.Executed, 4)
					servedBy, steps := []string{byClaude, byClaude, byClaude}, []string{"200 ", "529 ", "200 ", "200 "}
					if lenient {
						servedBy = []string{byClaude, byGPT, byGPT}
						steps = []string{"200 ", "529 overloaded", "200 ", "400 unsigned_history", "200 "}
					}
					for n, turn := range done.Turns {
						assert.Equal(t, servedBy[n], turn.ServedBy)
					}
					var run struct {
						Steps []struct {
							Status int
							Fault  string // by which it was given up
						} `json:"step_log"`
					}
					require.NoError(t, json.Unmarshal(st.ask(t, http.MethodGet, "/v1/runs/"+guideRun, ""), &run))
					var had []string
					for _, s := range run.Steps {
						had = append(had, fmt.Sprint(s.Status, " ", s.Fault))
					}
					assert.Equal(t, steps, had)
				})
			}
		}
	}
}
