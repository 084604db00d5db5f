package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// Attempts are one call to what counts calls, and each is a step to what counts steps.
func TestAttemptsAreCounted(t *testing.T) {
	const then = `"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
	post := func(r *row, headers ...string) *reply {
		req := r.Request(context.Background(), "/v1/chat/completions", plainCall)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		return r.roundTrip(req)
	}
	for _, tt := range []struct {
		name, policy string
		served       int // calls
		code         string
	}{
		{"a rate of requests", `{"name":"p","rate_limits":[{"name":"calls","per":"run","requests":2,"window":"1h","burst":2}],` + then, 2, "rate_limited"},
		{"calls at once", `{"name":"p","rate_limits":[{"name":"one","per":"run","concurrent":1}],` + then, 4, ""},
		{"the same call", `{"name":"p","loops":{"identical_calls":2},` + then, 2, "loop_detected"},
		{"steps", `{"name":"p","run":{"max_steps":4},` + then, 2, "max_steps"},
		{"a strict budget", `{"name":"p","budgets":[{"name":"cap","per":"run","limit_usd":"1","admission":"strict"}],` + then, 4, ""},
		{"nothing that is enforced", `{"name":"p","mode":"shadow","models":{"allow":["nothing"]},"run":{"max_steps":1},` + then, 4, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRow(t, tt.policy, func(t *testing.T, r *row) {
				r.Answer("openai", failing(500, brokenBody))
				for range tt.served {
					got := post(r)
					require.Equal(t, 200, got.StatusCode, got.Body)
				}
				if tt.code != "" {
					got := post(r)
					assert.Contains(t, got.Body, tt.code)
				}
				assert.Zero(t, r.Run().InFlight)
				assert.Len(t, r.asked["spare"], tt.served)
			})
		})
	}
	t.Run("a new run is one for all of them", func(t *testing.T) {
		inRow(t, spared, func(t *testing.T, r *row) {
			require.Equal(t, 200, post(r).StatusCode)
			r.Answer("openai", failing(500, brokenBody))
			got := post(r, "X-Rungate-New-Run", "true")
			id := got.Header.Get("X-Rungate-Run-Id")
			require.Equal(t, 200, got.StatusCode)
			steps, err := r.Gateway.Runs().Steps(t.Context(), run.Key{Team: labRun.Team, ID: id}, 0, 10)
			require.NoError(t, err)
			require.Len(t, steps, 2)
			assert.Equal(t, steps[0].ID, steps[1].First)
		})
	})
}

// An agent that leaves takes no target's time: what is under way is ended or drained, and
// nobody is asked in its place.
func TestAgentLeavesDuringFailover(t *testing.T) {
	for _, on := range []gateway.OnDisconnect{gateway.CancelUpstream, gateway.DrainUpstream} {
		for name, call := range map[string]string{"whole": plainCall, "stream": streamedCall} {
			for _, at := range []string{"first", "second"} {
				t.Run(fmt.Sprint(on, "/", name, "/", at), func(t *testing.T) {
					inRow(t, spared, func(t *testing.T, r *row) {
						ctx, cancel := context.WithCancel(t.Context())
						defer cancel()
						leave := func(w http.ResponseWriter, req *http.Request) {
							if name == "stream" {
								stream(leadEvent)(w, req)
							}
							cancel()
							pass(time.Second)
							panic(http.ErrAbortHandler)
						}
						if at == "first" {
							r.Answer("openai", leave)
						} else {
							r.Answer("openai", failing(500, brokenBody))
							r.Answer("spare", leave)
						}
						resp, err := r.Agent.RoundTrip(r.Request(ctx, "/v1/chat/completions", call))
						if err == nil {
							_, err = io.ReadAll(resp.Body)
						}
						require.Error(t, err)
						pass(time.Minute)
						r.Logged() // nothing moves any more
						assert.Len(t, r.asked["openai"], 1)
						if at == "first" {
							assert.Empty(t, r.asked["spare"])
						}
						steps, err := r.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
						require.NoError(t, err)
						require.Len(t, steps, len(r.asked["openai"])+len(r.asked["spare"]))
						sum := steps[0].Cost
						for _, s := range steps[1:] {
							sum += s.Cost
						}
						assert.Equal(t, sum, r.Run().Spent)
						assert.Zero(t, r.Run().InFlight)
						for _, s := range r.Gateway.Targets() {
							assert.Equal(t, gateway.CircuitClosed, s.Circuit)
						}
					}, func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = on })
				})
			}
		}
	}
}

// A streamed call that waits for the approval of a stand-in goes on in the same stream.
func TestStandInIsWaitedFor(t *testing.T) {
	const dear = `{"name":"prod","rules":[{"name":"spare","when":[{"call":"provider","op":"==","value":"spare"}],"then":"approve","expires":"1h"}],
		"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"40s"}]}`
	for _, tt := range []struct {
		name  string
		first http.HandlerFunc
	}{{"after an error", failing(500, brokenBody)}, {"after silence", waits(leadEvent)}} {
		t.Run(tt.name, func(t *testing.T) {
			inRow(t, dear, func(t *testing.T, r *row) {
				r.Answer("openai", tt.first)
				r.Answer("spare", stream(spareStream...))
				time.AfterFunc(90*time.Second, r.approve)
				req := r.Request(t.Context(), "/v1/chat/completions", streamedCall)
				req.Header.Set("X-Rungate-Approval", "wait=600")
				got := r.roundTrip(req)
				assert.Equal(t, strings.Join(spareStream, ""), strings.ReplaceAll(got.Body, ": keep-alive\n\n", ""))
				assert.Len(t, r.asked["openai"], 1)
				assert.Len(t, r.asked["spare"], 1)
				require.Len(t, r.Events.failedOver(), 1)
			})
		})
	}
}

// A call that wants a new run, sent again as it is, goes on in the run where it waits for
// the approval of a stand-in.
func TestStandInOfANewRun(t *testing.T) {
	const dear = `{"name":"prod","rules":[{"name":"spare","when":[{"call":"provider","op":"==","value":"spare"}],"then":"approve","expires":"1h"}],
		"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
	inRow(t, dear, func(t *testing.T, r *row) {
		r.Answer("openai", failing(500, brokenBody))
		call := func() *reply {
			req := r.Request(context.Background(), "/v1/chat/completions", plainCall)
			req.Header.Set("X-Rungate-New-Run", "true")
			return r.roundTrip(req)
		}
		require.Equal(t, 202, call().StatusCode)
		require.Equal(t, 202, call().StatusCode)
		r.approve()
		got := call()
		assert.Equal(t, 200, got.StatusCode, got.Body)
		assert.Equal(t, spareAnswer, got.Body)
	})
}
