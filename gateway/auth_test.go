package gateway_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// An agent's token may come wherever an SDK would put a provider's key.
func TestToken(t *testing.T) {
	const foreign = "sk-proj-somebody-elses"
	for name, headers := range map[string]func(token string) []string{
		"bearer":                       func(k string) []string { return []string{"Authorization: Bearer " + k} },
		"bearer, in small letters":     func(k string) []string { return []string{"authorization: bearer " + k} },
		"bearer, in capitals":          func(k string) []string { return []string{"Authorization: BEARER " + k} },
		"bearer, behind two blanks":    func(k string) []string { return []string{"Authorization: Bearer  " + k} },
		"x-api-key":                    func(k string) []string { return []string{"Authorization: ", "x-api-key: " + k} },
		"both":                         func(k string) []string { return []string{"Authorization: Bearer " + k, "x-api-key: " + k} },
		"bearer, beside a foreign key": func(k string) []string { return []string{"Authorization: Bearer " + k, "x-api-key: " + foreign} },
		"x-api-key, beside a foreign bearer": func(k string) []string {
			return []string{"Authorization: Bearer " + foreign, "x-api-key: " + k}
		},
		"x-api-key, beside another scheme": func(k string) []string {
			return []string{"Authorization: Basic dXNlcjpwYXNz", "x-api-key: " + k}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(claudeAnswer))
			r := b.Post("/v1/messages", claudeCall, headers(b.Token)...)
			assert.Equal(t, 200, r.StatusCode, r.Body)
			got := b.Forwarded()
			assert.Equal(t, []string{claudeKey}, got.Header["X-Api-Key"])
			assert.NotContains(t, got.Header, "Authorization")
		})
	}
}

// Why a token does not do is nobody's business who does not have one.
func TestTokenRefused(t *testing.T) {
	change, tokens := enrol(t,
		run.Agent{ID: "expired", Expires: time.Now().Add(-time.Second)},
		run.Agent{ID: "valid", Expires: time.Now().Add(time.Hour)},
		run.Agent{ID: "revoked"},
	)
	expired, valid, revoked := tokens[0].Reveal(), tokens[1].Reveal(), tokens[2].Reveal()
	var agents *run.AgentTable
	b := newRig(t, "", change, func(c *gateway.Config) { agents = c.Agents.(*run.AgentTable) })
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "Authorization: Bearer "+valid).StatusCode)
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "Authorization: Bearer "+revoked).StatusCode, "not yet revoked")
	require.NoError(t, agents.Replace(
		run.Enrolment{Agent: run.Agent{ID: "expired", Expires: time.Now().Add(-time.Second)}, Tokens: []run.Digest{run.DigestOf(tokens[0])}},
		run.Enrolment{Agent: run.Agent{ID: "valid"}, Tokens: []run.Digest{run.DigestOf(tokens[1])}},
	))
	seen := len(b.Provider.Seen())

	for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/models", "/v1/runs/nightly", "/v1/runs/nightly/complete"} {
		t.Run(path, func(t *testing.T) {
			method := "POST"
			if path == "/v1/models" || path == "/v1/runs/nightly" {
				method = "GET"
			}
			first := ""
			for name, headers := range map[string][]string{
				"missing":                   {"Authorization: "},
				"empty":                     {"Authorization: Bearer"},
				"a prefix alone":            {"Authorization: Bearer rg_agt_"},
				"unknown":                   {"Authorization: Bearer " + run.NewToken().Reveal()},
				"unknown, in x-api-key":     {"Authorization: ", "x-api-key: " + run.NewToken().Reveal()},
				"expired":                   {"Authorization: Bearer " + expired},
				"revoked":                   {"Authorization: Bearer " + revoked},
				"a letter short":            {"Authorization: Bearer " + valid[:len(valid)-1]},
				"a letter long":             {"Authorization: Bearer " + valid + "a"},
				"in capitals":               {"Authorization: Bearer rg_agt_" + strings.ToUpper(valid[len("rg_agt_"):])},
				"without its prefix":        {"Authorization: Bearer " + valid[len("rg_agt_"):]},
				"without a scheme":          {"Authorization: " + valid},
				"in another scheme":         {"Authorization: Basic " + valid},
				"in two words":              {"Authorization: Bearer " + valid + " " + valid},
				"of an operator":            {"Authorization: Bearer rg_adm_" + valid[len("rg_agt_"):]},
				"in a header of the agent":  {"Authorization: ", "x-rungate-key: " + valid},
				"in another vendor's":       {"Authorization: ", "api-key: " + valid},
				"in a cookie":               {"Authorization: ", "Cookie: token=" + valid},
				"a provider's own key":      {"Authorization: Bearer " + openAIKey, "x-api-key: " + claudeKey},
				"known, as bearer of an id": {"Authorization: Bearer alice"},
			} {
				r := b.Do(method, path, chatCall, headers...)
				refusal(t, r, 401, "invalid_agent_token")
				id := r.Header.Get("X-Request-Id") + r.Header.Get("Request-Id")
				require.NotEmpty(t, id, name)
				body := strings.ReplaceAll(r.Body, id, "ID")
				if first == "" {
					first = body
				}
				assert.Equal(t, first, body, name)
				assert.NotContains(t, r.Header, "X-Rungate-Run-Id", name)
				assert.NotContains(t, r.Header, "Www-Authenticate", name)
			}
		})
	}
	assert.Len(t, b.Provider.Seen(), seen, "nothing is forwarded")
}

