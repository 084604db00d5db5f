package translate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// agentRequest is a Chat request of an agent that has worked for a while: about
// 100 KB, with 20 tools.
func agentRequest(tb testing.TB) *provider.Request {
	var b strings.Builder
	b.WriteString(`{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"medium","tools":[`)
	for i := range 20 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"function","function":{"name":"tool_%d","description":%q,"parameters":{"type":"object","properties":{`+
			`"path":{"type":"string","description":"Where the file is, from the root of the repository."},`+
			`"lines":{"type":"integer","description":"How many lines to read."}},"required":["path"],"additionalProperties":false}}}`,
			i, strings.Repeat("Reads a file and returns what is in it. ", 8))
	}
	b.WriteString(`],"messages":[{"role":"system","content":"` + strings.Repeat(`You are careful. Say what you do.\n`, 60) + `"},{"role":"user","content":"Mend the build."}`)
	for i := 0; b.Len() < 100_000; i++ {
		fmt.Fprintf(&b, `,{"role":"assistant","content":"I read two files.","tool_calls":[`+
			`{"id":"call_%da","type":"function","function":{"name":"tool_1","arguments":"{\"path\":\"main.go\",\"lines\":%d}"}},`+
			`{"id":"call_%db","type":"function","function":{"name":"tool_2","arguments":"{\"path\":\"go.mod\"}"}}]},`+
			`{"role":"tool","tool_call_id":"call_%da","content":%q},{"role":"tool","tool_call_id":"call_%db","content":"module example.org/m\n"}`,
			i, i, i, i, strings.Repeat("func main() {\n\tfmt.Println(\"hello\")\n}\n", 40), i)
	}
	b.WriteString(`]}`)
	r := &provider.Request{Endpoint: provider.Chat, Body: []byte(b.String())}
	require.NoError(tb, openai.Dialect{}.Parse(r))
	return r
}

func BenchmarkChatToMessages(b *testing.B) {
	r := agentRequest(b)
	for _, model := range []string{"claude-opus-4-8", "claude-haiku-4-5"} {
		b.Run(model, func(b *testing.B) {
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Request(r, anthropic.Dialect{}, Options{Model: model, MaxOutput: 64_000}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
