package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// The page of targets says which of them serve, and why others are left out.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "", func(c *gateway.Config) {
			c.Transport = &inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(250 * time.Millisecond)
				body, _ := io.ReadAll(r.Body)
				if r.Body = io.NopCloser(strings.NewReader(string(body))); !strings.Contains(string(body), "gpt-5") {
					(&fake.Provider{}).ServeHTTP(w, r)
					return
				}
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(http.StatusTooManyRequests)
			})}
		})
		call := func(model string) {
			r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"`+model+`","stream":true,"messages":[{"role":"user","content":"Hello"}]}`))
			s.Gateway.ServeHTTP(httptest.NewRecorder(), r.WithContext(run.NewContext(r.Context(), run.Ref{Agent: "refund-bot"})))
		}
		cookie := s.SignIn("alice")
		page := func() string { return s.Ask("GET", "/targets", "", cookie).Body.String() }
		assert.Contains(t, page(), "No call has been forwarded yet.")
		call("gpt-4.1")
		call("gpt-5")
		time.Sleep(10 * time.Second)
		for _, want := range []string{
			`aria-current="page">Targets</a>`, "openai/gpt-4.1", `<span class="status serving">serving</span>`, "0.25 s",
			"openai/gpt-5", `<span class="status out">left out</span>`, "to be tried again", "in 20 s", "rate limited, ", "10 s ago",
		} {
			assert.Contains(t, page(), want)
		}
		time.Sleep(20 * time.Second)
		assert.Contains(t, page(), "the next call shows if it serves again")
	})
}
