package roundtrip_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
)

// calling is an answer that refunds an amount of dollars, whole and streamed.
func calling(amount string) (whole string, events []string) {
	const begin, usage = `{"id":"chatcmpl-1","model":"gpt-4.1","choices":[{"index":0,`, `"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`
	tool := `"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"issue_refund","arguments":"{\"amount_usd\":`
	whole = begin + `"message":{"role":"assistant","content":null,` + tool + amount + `}"}}]},"finish_reason":"tool_calls"}],` + usage
	return whole, []string{
		chunks[0],
		"data: " + begin + `"delta":{"content":"Sure."}}]}` + "\n\n",
		"data: " + begin + `"delta":{` + tool + `"}}]}}]}` + "\n\n",
		"data: " + begin + `"delta":{"tool_calls":[{"index":0,"function":{"arguments":"` + amount + `}"}}]}}]}` + "\n\n",
		"data: " + begin + `"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n",
		chunks[2],
		chunks[3],
	}
}

// What a model proposes to call is judged before the client sees it.
func TestJudgedAnswers(t *testing.T) {
	p, err := policy.Parse([]byte(`{"name":"prod","rules":[{"name":"large","tool":"issue_refund",
		"when":[{"arg":"amount_usd","op":">","value":500}],"then":"deny"}]}`))
	require.NoError(t, err)
	rules, err := policy.New(p)
	require.NoError(t, err)
	judge := func(cfg *gateway.Config) { cfg.Policy = rules }
	answer := func(amount string) http.HandlerFunc {
		whole, events := calling(amount)
		return func(w http.ResponseWriter, r *http.Request) {
			if sent, _ := io.ReadAll(r.Body); strings.Contains(string(sent), `"stream":true`) {
				stream(w, events...)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, whole)
		}
	}
	large, largeEvents := calling("1240.00")
	small, smallEvents := calling("20")
	both(t, []property{
		{"an answer that is allowed is as it was", func(t *testing.T, serve serve) {
			s := serve(answer("20"), judge)
			_, got := s.Post(chatCall)
			assert.Equal(t, small, got)
			_, got = s.Post(streamCall)
			assert.Equal(t, strings.Join(smallEvents, ""), got)
		}},
		{"an answer that is refused is a 403", func(t *testing.T, serve serve) {
			s := serve(answer("1240.00"), judge)
			resp, got := s.Post(chatCall)
			assert.Equal(t, 403, resp.StatusCode)
			assert.Contains(t, got, `"rule":"large"`)
			assert.Contains(t, got, `"args":{"amount_usd":1240.00}`)
			assert.NotContains(t, got, large[:20])
			assert.Equal(t, "policy_violation", s.Step("r").Error)
			assert.EqualValues(t, 150, s.Step("r").Usage.Total())
		}},
		{"a stream that is refused ends with an error before the call", func(t *testing.T, serve serve) {
			s := serve(answer("1240.00"), judge)
			_, got := s.Post(streamCall)
			rest, ok := strings.CutPrefix(got, largeEvents[0]+largeEvents[1])
			require.True(t, ok, got)
			assert.Contains(t, rest, `"rule":"large"`)
			assert.NotContains(t, rest, "call_1")
			assert.NotContains(t, rest, "[DONE]")
			assert.Equal(t, 1, strings.Count(rest, "\n\n"))
			assert.Equal(t, "policy_violation", s.Step("r").Error)
			assert.EqualValues(t, 150, s.Step("r").Usage.Total())
		}},
	})
}
