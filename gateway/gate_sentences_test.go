package gateway_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// eachForm runs f for each API, with answers that are streamed and that are not.
func eachForm(t *testing.T, f func(t *testing.T, a *api, streamed bool)) {
	t.Helper()
	for i := range apis {
		for _, streamed := range []bool{false, true} {
			t.Run(apis[i].name+map[bool]string{false: "/whole", true: "/stream"}[streamed], func(t *testing.T) { f(t, &apis[i], streamed) })
		}
	}
}

// Several gated tool calls in one answer are one gate that lists them all.
func TestSeveralCallsAreOneGate(t *testing.T) {
	other := proposed{"issue_refund", `{"order":"ord_9","amount_usd":900}`}
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund, smallRefund, look, other)
		gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
			context := pending(t, l.Post(a.path, a.declares(streamed)))
			first := map[string]any{"tool": "issue_refund", "args": map[string]any{"order": "ord_2", "amount_usd": 1240.0}}
			second := map[string]any{"tool": "issue_refund", "args": map[string]any{"order": "ord_9", "amount_usd": 900.0}}
			assert.Equal(t, first, context["proposed_action"])
			assert.Equal(t, []any{first, second}, context["proposed_actions"])
			require.Len(t, l.Gate().Proposed, 2)
			assert.Equal(t, largeRefund.args, string(l.Gate().Proposed[0].Args), "as the model wrote them")
			assert.Equal(t, other.args, string(l.Gate().Proposed[1].Args))
			l.Decide(true)
			assert.Equal(t, answer, l.Post(a.path, a.declares(streamed)).Body)
		})
	})
}

// Nobody is asked to approve what is refused anyway: a denied call beside a gated
// one refuses the whole answer, whichever comes first.
func TestDeniedBesideGated(t *testing.T) {
	for _, calls := range [][]proposed{{largeRefund, shell}, {shell, largeRefund}} {
		eachForm(t, func(t *testing.T, a *api, streamed bool) {
			gated(t, `{}`, sends(streamed, a.refunding(streamed, calls...)), func(t *testing.T, l *gateLab) {
				r := l.Post(a.path, a.declares(streamed))
				refusal(t, r, 403, "policy_violation")
				assert.Contains(t, r.Body, "no-shell")
				assert.NotContains(t, r.Body, "ord_2")
				assert.Empty(t, l.Gates())
				l.assertSettled(usd(t, a.cost))
			})
		})
	}
}

// A call of a tool that the request does not declare cannot be asked about.
func TestUndeclaredCallIsRefused(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		gated(t, `{}`, sends(streamed, a.refunding(streamed, largeRefund)), func(t *testing.T, l *gateLab) {
			body := strings.ReplaceAll(a.declares(streamed), "issue_refund", "other")
			r := l.Post(a.path, body)
			require.NoError(t, r.Err)
			assert.Contains(t, r.Body, "policy_violation")
			assert.NotContains(t, r.Body, "ord_2\\", "of the call nothing but what the refusal says")
			assert.Empty(t, l.Gates())
		})
	})
}

// A tool that the provider itself would execute is asked about on the request, and
// what it has done then is not asked about again.
func TestHostedToolGated(t *testing.T) {
	a := of("messages")
	body := strings.Replace(a.declares(false), `"tools":[`, `"tools":[{"type":"web_search_20250305","name":"web_search"},`, 1)
	answer := strings.Replace(a.calling(smallRefund), `{"type":"tool_use"`, `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},`+
		`{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"tool_use"`, 1)
	doc, _ := policies(t, `{"name":"p","rules":[{"name":"search","tool":"web_search","then":"approve"}],"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`)
	gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
		context := pending(t, l.Post(a.path, body))
		assert.Equal(t, map[string]any{"tool": "web_search"}, context["proposed_action"])
		assert.Zero(t, l.forwarded.Load())
		assert.Equal(t, run.CallGate, l.Gate().Kind)
		assert.True(t, l.Gate().Proposed[0].Hosted)
		l.Decide(true)
		assert.Equal(t, answer, l.Post(a.path, body).Body)
		assert.EqualValues(t, 1, l.forwarded.Load())
	}, doc)
}

