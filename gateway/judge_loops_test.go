package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A run that calls the same tool with the same arguments over and over is in a
// loop, in whatever form the answers come.
func TestLoopOfToolCalls(t *testing.T) {
	const loops = `{"name":"prod","loops":{"identical_tool_calls":2,"then":%q}}`
	for _, a := range apis {
		forms := []struct {
			name, call string
			answer     func(...proposed) http.HandlerFunc
		}{
			{"whole", a.whole(), func(p ...proposed) http.HandlerFunc { return whole(a.calling(p...)) }},
			{"streams", a.call, func(p ...proposed) http.HandlerFunc { c := a.streaming(p...); return stream(c.text()) }},
		}
		for _, form := range forms {
			for _, then := range []string{"deny", "block"} {
				t.Run(a.name+"/"+form.name+"/"+then, func(t *testing.T) {
					b := newRig(t, strings.Replace(loops, "%q", `"`+then+`"`, 1))
					ask := func(p ...proposed) string {
						b.Provider.Answer(form.answer(p...))
						return b.Post(a.path, form.call, nightly).Body
					}
					assert.NotContains(t, ask(smallRefund), "loop_detected")
					assert.NotContains(t, ask(largeRefund), "loop_detected", "other arguments")
					assert.NotContains(t, ask(smallRefund), "loop_detected")
					refused := ask(look, smallRefund)
					assert.Contains(t, refused, "loop_detected")
					assert.NotContains(t, refused, "ord_1", "nothing of the call")
					last := b.Steps("nightly")[3]
					assert.Equal(t, "loop_detected", last.Error)
					assert.Equal(t, usd(t, a.cost), last.Cost)
					assert.False(t, last.Usage.Estimated)
					if then == "deny" {
						assert.NotContains(t, ask(look), "loop_detected")
						return
					}
					assert.Equal(t, run.Blocked, b.Run("nightly").Status)
					seen := len(b.Provider.Seen())
					assert.Contains(t, ask(look), "loop_detected")
					assert.Len(t, b.Provider.Seen(), seen, "nothing is forwarded any more")
				})
			}
		}
	}
}

// What is stored at the provider is judged when it is fetched, in either form. It
// costs nothing, and is no turn of a loop: it may be fetched again and again.
func TestStoredAnswerJudged(t *testing.T) {
	a := of("responses")
	policy := strings.Replace(judging, `"budgets"`, `"loops":{"identical_tool_calls":2},"budgets"`, 1)
	streamed := func(p ...proposed) string { c := a.streaming(p...); return c.text() }
	for name, c := range map[string]struct {
		query  string
		answer func(string) http.HandlerFunc
		text   func(...proposed) string
	}{
		"whole":   {"", whole, a.calling},
		"streams": {"?stream=true", func(s string) http.HandlerFunc { return stream(s) }, streamed},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, policy)
			b.Provider.Answer(c.answer(c.text(smallRefund)))
			for range 5 {
				r := b.Get("/v1/responses/resp_1"+c.query, nightly)
				require.Equal(t, 200, r.StatusCode)
				require.Equal(t, c.text(smallRefund), r.Body)
			}
			b.Provider.Answer(c.answer(c.text(largeRefund)))
			r := b.Get("/v1/responses/resp_1"+c.query, nightly)
			assert.Contains(t, r.Body, "policy_violation")
			assert.NotContains(t, r.Body, "fc_0")
			assert.NotContains(t, r.Body, "response.completed")
			assert.Zero(t, b.Run("nightly").Spent)
		})
	}
}
