package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
)

// A call cannot have somebody else pay for it, unless an engine of the
// operator's own allows that.
func TestBillingChange(t *testing.T) {
	for _, field := range []string{"bill_to", "billing_policy", "workspace_id", "user_profile_id"} {
		t.Run(field, func(t *testing.T) {
			body := `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[],"` + field + `":"wrkspc_1"}`
			b := newRig(t, "")
			c := contextOf(t, b.Refused(b.Post("/v1/messages", body), 403, "policy_violation"))
			assert.Equal(t, field, c["field"])
			assert.Equal(t, "no_billing_change", c["rule"])

			b = newRig(t, "", func(cfg *gateway.Config) { cfg.Policy = policy.AllowAll })
			b.Provider.Answer(whole(claudeAnswer))
			assert.Equal(t, 200, b.Post("/v1/messages", body).StatusCode)
			assert.Equal(t, body, b.Forwarded().Body)
		})
	}
}

// A name in another case is no way round the list of models: there are servers
// that read one for the other.
func TestDisguisedModel(t *testing.T) {
	const denied = `{"name":"prod","models":{"deny":["gpt-4o*"]}}`
	for name, c := range map[string]struct {
		body   string
		code   string
		status int
	}{
		"the model itself":      {`{"model":"GPT-4O","messages":[]}`, "policy_violation", 403},
		"with its provider":     {`{"model":"openai/Gpt-4o","messages":[]}`, "policy_violation", 403},
		"in a fallback":         {`{"model":"gpt-4.1","messages":[],"fallbacks":[{"Model":"gpt-4o"}]}`, "invalid_request", 400},
		"in a tool":             {`{"model":"gpt-4.1","messages":[],"tools":[{"type":"advisor","MODEL":"gpt-4o"}]}`, "invalid_request", 400},
		"at the top":            {`{"model":"gpt-4.1","Model":"gpt-4o","messages":[]}`, "invalid_request", 400},
		"in a fallback, honest": {`{"model":"gpt-4.1","messages":[],"fallbacks":[{"model":"GPT-4o"}]}`, "policy_violation", 403},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, denied)
			b.Refused(b.Post("/v1/chat/completions", c.body), c.status, c.code)
		})
	}
}
