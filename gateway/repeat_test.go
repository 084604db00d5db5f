package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// What a provider has not answered with success is no turn of a loop: SDKs make
// the same call again.
func TestFailedCallsAreNoTurns(t *testing.T) {
	const document = `{"name":"prod","loops":{"identical_calls":3,"then":"block"}}`
	for name, answer := range map[string]http.HandlerFunc{
		"too many requests": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"an error":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a bad request":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"no answer":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, document)
			b.Provider.Answer(answer)
			for range 5 {
				assert.NotContains(t, b.Post("/v1/chat/completions", chatCall, nightly).Body, "loop_detected")
			}
			b.Provider.Answer(whole(chatAnswer))
			for i := range 3 {
				require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode, "call %d that succeeds", i)
			}
			refusal(t, b.Post("/v1/chat/completions", chatCall, nightly), 403, "loop_detected")
			assert.Equal(t, run.Blocked, b.Run("nightly").Status)
		})
	}
}

// What is announced of a call does not make its run forget the turns of a loop.
func TestTurnsAmongManyAnnouncements(t *testing.T) {
	b := newRig(t, `{"name":"prod","loops":{"identical_calls":3},"rules":[{"name":"told","tool":"*","declared":true,"then":"alert"}]}`)
	b.Provider.Answer(whole(chatAnswer))
	var tools []string
	for i := range 40 {
		tools = append(tools, fmt.Sprintf(`{"type":"function","function":{"name":"tool_%d"}}`, i))
	}
	call := `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}],"tools":[` + strings.Join(tools, ",") + `]}`
	for range 3 {
		require.Equal(t, 200, b.Post("/v1/chat/completions", call, nightly).StatusCode)
	}
	refusal(t, b.Post("/v1/chat/completions", call, nightly), 403, "loop_detected")
}
