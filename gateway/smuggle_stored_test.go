package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An answer that is stored is judged whenever it is fetched.
func TestStoredContraband(t *testing.T) {
	const (
		document = `{"name":"prod","rules":[{"name":"large","tool":"issue_refund","when":[{"arg":"usd","op":">","value":500}],"then":"deny"}],"tools":{"deny":["shell"]}}`
		item     = `{"type":"function_call","id":"fc_1","call_id":"c_1","name":"%s","arguments":"%s"}`
		usage    = `"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}`
	)
	for name, c := range map[string]struct{ tool, args, rule string }{
		"by a rule":     {"issue_refund", `{\"usd\":501}`, "large"},
		"by a list":     {"shell", `{}`, "allowed_tools"},
		"what is right": {"issue_refund", `{\"usd\":500}`, ""},
	} {
		call := fmt.Sprintf(item, c.tool, c.args)
		stored := `{"id":"resp_1","object":"response","status":"completed","model":"gpt-4.1","output":[` + call + `],` + usage + `}`
		streamed := []string{
			named("response.created", `,"response":{"id":"resp_1","status":"in_progress","output":[]}`),
			named("response.output_item.done", `,"output_index":0,"item":`+call),
			named("response.completed", `,"response":`+stored),
		}
		for form, answer := range map[string]http.HandlerFunc{"": whole(stored), "?stream=true": stream(streamed...)} {
			for _, path := range []string{"/v1/responses/resp_1", "/responses/resp_1"} {
				t.Run(name+" "+path+form, func(t *testing.T) {
					b := newRig(t, document)
					b.Provider.Answer(answer)
					r := b.Get(path+form, nightly)
					if c.rule == "" {
						require.Equal(t, 200, r.StatusCode, r.Body)
						assert.Contains(t, r.Body, c.tool)
						return
					}
					if form == "" {
						got := contextOf(t, refusal(t, r, 403, "policy_violation"))
						assert.Equal(t, c.rule, got["rule"])
						assert.Equal(t, c.tool, got["tool"])
					} else { // of a stream that costs nothing, what comes before any content is not held back
						begun, said, _ := strings.Cut(r.Body, "event: error")
						assert.Equal(t, streamed[0], begun)
						assert.Contains(t, said, `"code":"policy_violation"`)
						assert.Contains(t, said, `"rule":"`+c.rule+`"`)
					}
					assert.NotContains(t, r.Body, "call_id", "nothing of it gets to the agent")
					assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
					assert.Zero(t, b.Run("nightly").Spent, "it was paid for when it was made")
				})
			}
		}
	}
}
