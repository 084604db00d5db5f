package roundtrip_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
)

// A client in the gateway's own process gets the answer of whoever serves it, also where
// the gateway has let its goroutine go before the first one failed.
func TestFailover(t *testing.T) {
	const lead = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	for name, dead := range map[string]http.HandlerFunc{
		"an error":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"no answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a lead only": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, lead)
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		for form, body := range map[string]string{"whole": `"stream":false`, "stream": `"stream":true`} {
			for _, on := range []gateway.OnDisconnect{gateway.CancelUpstream, gateway.DrainUpstream} {
				t.Run(name+"/"+form, func(t *testing.T) {
					model := &fake.Provider{}
					gw, err := gateway.New(gateway.Config{
						Providers: []provider.Provider{&openai.Provider{}, &anthropic.Provider{}}, Policy: policy.AllowAll,
						Failover: []policy.Failover{{Models: []string{"*"}, To: []policy.Rank{policy.Only(policy.Target{Provider: "anthropic", Model: "claude-sonnet-4-5"})}}},
						Metering: gateway.Metering{OnDisconnect: on},
						Transport: &inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							if r.Host == "api.openai.com" {
								dead(w, r)
								return
							}
							model.ServeHTTP(w, r)
						})},
					})
					require.NoError(t, err)
					defer func() { require.NoError(t, gw.Close(context.Background())) }()
					req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.openai.com/v1/chat/completions",
						strings.NewReader(`{"model":"gpt-4o",`+body+`,"messages":[{"role":"user","content":"Hello"}]}`))
					require.NoError(t, err)
					resp, err := roundtrip.New(gw).RoundTrip(req)
					require.NoError(t, err)
					defer resp.Body.Close()
					got, err := io.ReadAll(resp.Body)
					require.NoError(t, err)
					assert.Equal(t, 200, resp.StatusCode, "%s", got)
					assert.Equal(t, "anthropic/claude-sonnet-4-5", resp.Header.Get("X-Rungate-Served-By"))
					if form == "stream" {
						assert.True(t, strings.HasSuffix(string(got), "data: [DONE]\n\n"), "%s", got)
					} else {
						assert.Contains(t, string(got), `"finish_reason":"stop"`)
					}
				})
			}
		}
	}
}
