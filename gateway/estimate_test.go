package gateway_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// A call is expected to cost what the dearest model costs that may come to serve
// it.
func TestEstimateOfFurtherModels(t *testing.T) {
	const document = `{"name":"prod","rules":[{"name":"dear","when":[{"call":"estimated_cost_usd","op":">","value":"0.01"}],"then":"deny"}]}`
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"a cheap model", `{"model":"claude-haiku-4-5","max_tokens":500}`, 200},
		{"a dear one", `{"model":"claude-opus-4-1","max_tokens":500}`, 403},
		{"a dear one to fall back on", `{"model":"claude-haiku-4-5","max_tokens":500,"fallbacks":[{"model":"claude-opus-4-1"}]}`, 403},
		{"a dear one as an adviser", `{"model":"claude-haiku-4-5","max_tokens":500,"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-4-1"}]}`, 403},
		{"a cheap one to fall back on", `{"model":"claude-haiku-4-5","max_tokens":500,"fallbacks":[{"model":"claude-haiku-4-5"}]}`, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, document)
			b.Provider.Answer(whole(`{"type":"message","model":"claude-haiku-4-5","usage":{"input_tokens":1,"output_tokens":1}}`))
			assert.Equal(t, c.status, b.Post("/v1/messages", c.body).StatusCode)
		})
	}
}

// Embeddings have no output that would have to be limited.
func TestEmbeddingsUnderStrictBudgets(t *testing.T) {
	b := newRig(t, fmt.Sprintf(`{"name":"prod","budgets":[{"name":"strict","per":"run","admission":"strict","limit_usd":%q}]}`, budget.Money(1e9)))
	b.Provider.Answer(whole(`{"object":"list","data":[],"model":"text-embedding-3-small","usage":{"prompt_tokens":2,"total_tokens":2}}`))
	r := b.Post("/v1/embeddings", `{"model":"text-embedding-3-small","input":"hello"}`, nightly)
	require.Equal(t, http.StatusOK, r.StatusCode, r.Body)
	assert.EqualValues(t, 2, b.Run("nightly").Tokens.Total())
}

// What budgets leave is told where they hold.
func TestRemainingInShadowMode(t *testing.T) {
	for mode, told := range map[string]bool{"enforce": true, "shadow": false} {
		t.Run(mode, func(t *testing.T) {
			limit := int64(1000)
			if mode == "shadow" {
				limit = 1 // which is soon used up
			}
			b := newRig(t, fmt.Sprintf(`{"name":"prod","mode":%q,"budgets":[{"name":"b","per":"run","limit_tokens":%d,"expected_output_tokens":1}]}`, mode, limit))
			b.Provider.Answer(whole(chatAnswer))
			for range 2 {
				r := b.Post("/v1/chat/completions", chatCall, nightly)
				require.Equal(t, http.StatusOK, r.StatusCode, r.Body)
				left := r.Header.Get("X-Rungate-Budget-Remaining-Tokens")
				assert.Equal(t, told, left != "", left)
				assert.NotEqual(t, fmt.Sprint(int64(math.MaxInt64)), left)
			}
		})
	}
}

// peek tells with what input the policy was asked last.
type peek struct {
	*policy.Set
	input int64
}

func (p *peek) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	p.input = in.InputTokens
	return p.Set.Decide(ctx, in)
}

// What the tool that makes images has consumed says nothing about how the model counts
// the tokens of a prompt.
func TestImagesTeachNothingAboutText(t *testing.T) {
	p := &peek{Set: mustSet(t, `{"name":"prod"}`)}
	body := `{"model":"gpt-4.1","input":"` + strings.Repeat("hello ", 200) + `","tools":[{"type":"image_generation"}]}`
	for _, c := range []struct{ name, tool string }{
		{"without images", ""},
		{"with images", `,"tool_usage":{"image_gen":{"input_tokens":7918,"output_tokens":186}}`},
	} {
		answer := `{"id":"resp_1","object":"response","status":"completed","model":"gpt-4.1","output":[],"usage":{"input_tokens":INPUT,"output_tokens":2}` + c.tool + `}`
		gw := newLocal(t, `{"name":"prod"}`, answers(strings.Replace(answer, "INPUT", "330", 1)), func(cfg *gateway.Config) { cfg.Policy = p })
		var first int64
		for i := range 40 {
			w := serve(t, gw, &run.Ref{}, "POST", "/v1/responses", body)
			require.Equal(t, 200, w.StatusCode, w.Body)
			if i == 0 {
				first = p.input
			}
		}
		if c.tool == "" {
			assert.Less(t, p.input, first, "it learns")
		} else {
			assert.Equal(t, first, p.input, c.name)
		}
	}
}
