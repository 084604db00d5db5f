package roundtrip_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// decider decides about each gate of a run as soon as it is pending.
type decider struct {
	run.Unobserved
	gw      *gateway.Gateway
	approve bool
}

func (d *decider) Event(_ context.Context, e *run.Event) {
	if e.Type == run.ApprovalPending {
		go d.gw.Gates().Decide(context.Background(), e.Gate.ID, run.Verdict{Approve: d.approve, By: "carol"})
	}
}

// A client that waits for approvals sees nothing of them: its call takes as long as
// a person takes.
func TestWaitForApproval(t *testing.T) {
	p, err := policy.Parse([]byte(`{"name":"prod","rules":[{"name":"large","tool":"issue_refund",
		"when":[{"arg":"amount_usd","op":">","value":500}],"then":"approve"}]}`))
	require.NoError(t, err)
	rules, err := policy.New(p)
	require.NoError(t, err)
	large, events := calling("1240.00")
	provide := func(w http.ResponseWriter, r *http.Request) {
		if sent, _ := io.ReadAll(r.Body); strings.Contains(string(sent), `"stream":true`) {
			stream(w, events...)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, large)
	}
	declaring := func(body string) string {
		return body[:len(body)-1] + `,"tools":[{"type":"function","function":{"name":"issue_refund"}}]}`
	}
	patient := func(serve serve, approve bool) *side {
		d := &decider{approve: approve}
		s := serve(provide, func(cfg *gateway.Config) {
			cfg.Policy, cfg.Observer = rules, d
		})
		d.gw = s.Gateway
		switch rt := s.rt.(type) {
		case *roundtrip.Transport:
			rt.WaitForApproval = true
		case *roundtrip.Remote:
			rt.WaitForApproval = true
		}
		return s
	}
	both(t, []property{
		{"approved", func(t *testing.T, serve serve) {
			s := patient(serve, true)
			_, got := s.Post(declaring(chatCall))
			assert.Equal(t, large, got)
		}},
		{"approved, a stream", func(t *testing.T, serve serve) {
			s := patient(serve, true)
			_, got := s.Post(declaring(streamCall))
			assert.Equal(t, strings.Join(events, ""), got)
		}},
		{"rejected", func(t *testing.T, serve serve) {
			s := patient(serve, false)
			resp, got := s.Post(declaring(chatCall))
			assert.Equal(t, 403, resp.StatusCode)
			assert.Contains(t, got, "approval_rejected")
		}},
		{"not for a call that says otherwise", func(t *testing.T, serve serve) {
			s := serve(provide, func(cfg *gateway.Config) { cfg.Policy = rules })
			r := s.Request(run.NewContext(t.Context(), run.Ref{Agent: "alice", WaitForApproval: true}), "/v1/chat/completions", declaring(chatCall))
			r.Header.Set(run.HeaderApproval, "accepted")
			resp, err := s.rt.RoundTrip(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			assert.Equal(t, 202, resp.StatusCode)
		}},
		{"no longer than its context lasts", func(t *testing.T, serve serve) {
			s := serve(provide, func(cfg *gateway.Config) { cfg.Policy = rules })
			ctx, cancel := context.WithCancel(run.NewContext(t.Context(), run.Ref{Agent: "alice", WaitForApproval: true}))
			time.AfterFunc(50*time.Millisecond, cancel)
			_, err := s.rt.RoundTrip(s.Request(ctx, "/v1/chat/completions", declaring(chatCall)))
			assert.ErrorIs(t, err, context.Canceled)
		}},
	})
}

// What waits longer than the server lets it is sent again, as it was.
func TestRemoteWaitsOn(t *testing.T) {
	for _, c := range []struct {
		name  string
		waits bool
		spoil func(*http.Request)
		calls int
	}{
		{"a client that waits", true, func(*http.Request) {}, 3},
		{"one that does not", false, func(*http.Request) {}, 1},
		{"a call that says how", true, func(r *http.Request) { r.Header.Set("X-Rungate-Approval", "wait=5") }, 1},
		{"a body that cannot be read again", true, func(r *http.Request) { r.GetBody = nil }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				r := &roundtrip.Remote{BaseURL: "https://rungate.test", Key: agentKey, WaitForApproval: c.waits}
				r.Base = roundTripper(func(req *http.Request) (*http.Response, error) {
					body, err := io.ReadAll(req.Body)
					require.NoError(t, err)
					bodies = append(bodies, string(body))
					if len(bodies) == 3 {
						return answer(req, 200, "{}"), nil
					}
					resp := answer(req, 202, `{"status":"awaiting_approval"}`)
					resp.Header = http.Header{"X-Rungate-Run-Id": {"r"}, "Retry-After": {"5"}}
					return resp, nil
				})
				req := post(t, "https://api.openai.com/v1/chat/completions")
				c.spoil(req)
				began := time.Now()
				resp, err := r.RoundTrip(req)
				require.NoError(t, err)
				assert.Same(t, req, resp.Request)
				assert.Len(t, bodies, c.calls)
				assert.Equal(t, time.Duration(c.calls-1)*5*time.Second, time.Since(began))
				for _, b := range bodies {
					assert.Equal(t, "{}", b)
				}
				if c.calls > 1 {
					assert.Equal(t, 200, resp.StatusCode)
				}
			})
		})
	}
}
