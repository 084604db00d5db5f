package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// What another reader might read differently, or would be kept for long, is
// refused before it is forwarded.
func TestHostileRequests(t *testing.T) {
	long := strings.Repeat("m", 257)
	for name, c := range map[string]struct {
		path, body, header string
		status             int
		code               string
	}{
		"a charset that hides quotes":      {"/v1/chat/completions", chatCall, "content-type: application/json; charset=utf-7", 415, "unsupported_encoding"},
		"a type that cannot be read":       {"/v1/chat/completions", chatCall, "content-type: application/json; charset", 415, "unsupported_encoding"},
		"a model's name that is long":      {"/v1/chat/completions", `{"model":"` + long + `","messages":[]}`, "", 400, "invalid_request"},
		"one in a fallback":                {"/v1/chat/completions", `{"model":"gpt-4.1","messages":[],"fallbacks":["` + long + `"]}`, "", 400, "invalid_request"},
		"an answer that is paid for later": {"/v1/responses", `{"model":"gpt-4.1","input":"hi","background":true}`, "", 403, "policy_violation"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"5"}]}`)
			headers := []string{nightly}
			if c.header != "" {
				headers = append(headers, c.header)
			}
			b.Refused(b.Post(c.path, c.body, headers...), c.status, c.code)
		})
	}
	t.Run("UTF-8 by name passes", func(t *testing.T) {
		b := newRig(t, "")
		b.Provider.Answer(whole(chatAnswer))
		assert.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, `content-type: application/json; charset="UTF-8"`).StatusCode)
	})
	t.Run("who pays is not for a header to say", func(t *testing.T) {
		b := newRig(t, "")
		b.Provider.Answer(whole(chatAnswer))
		b.Post("/v1/chat/completions", chatCall, "x-hf-bill-to: somebody-else")
		assert.NotContains(t, b.Forwarded().Header, "X-Hf-Bill-To")
	})
}

// An unset variable makes no token that lets everybody in.
func TestEmptyTokenIsNone(t *testing.T) {
	var agents run.AgentTable
	assert.Error(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "open"}, Tokens: []run.Digest{run.DigestOf("")}}))
}

// A status that is none of an answer is not passed on, and nothing is left
// waiting.
func TestImpossibleStatus(t *testing.T) {
	gw := newLocal(t, `{"name":"prod"}`, local(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 99, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: http.NoBody}, nil
	}))
	refusal(t, serve(t, gw, &run.Ref{ID: "nightly"}, "POST", "/v1/chat/completions", chatCall), 502, "upstream_protocol_error")
	require.NoError(t, gw.Close(t.Context()))
}

// A run that the host program has blocked answers so, whatever the code.
func TestBlockOfTheHostProgram(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	_, err := b.Gateway.Runs().Block(t.Context(), b.Run("nightly").Key, &run.Block{Code: "manual_stop", Message: "Rungate: stopped by hand."}, nil)
	require.NoError(t, err)
	refusal(t, b.Post("/v1/chat/completions", chatCall, nightly), 403, "manual_stop")
}
