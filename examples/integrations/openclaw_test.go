//go:build clients

package integrations

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/fake"
)

// order is what OpenClaw finds in order.txt.
const order = "ord_2H4p is on its way"

// readOrder is a model that reads order.txt if the user speaks of it, and says
// hello. The fake one would not do: OpenClaw offers tools that run commands.
func readOrder(r *http.Request, body []byte) *fake.Reply {
	asked, said := string(body), openAISaid
	if strings.HasSuffix(r.URL.Path, "/messages") {
		said = anthropicSaid
	}
	if strings.Contains(asked, "Read order.txt") && !strings.Contains(asked, order) {
		return fake.Stream(said.read)
	}
	return fake.Stream(said.hello)
}

type streams struct{ read, hello string }

var openAISaid = streams{
	read: `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":""}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":\"order.txt\"}"}}]},"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":9000,"completion_tokens":6,"total_tokens":9006}}

data: [DONE]

`,
	hello: `data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello from the model."},"finish_reason":null}]}

data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":9000,"completion_tokens":6,"total_tokens":9006}}

data: [DONE]

`,
}

var anthropicSaid = streams{
	read: `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9000,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"read","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"path\":\"order.txt\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":6}}

event: message_stop
data: {"type":"message_stop"}

`,
	hello: `event: message_start
data: {"type":"message_start","message":{"id":"msg_2","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9000,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello from the model."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":6}}

event: message_stop
data: {"type":"message_stop"}

`,
}

// openclawEnv prepares a turn of OpenClaw: a folder with order.txt, and in the
// situation of a closed run a configuration that names the run.
func openclawEnv(t *testing.T, s situation) []string {
	t.Helper()
	cwd := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(cwd, "order.txt"), []byte(order+"\n"), 0o600))
	env := []string{"OPENCLAW_CWD=" + cwd}
	if s != closedRun {
		return env
	}
	config, err := os.ReadFile("openclaw/openclaw.json5")
	require.NoError(t, err)
	named := strings.Replace(string(config), "// headers:", "headers:", 1)
	require.NotEqual(t, string(config), named)
	file := filepath.Join(t.TempDir(), "openclaw.json5")
	require.NoError(t, os.WriteFile(file, []byte(named), 0o600))
	return append(env, "OPENCLAW_CONFIG="+file)
}

// TestOpenClawPauses checks what the README says of OpenClaw after a 402 and a 403.
func TestOpenClawPauses(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(clients, func(c client) bool { return c.dir == "openclaw" })
	for _, s := range []situation{overBudget, wrongModel} {
		t.Run(string(s), func(t *testing.T) {
			t.Parallel()
			c, home := &clients[i], "HOME="+t.TempDir()
			st := newSite(t, c, s)
			play(t, c, st, s, c.paths[0], text, home)
			out := play(t, c, st, s, c.paths[0], text, home)
			assert.Len(t, st.calls, 1, "calls of both turns")
			require.NotNil(t, out.Error)
			assert.Contains(t, out.Error.Message, "temporarily disabled after a provider auth/billing failure")
		})
	}
}
