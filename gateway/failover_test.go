package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider/openai"
)

// A target that dies before the first content is given up on, and the agent gets the
// answer of the next one as if that had been asked.
func TestFailover(t *testing.T) {
	soon := func(cfg *gateway.Config) {
		cfg.Limits.FirstByteTimeout, cfg.Limits.AnswerTimeout = 100*time.Millisecond, 100*time.Millisecond
	}
	down := func(cfg *gateway.Config) {
		cfg.Providers[0].(*openai.Provider).URL = refusedServer(t) + "/v1"
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		fault  string
		status int
		err    string
		change func(*gateway.Config)
		only   string // "stream" or "whole"; empty is both
	}{
		{name: "nobody listens", fault: "unreachable", status: 502, err: "upstream_unreachable", change: down},
		{name: "the connection breaks", answer: hangsUp(), fault: "unreachable", status: 502, err: "upstream_unreachable"},
		{name: "no answer in time", answer: waits(), fault: "timeout", status: 504, err: "upstream_timeout", change: soon},
		{name: "408", answer: failing(408, brokenBody), fault: "overloaded", status: 408},
		{name: "429", answer: failing(429, limitBody, "Retry-After", "1"), fault: "rate_limited", status: 429},
		{name: "429, no money", answer: failing(429, quotaBody), fault: "out_of_funds", status: 429},
		{name: "500", answer: failing(500, brokenBody), fault: "overloaded", status: 500},
		{name: "502 of an edge", answer: failing(502, "<html>Bad gateway</html>"), fault: "overloaded", status: 502},
		{name: "529", answer: failing(529, brokenBody), fault: "overloaded", status: 529},
		{name: "an error is the first event", answer: stream(errorEvent), fault: "overloaded", status: 200, only: "stream"},
		{name: "an error comes after the lead", answer: stream(leadEvent, errorEvent), fault: "overloaded", status: 200, only: "stream"},
		{name: "the stream breaks off in the lead", answer: hangsUp(leadEvent), fault: "overloaded", status: 200, err: "upstream_protocol_error", only: "stream"},
		{name: "the stream ends in the lead", answer: stream(leadEvent), fault: "overloaded", status: 200, err: "upstream_protocol_error", only: "stream"},
		{name: "the stream stalls in the lead", answer: waits(leadEvent), fault: "timeout", status: 200, err: "upstream_timeout", change: soon, only: "stream"},
		{name: "the answer breaks off", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"id":`)
			flush(w)
			panic(http.ErrAbortHandler)
		}, fault: "overloaded", status: 200, err: "upstream_protocol_error", only: "whole"},
	} {
		for _, form := range []struct {
			name, call string
			spare      http.HandlerFunc
			want       string
		}{
			{"whole", plainCall, whole(spareAnswer), spareAnswer},
			{"stream", streamedCall, stream(spareStream...), strings.Join(spareStream, "")},
		} {
			if tt.only != "" && tt.only != form.name {
				continue
			}
			t.Run(tt.name+"/"+form.name, func(t *testing.T) {
				f := newRelief(t, spared, func(cfg *gateway.Config) {
					if tt.change != nil {
						tt.change(cfg)
					}
				})
				f.Provider.Answer(tt.answer)
				f.Spare.Answer(form.spare)
				got := f.Post("/v1/chat/completions", form.call, "X-Rungate-Run-Id: r")
				require.NoError(t, got.Err)
				require.Equal(t, 200, got.StatusCode, got.Body)
				assert.Equal(t, form.want, got.Body)
				assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
				assert.Equal(t, "r", got.Header.Get("X-Rungate-Run-Id"))
				sent := f.Spare.Seen()
				require.Len(t, sent, 1)
				assert.Contains(t, sent[0].Body, `"model":"gpt-4.1-mini"`)
				assert.Equal(t, "Bearer sk-spare", sent[0].Header.Get("Authorization"))

				steps := f.Steps("r")
				require.Len(t, steps, 2, "one for each attempt")
				first, second := steps[0], steps[1]
				assert.Equal(t, "openai gpt-4.1", first.Provider+" "+first.Model)
				assert.Equal(t, tt.fault, first.Fault)
				assert.Equal(t, tt.status, first.Status)
				assert.Equal(t, tt.err, first.Error)
				assert.Equal(t, "spare gpt-4.1-mini", second.Provider+" "+second.Model)
				assert.Equal(t, first.ID, second.First)
				assert.Empty(t, second.Fault)
				assert.Equal(t, 200, second.Status)
				assert.NotZero(t, second.Cost)
				f.settled("r")

				told := f.Events.failedOver()
				require.Len(t, told, 1)
				assert.Equal(t, first.ID, told[0].Step)
				assert.Equal(t, "openai/gpt-4.1", told[0].From)
				assert.Equal(t, "spare/gpt-4.1-mini", told[0].To)
				assert.Equal(t, tt.fault, told[0].Fault)
			})
		}
	}
}

// What is the caller's own fault, or comes after the first content, is not tried
// elsewhere.
func TestNoFailover(t *testing.T) {
	for _, tt := range []struct {
		name, call string
		answer     http.HandlerFunc
		status     int
		body       string // the beginning
	}{
		{"400", plainCall, failing(400, wrongBody), 400, wrongBody},
		{"401, which must alarm", plainCall, failing(401, brokenBody), 401, brokenBody},
		{"404", plainCall, failing(404, wrongBody), 404, wrongBody},
		{"413", plainCall, failing(413, wrongBody), 413, wrongBody},
		{"422", plainCall, failing(422, wrongBody), 422, wrongBody},
		{"an answer", plainCall, whole(chatAnswer), 200, chatAnswer},
		{"a stream that fails after content", streamedCall, stream(leadEvent, firstEvent, errorEvent), 200, leadEvent + firstEvent + errorEvent},
		{"a stream that breaks off after content", streamedCall, hangsUp(leadEvent, firstEvent), 200, leadEvent + firstEvent + `data: {"error":`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRelief(t, spared)
			f.Provider.Answer(tt.answer)
			got := f.Post("/v1/chat/completions", tt.call, "X-Rungate-Run-Id: r")
			assert.Equal(t, tt.status, got.StatusCode)
			assert.True(t, strings.HasPrefix(got.Body, tt.body), got.Body)
			assert.Empty(t, got.Header.Get("X-Rungate-Served-By"))
			assert.Empty(t, f.Spare.Seen())
			require.Len(t, f.Steps("r"), 1)
			assert.Empty(t, f.Steps("r")[0].Fault)
			f.settled("r")
		})
	}
}

// When nobody serves a call, the agent gets the first target's error, as it was.
func TestAllTargetsFail(t *testing.T) {
	for _, tt := range []struct {
		name, call   string
		first, spare http.HandlerFunc
		status       int
		body         string
	}{
		{"two errors", plainCall, failing(429, limitBody, "Retry-After", "7"), failing(500, brokenBody), 429, limitBody},
		{"an error, and none that answers", plainCall, failing(503, brokenBody), hangsUp(), 503, brokenBody},
		{"an error, and a mistake elsewhere", plainCall, failing(503, brokenBody), failing(400, wrongBody), 503, brokenBody},
		{"streams", streamedCall, stream(leadEvent, errorEvent), failing(500, limitBody), 200, leadEvent + errorEvent},
		{"a stream after an error", streamedCall, failing(500, brokenBody), stream(leadEvent, errorEvent), 500, brokenBody},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRelief(t, spared)
			f.Provider.Answer(tt.first)
			f.Spare.Answer(tt.spare)
			got := f.Post("/v1/chat/completions", tt.call, "X-Rungate-Run-Id: r")
			assert.Equal(t, tt.status, got.StatusCode)
			assert.Equal(t, tt.body, got.Body)
			assert.Equal(t, "r", got.Header.Get("X-Rungate-Run-Id"))
			assert.Empty(t, got.Header.Get("X-Rungate-Served-By"))
			assert.Len(t, f.Steps("r"), 2)
			f.settled("r")
			if tt.status == 429 {
				assert.Equal(t, "7", got.Header.Get("Retry-After"))
			}
		})
	}
	t.Run("none that answers, and an error", func(t *testing.T) {
		f := newRelief(t, spared)
		f.Provider.Answer(hangsUp())
		f.Spare.Answer(failing(500, brokenBody))
		refusal(t, f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r"), 502, "upstream_unreachable")
		f.settled("r")
	})
}

// A target that may not serve the call is passed over, and its run not held responsible
// for what it has not asked for.
func TestTargetsAreChecked(t *testing.T) {
	for _, tt := range []struct{ name, policy string }{
		{"by the list of models", `{"name":"prod","models":{"allow":["openai/*","anthropic/*"]},
			"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini","spare/gpt-4.1"]}]}`},
		{"by a rule that blocks", `{"name":"prod","rules":[{"name":"home","when":[{"call":"provider","op":"==","value":"spare"}],"then":"block"}],
			"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1"]}]}`},
		{"by its price", `{"name":"prod","budgets":[{"name":"cap","per":"run","limit_usd":"0.05"}],
			"failover":[{"models":["openai/*"],"to":["spare/o1-pro"]}]}`},
		{"without a price", `{"name":"prod","budgets":[{"name":"cap","per":"run","limit_usd":"1"}],
			"failover":[{"models":["openai/*"],"to":["spare/nobody-knows"]}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRelief(t, tt.policy)
			f.Provider.Answer(failing(500, brokenBody))
			got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
			assert.Equal(t, 500, got.StatusCode)
			assert.Equal(t, brokenBody, got.Body)
			assert.Empty(t, f.Spare.Seen())
			assert.Len(t, f.Steps("r"), 1)
			assert.Empty(t, f.Events.failedOver())
			r := f.Run("r")
			assert.Equal(t, "open", string(r.Status))
			for _, e := range f.Events.Types() {
				assert.NotContains(t, []string{"policy.drift", "run.blocked", "budget.exceeded"}, string(e))
			}
			refused, err := f.Gateway.Runs().Refusals(t.Context(), r.Key)
			require.NoError(t, err)
			assert.Empty(t, refused)
		})
	}
	t.Run("and the next one serves", func(t *testing.T) {
		f := newRelief(t, `{"name":"prod","models":{"deny":["spare/gpt-4.1-mini"]},
			"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini","spare/gpt-4.1"]}]}`)
		f.Provider.Answer(failing(500, brokenBody))
		got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
		assert.Equal(t, 200, got.StatusCode)
		assert.Equal(t, "spare/gpt-4.1", got.Header.Get("X-Rungate-Served-By"))
	})
	t.Run("what the agent asks for is refused as ever", func(t *testing.T) {
		f := newRelief(t, `{"name":"prod","models":{"deny":["openai/*"]},"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1"]}]}`)
		f.Refused(f.Post("/v1/chat/completions", plainCall), 403, "policy_violation")
		assert.Empty(t, f.Spare.Seen())
	})
}

// Attempts are counted, and a target is asked again only after all were asked, when it
// wants to be, and not when the agent's SDK asks again by itself.
func TestAttempts(t *testing.T) {
	again := failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"max_attempts":5}`)
	for _, tt := range []struct {
		name, policy, retry string
		first, spare        int
	}{
		{"one for each target", spared, "", 1, 1},
		{"no more than may be", failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"max_attempts":1}`), "", 1, 0},
		{"again after all", again, "", 3, 2},
		{"an SDK that asks again by itself", again, "1", 1, 1},
		{"the first try of an SDK", again, "0", 3, 2},
		{"the same one, with nobody to turn to", failoverOf(`{"models":["openai/*"],"max_attempts":3}`), "", 3, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRelief(t, tt.policy)
			f.Provider.Answer(failing(500, brokenBody))
			f.Spare.Answer(failing(500, brokenBody))
			got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r", "X-Stainless-Retry-Count: "+tt.retry)
			assert.Equal(t, 500, got.StatusCode)
			assert.Len(t, f.Provider.Seen(), tt.first)
			assert.Len(t, f.Spare.Seen(), tt.spare)
			assert.Len(t, f.Steps("r"), tt.first+tt.spare)
			f.settled("r")
		})
	}
}