// The agent retries the same request; what does not belong to it may differ.
func TestSameRequestIsKnownAgain(t *testing.T) {
	a := of("chat")
	body := a.declares(false)
	head, tools, _ := strings.Cut(body, `,"tools":`)
	for _, c := range []struct {
		name    string
		body    string
		headers []string
		same    bool
	}{
		{"the same", body, nil, true},
		{"other white space", strings.ReplaceAll(strings.ReplaceAll(body, `":`, `" : `), `,"`, ",\n \""), nil, true},
		{"other order of keys", `{"tools":` + strings.TrimSuffix(tools, "}") + "," + head[1:] + "}", nil, true},
		{"escapes in strings", strings.Replace(body, `"Hello"`, `"\u0048ello"`, 1), nil, true},
		{"a retry of an SDK", body, []string{"X-Stainless-Retry-Count: 2", "Idempotency-Key: stainless-node-retry-1", "User-Agent: other"}, true},
		{"directives in the body", strings.Replace(body, `{`, `{"rungate":{"tags":["x"],"user":"u","approval":"accepted"},`, 1), nil, true},
		{"directives in the header", body, []string{"X-Rungate-User: u", "X-Rungate-Tags: a,b"}, true},
		{"not as a stream, in other words", strings.Replace(body, `{`, `{"stream":false,`, 1), nil, true},
		{"as a stream", strings.Replace(body, `{`, `{"stream":true,"stream_options":{"include_usage":true},`, 1), nil, true},
		{"another message", strings.Replace(body, "Hello", "Hello!", 1), nil, false},
		{"another model", strings.Replace(body, "gpt-4.1", "gpt-4.1-mini", 1), nil, false},
		{"a further member", strings.Replace(body, `{`, `{"seed":1,`, 1), nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			gated(t, `{"pause":"call"}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
				id := pending(t, l.Post(a.path, body))["gate_id"]
				again := pending(t, l.PostWith(a.path, c.body, c.headers...))["gate_id"]
				if !c.same {
					assert.NotEqual(t, id, again)
					assert.EqualValues(t, 2, l.forwarded.Load())
					return
				}
				assert.Equal(t, id, again)
				assert.EqualValues(t, 1, l.forwarded.Load())
				l.Decide(true)
				r := l.PostWith(a.path, c.body, c.headers...)
				require.Equal(t, 200, r.StatusCode, r.Body)
				if !strings.Contains(c.body, `"stream":true`) {
					assert.Equal(t, a.calling(largeRefund), r.Body)
				}
				assert.EqualValues(t, 1, l.forwarded.Load())
			})
		})
	}
}

// Rejected stays rejected, expired is told once, and then a new gate opens.
func TestAfterTheDecision(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		for _, action := range []bool{false, true} {
			body, answer := a.declares(streamed), a.refunding(streamed, largeRefund)
			if !action {
				body, answer = a.asksDear(body), a.refunding(streamed, smallRefund)
			}
			gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
				told := func(code string) map[string]any {
					t.Helper()
					r := l.Post(a.path, body)
					refusal(t, r, 403, code)
					assert.Empty(t, r.Header.Get("Retry-After"))
					assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
					return r.JSON(t)["error"].(map[string]any)["context"].(map[string]any)
				}
				first := pending(t, l.Post(a.path, body))["gate_id"]
				pass(time.Hour)
				assert.Equal(t, run.GateExpired, l.Gate().Status)
				assert.Equal(t, first, told("approval_expired")["gate_id"])

				second := pending(t, l.Post(a.path, body))["gate_id"]
				assert.NotEqual(t, first, second)
				l.Decide(true)
				pass(time.Hour)
				lapsed := told("approval_expired") // approved, but not fetched in time
				assert.Equal(t, second, lapsed["gate_id"])
				assert.Equal(t, "carol", lapsed["decided_by"])

				third := pending(t, l.Post(a.path, body))["gate_id"]
				assert.NotEqual(t, second, third)
				l.Decide(false)
				for range 3 {
					no := told("approval_rejected")
					assert.Equal(t, third, no["gate_id"])
					assert.Equal(t, "carol", no["decided_by"])
					assert.Equal(t, "seen the order", no["reason"])
				}
				assert.Len(t, l.Gates(), 3)
				assert.Equal(t, run.Open, l.Run().Status)
			})
		}
	})
}

// A decision is made once: the second one learns of the first one's result.
func TestDecidedOnce(t *testing.T) {
	a := of("chat")
	for _, first := range []bool{false, true} {
		gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
			pending(t, l.Post(a.path, a.declares(false)))
			id := l.Gate().ID
			l.Decide(first)
			for _, second := range []bool{false, true} {
				g, err := l.Gateway.Gates().Decide(t.Context(), id, run.Verdict{Approve: second, By: "dave"})
				var decided *run.DecidedError
				require.ErrorAs(t, err, &decided)
				assert.Equal(t, "carol", decided.Gate.By)
				assert.Equal(t, l.Gate(), g)
			}
			_, err := l.Gateway.Gates().Decide(t.Context(), "gate_none", run.Verdict{Approve: true, By: "dave"})
			assert.ErrorIs(t, err, run.ErrNoGate)
		})
	}
}

// How a call is answered while its gate is pending, in each dialect.
func TestHeadersOfAPendingCall(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		gated(t, `{}`, sends(streamed, a.refunding(streamed, largeRefund)), func(t *testing.T, l *gateLab) {
			r := l.Post(a.path, a.declares(streamed))
			pending(t, r)
			id := map[string]string{"chat": "X-Request-Id", "responses": "X-Request-Id", "messages": "Request-Id"}[a.name]
			assert.NotEmpty(t, r.Header.Get(id))
			assert.Empty(t, r.Header.Get("X-Should-Retry"))
			assert.Empty(t, r.Header.Get("X-Rungate-Cost-Usd"), "it is told with the answer")
			assert.Empty(t, r.Header.Get("X-Accel-Buffering"))

			r = l.PostWith(a.path, a.declares(streamed), "X-Rungate-Approval: error")
			assert.Equal(t, 403, r.StatusCode)
			assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
			assert.Equal(t, "5", r.Header.Get("Retry-After"))
			assert.NotEmpty(t, r.Header.Get(id))
			assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
			body := r.JSON(t)
			e := body["error"].(map[string]any)
			assert.Equal(t, "approval_pending", e["code"])
			assert.Equal(t, "approval_pending", e["type"])
			assert.Contains(t, e["message"], "Rungate: ")
			if a.name == "messages" {
				assert.Equal(t, "error", body["type"])
				assert.Equal(t, r.Header.Get(id), body["request_id"])
				assert.Equal(t, map[string]any{"error_code": "approval_pending"}, e["details"])
			} else {
				assert.Contains(t, e, "param")
			}
		})
	})
}

// An answer that comes compressed is withheld and delivered unpacked.
func TestCompressedAnswerGated(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund)
		compressing := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", map[bool]string{false: "application/json", true: "text/event-stream"}[streamed])
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Set-Cookie", "a=b")
			w.Header().Set("X-Ratelimit-Remaining-Requests", "7")
			z := gzip.NewWriter(w)
			io.WriteString(z, answer)
			z.Close()
		}
		gated(t, `{}`, compressing, func(t *testing.T, l *gateLab) {
			pending(t, l.Post(a.path, a.declares(streamed)))
			l.Decide(true)
			r := l.Post(a.path, a.declares(streamed))
			assert.Equal(t, answer, r.Body)
			assert.Empty(t, r.Header.Get("Content-Encoding"))
			assert.Empty(t, r.Header.Get("Set-Cookie"))
			assert.Equal(t, "7", r.Header.Get("X-Ratelimit-Remaining-Requests"))
			assert.Equal(t, usd(t, a.cost).String(), r.Header.Get("X-Rungate-Cost-Usd"))
		})
	})
}

// If the provider fails, the approval is not used up.
func TestApprovalOutlivesFailures(t *testing.T) {
	overloaded := map[string]string{
		"chat":      `data: {"error":{"message":"overloaded","type":"server_error"}}` + "\n\n",
		"messages":  `event: error` + "\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n",
		"responses": `event: error` + "\n" + `data: {"type":"error","code":"server_error","message":"overloaded"}` + "\n\n",
	}
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, smallRefund)
		for _, c := range []struct {
			name string
			h    http.HandlerFunc
		}{
			{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
			{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }},
			{"400", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }},
			{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
			{"a part of an answer", func(w http.ResponseWriter, r *http.Request) {
				sends(streamed, answer[:40])(w, r)
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}},
			{"an error instead of content", stream(overloaded[a.name])},
		} {
			if c.name == "an error instead of content" && !streamed {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				failing := true
				gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
					if failing {
						failing = false
						c.h(w, r)
						return
					}
					sends(streamed, answer)(w, r)
				}, func(t *testing.T, l *gateLab) {
					body := strings.ReplaceAll(a.asksDear(a.declares(streamed)), "issue_refund", "look_up") // it is not held back
					pending(t, l.Post(a.path, body))
					l.Decide(true)
					r := l.Post(a.path, body)
					assert.NotContains(t, r.Body, "issue_refund")
					g := l.Gate()
					assert.Equal(t, run.GateApproved, g.Status)
					assert.Zero(t, g.Claimed)
					assert.Equal(t, answer, l.Post(a.path, body).Body)
					assert.Equal(t, run.GateUsed, l.Gate().Status)
					assert.Zero(t, l.Dollars().Reserved)
				})
			})
		}
	})
}

// A policy in shadow mode asks nobody.
func TestShadowAsksNobody(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund)
		shadow, _ := policies(t, strings.Replace(approvingBy(`{}`), `"name":"prod/v4"`, `"mode":"shadow","name":"prod/v4"`, 1))
		gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
			r := l.Post(a.path, a.asksDear(a.declares(streamed)))
			assert.Equal(t, 200, r.StatusCode)
			assert.Equal(t, answer, r.Body)
			assert.Empty(t, l.Gates())
			var rules []string
			for _, e := range l.Events.all {
				if e.Type == run.PolicyShadow {
					rules = append(rules, e.Finding.Rule)
				}
			}
			assert.Equal(t, []string{"dear-model", "refund:over-$500"}, rules)
		}, shadow)
	})
}

// What is asked about by a policy that only goes along is told, not done.
func TestGateOfACandidate(t *testing.T) {
	a := of("chat")
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		assert.Equal(t, a.calling(largeRefund), l.Post(a.path, a.declares(false)).Body)
		assert.Empty(t, l.Gates())
		assert.Contains(t, l.Events.Types(), run.PolicyShadow)
	}, func(cfg *gateway.Config) {
		cfg.Policy = policy.Shadow{Enforced: mustSet(t, roomy), Candidate: mustSet(t, approvingBy(`{}`))}
	})
}

// An agent asks after the gates of its team, and learns nothing of others.
func TestGateShown(t *testing.T) {
	a := of("chat")
	agents := &run.AgentTable{}
	for _, x := range []run.Agent{{ID: "alice", Team: "ops"}, {ID: "bob", Team: "ops"}, {ID: "eve", Team: "sales"}, {ID: "mallory"}} {
		require.NoError(t, agents.Add(run.Enrolment{Agent: x}))
	}
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		id := pending(t, l.Post(a.path, a.declares(false)))["gate_id"].(string)
		show := func(agent, id string) *reply {
			ctx := run.NewContext(context.Background(), run.Ref{Agent: agent})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway.test/v1/gates/"+id, nil)
			require.NoError(t, err)
			return l.roundTrip(req)
		}
		for _, agent := range []string{"alice", "bob"} {
			r := show(agent, id)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, "pending", r.JSON(t)["status"])
			assert.Equal(t, "action", r.JSON(t)["kind"])
			assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
		}
		none := show("eve", "gate_none")
		for _, agent := range []string{"eve", "mallory"} {
			r := show(agent, id)
			assert.Equal(t, 404, r.StatusCode)
			assert.Equal(t, none.Body, r.Body, "as one that there is not")
			assert.Equal(t, "gate_not_found", r.JSON(t)["error"].(map[string]any)["code"])
			assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			assert.Empty(t, r.Header.Get("X-Rungate-Run-Id"))
		}
		g, err := l.Gateway.Gates().Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, "team:ops", g.Run.Team)
	}, func(cfg *gateway.Config) { cfg.Agents = agents })
}