func TestTokenInQueryIsNone(t *testing.T) {
	b := newRig(t, "")
	b.Refused(b.Post("/v1/chat/completions?key="+b.Token+"&api_key="+b.Token, chatCall, "Authorization: "), 401, "invalid_agent_token")
}

// An agent table that cannot be asked is no reason to tell an agent that its
// token is not valid.
func TestAgentsUnavailable(t *testing.T) {
	b := newRig(t, "", func(c *gateway.Config) { c.Agents = noAgents{} })
	r := b.Post("/v1/chat/completions", chatCall)
	b.Refused(r, 503, "store_unavailable")
	assert.NotContains(t, r.Body, "directory")
	assert.Contains(t, b.Log.String(), "the directory is away")
}

type noAgents struct{}

var errAway = errors.New("the directory is away")

func (noAgents) ByToken(context.Context, run.Digest) (*run.Agent, error) { return nil, errAway }
func (noAgents) ByID(context.Context, string) (*run.Agent, error)        { return nil, errAway }

// Whoever prints a provider sees no key, also when it has been used.
func TestUsedProvidersPrintNoKey(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall).StatusCode)
	b.Provider.Answer(whole(claudeAnswer))
	require.Equal(t, 200, b.Post("/v1/messages", claudeCall).StatusCode)
	for _, p := range b.Gateway.Providers() {
		for _, form := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			text := fmt.Sprintf(form, p)
			for _, key := range []string{openAIKey, claudeKey} {
				assert.NotContains(t, text, key, form)
				assert.NotContains(t, text, hex.EncodeToString([]byte(key)), form)
			}
		}
		var logged strings.Builder
		slog.New(slog.NewTextHandler(&logged, nil)).Info("start", "provider", p)
		assert.NotContains(t, logged.String(), openAIKey)
		assert.NotContains(t, logged.String(), claudeKey)
	}
}

// No secret is told, neither to the agent nor to the log, whatever goes wrong.
func TestSecretsStaySecret(t *testing.T) {
	b := newRig(t, `{"name":"prod","models":{"deny":["gpt-3*"]},"budgets":[{"name":"usd","per":"run","limit_usd":"0.001"}]}`)
	const prompt = "the prompt is nobody's business"
	chat := func(model string) string {
		return `{"model":"` + model + `","max_tokens":10,"messages":[{"role":"user","content":"` + prompt + `"}]}`
	}
	var told strings.Builder
	tell := func(r *reply) {
		told.WriteString(r.Body)
		r.Header.Write(&told)
	}
	b.Provider.Answer(whole(chatAnswer))
	tell(b.Post("/v1/chat/completions", chat("gpt-4.1")))
	tell(b.Post("/v1/chat/completions?key="+b.Token, chat("gpt-3.5-turbo")))
	tell(b.Post("/v1/chat/completions", chat("gpt-3.5-turbo")[1:]))
	tell(b.Post("/v1/chat/completions", chat("no-such-model")))
	tell(b.Post("/v1/nowhere?key="+b.Token, chat("gpt-4.1")))
	tell(b.Post("/v1/chat/completions", chat("gpt-4.1"), "Authorization: Bearer "+b.Token+"x"))
	tell(b.Post("/v1/chat/completions", strings.Replace(chat("gpt-4.1"), "10", "100000", 1), "x-rungate-run-id: short"))
	tell(b.Post("/v1/chat/completions", chat("gpt-4.1"), "x-rungate-run-id: short"))
	tell(b.Get("/v1/runs/short"))
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	tell(b.Post("/v1/chat/completions", chat("gpt-4.1"), "x-rungate-run-id: broken"))
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte(`{"id":`))
	})
	tell(b.Post("/v1/chat/completions", chat("gpt-4.1"), "x-rungate-run-id: broken"))
	b.Provider.Close()
	tell(b.Post("/v1/chat/completions", chat("gpt-4.1"), "x-rungate-run-id: broken"))

	require.NotEmpty(t, b.Log.String())
	for name, text := range map[string]string{"the log": b.Log.String(), "the agent": told.String()} {
		for _, secret := range []string{b.Token, openAIKey, claudeKey, prompt} {
			assert.NotContains(t, text, secret, name)
		}
	}
}
