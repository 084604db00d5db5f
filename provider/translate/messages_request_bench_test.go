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

// agentBody is the request of an agent with so many tools and calls behind it, whose
// results have so many bytes.
func agentBody(tools, calls, result int) []byte {
	var b strings.Builder
	b.WriteString(`{"model":"claude-sonnet-4-5","max_tokens":8192,"stream":true,"system":[{"type":"text","text":"You are a coding agent.\nKeep to the point.","cache_control":{"type":"ephemeral"}}],"tools":[`)
	for i := range tools {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"tool_%d","description":%q,"input_schema":{"type":"object","properties":{"path":{"type":"string","description":"of the file, from the root"},"lines":{"type":"array","items":{"type":"integer"}}},"required":["path"]}}`,
			i, strings.Repeat("Reads a file of the project and returns its lines.\n", 8))
	}
	b.WriteString(`],"messages":[{"role":"user","content":"Find the bug, please."}`)
	for i := range calls {
		fmt.Fprintf(&b, `,{"role":"assistant","content":[{"type":"text","text":"I look into \"file_%d.go\" now."},{"type":"tool_use","id":"toolu_%032d","name":"tool_%d","input":{"path":"src/file_%d.go","lines":[1, 2, 3]}}]}`, i, i, i%max(tools, 1), i)
		fmt.Fprintf(&b, `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_%032d","content":[{"type":"text","text":%q}]}]}`, i,
			strings.Repeat("\tif err != nil { return fmt.Errorf(\"reading: %w\", err) } // as it was\n", result/70+1)[:result])
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

func BenchmarkMessagesToChat(b *testing.B) {
	for _, c := range []struct {
		name                 string
		tools, calls, result int
	}{{"100KB", 20, 40, 1700}, {"10KB", 5, 5, 700}, {"1MB", 20, 300, 2800}} {
		b.Run(c.name, func(b *testing.B) {
			r := &provider.Request{Endpoint: provider.Messages, Body: agentBody(c.tools, c.calls, c.result)}
			require.NoError(b, anthropic.Dialect{}.Parse(r))
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Request(r, openai.Dialect{}, Options{Model: "gpt-5"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
