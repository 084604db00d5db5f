package gateway_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A relief is a rig with three providers: "openai", which is the rig's own, "spare",
// which speaks its dialect, and "anthropic".
type relief struct {
	*rig
	Spare  *script
	Claude *script
}

// newRelief starts one whose only policy has that document. The calls of the tests ask
// for openai/gpt-4.1.
func newRelief(t testing.TB, document string, change ...func(*gateway.Config)) *relief {
	t.Helper()
	f := &relief{Spare: newScript(t), Claude: newScript(t)}
	f.Spare.Answer(whole(spareAnswer))
	f.Claude.Answer(whole(claudeAnswer))
	f.rig = newRig(t, document, append([]func(*gateway.Config){func(cfg *gateway.Config) {
		first := cfg.Providers[0].(*openai.Provider)
		cfg.Providers = []provider.Provider{
			first,
			&openai.Provider{ID: "spare", APIKey: "sk-spare", URL: f.Spare.URL + "/v1", Serves: []string{"gpt-4.1-mini", "gpt-4.1"}},
			&anthropic.Provider{APIKey: claudeKey, URL: f.Claude.URL},
		}
		cfg.Aliases = nil
	}}, change...)...)
	return f
}

// What the spare provider answers, and a stream of the same.
const spareAnswer = `{"id":"chatcmpl-2","object":"chat.completion","created":1,"model":"gpt-4.1-mini-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"Spare."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`

var spareStream = []string{
	`data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4.1-mini-2025-04-14","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
	`data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4.1-mini-2025-04-14","choices":[{"index":0,"delta":{"content":"Spare."},"finish_reason":null}]}` + "\n\n",
	`data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4.1-mini-2025-04-14","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n",
	"data: [DONE]\n\n",
}

// spared falls over from the models of openai to a smaller one at spare.
const spared = `{"name":"prod","budgets":[{"name":"cap","per":"run","limit_usd":"10"}],
	"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`

const (
	streamedCall = `{"model":"openai/gpt-4.1","stream":true,"messages":[{"role":"user","content":"Hello"}]}`
	plainCall    = `{"model":"openai/gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`
)

// failing answers with an error.
func failing(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// hangsUp breaks the connection after some events.
func hangsUp(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(events) > 0 {
			stream(events...)(w, r)
		}
		panic(http.ErrAbortHandler)
	}
}

// waits does not answer before the client has left.
func waits(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(events) > 0 {
			stream(events...)(w, r)
		}
		<-r.Context().Done()
	}
}

const (
	leadEvent  = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4.1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	firstEvent = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4.1","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}` + "\n\n"
	errorEvent = `data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}` + "\n\n"

	brokenBody = `{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}`
	limitBody  = `{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}`
	quotaBody  = `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`
	wrongBody  = `{"error":{"message":"Invalid value","type":"invalid_request_error","param":"messages","code":null}}`
	longBody   = `{"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`
)

// settled checks that nothing of a run's budgets is still reserved, and that they were
// charged the sum of its steps.
func (f *relief) settled(id string) {
	f.t.Helper()
	r := f.Run(id)
	standings, err := f.Gateway.Statement(f.t.Context(), &r)
	require.NoError(f.t, err)
	for _, s := range standings {
		require.Zero(f.t, s.Balance.Reserved)
		require.Equal(f.t, int64(r.Spent), s.Balance.Spent)
	}
	require.Zero(f.t, r.InFlight)
}

// refusedServer is an address at which nobody listens, nor will.
func refusedServer(t testing.TB) string {
	s := newScript(t)
	s.refuse(t)
	return s.URL
}

// failedOver are the events of the type "step.failed_over".
func (e *events) failedOver() (all []run.FailedOver) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, e := range e.all {
		if e.FailedOver != nil {
			all = append(all, *e.FailedOver)
		}
	}
	return all
}

func failoverOf(rules string) string {
	return `{"name":"prod","budgets":[{"name":"cap","per":"run","limit_usd":"10"}],"failover":[` + rules + `]}`
}

var _ policy.Router = (*policy.Set)(nil)
