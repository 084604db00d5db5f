package admin_test

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

// Operators see how each target serves that has been tried.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limited bool
		d := newDesk(t, func(c *gateway.Config) {
			c.Transport = &inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(250 * time.Millisecond)
				if !limited {
					(&fake.Provider{}).ServeHTTP(w, r)
					return
				}
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(http.StatusTooManyRequests)
				io.WriteString(w, `{"error":{"message":"x","type":"requests","param":null,"code":"rate_limit_exceeded"}}`)
			})}
		})
		assert.JSONEq(t, `{"targets":[]}`, d.Do("GET", "/v1/targets", "").Body)
		call := func(model string) {
			r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"`+model+`","stream":true,"messages":[{"role":"user","content":"Hello"}]}`))
			d.Gateway.ServeHTTP(httptest.NewRecorder(), r.WithContext(run.NewContext(r.Context(), run.Ref{Agent: "alice"})))
		}
		call("gpt-4.1")
		limited = true
		call("gpt-5")
		got := d.Do("GET", "/v1/targets", "")
		assert.Equal(t, 200, got.Code)
		at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
		assert.JSONEq(t, `{"targets":[
			{"provider":"openai","model":"gpt-4.1","state":"closed","latency_ms":250,"attempts":1,"failures":0},
			{"provider":"openai","model":"gpt-5","state":"open","fault":"rate_limited","last_failure":"`+at(time.Now())+`",
				"until":"`+at(time.Now().Add(30*time.Second))+`","attempts":1,"failures":1}]}`, got.Body)
		time.Sleep(30 * time.Second)
		list := d.Do("GET", "/v1/targets", "").JSON["targets"].([]any)
		assert.Equal(t, "half_open", list[1].(map[string]any)["state"])
		d.Refused(d.Do("POST", "/v1/targets", "{}"), 404, "unknown_endpoint")
	})
}
