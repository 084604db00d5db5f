package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Many calls and many declared tools are compared with each other. There is an end
// to that, before it takes long.
func TestManyCallsOfManyTools(t *testing.T) {
	list := func(n int, item string) string {
		return strings.TrimSuffix(strings.Repeat(item+",", n), ",")
	}
	request := func(tools int) string {
		return `{"model":"gpt-4.1","messages":[],"tools":[` + list(tools, `{"type":"function","function":{"name":"look_up"}}`) + `]}`
	}
	answer := func(calls int) string {
		return fmt.Sprintf(`{"model":"gpt-4.1","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","tool_calls":[%s]}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`,
			list(calls, `{"id":"c","type":"function","function":{"name":"look_up","arguments":"{}"}}`))
	}
	for _, c := range []struct {
		name         string
		tools, calls int
		status       int
	}{
		{"many calls", 128, 2000, 200},
		{"many tools", 4096, 64, 200},
		{"many of both", 4096, 2000, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","tools":{"deny":["shell"]}}`)
			b.Provider.Answer(whole(answer(c.calls)))
			r := b.Post("/v1/chat/completions", request(c.tools))
			require.Equal(t, c.status, r.StatusCode)
			if c.status != 200 {
				assert.Contains(t, refusal(t, r, 502, "upstream_protocol_error")["message"], "more than can be compared")
			}
		})
	}
}
