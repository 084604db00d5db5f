package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
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

// assertSlotFree checks that another call of the run is let in.
func (l *lab) assertSlotFree() {
	l.t.Helper()
	resp, err := l.Agent.RoundTrip(l.Request(context.Background(), "/v1/messages/count_tokens", countCall))
	require.NoError(l.t, err)
	resp.Body.Close()
	assert.Equal(l.t, 200, resp.StatusCode)
}

// judged runs f in a bubble with an agent that is held to the policy judging, one
// call at a time, and a provider that answers as is said. What counts tokens is
// answered at once.
func judged(t *testing.T, h http.HandlerFunc, f func(*testing.T, *lab), change ...func(*gateway.Config)) {
	t.Helper()
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/count_tokens") {
			whole(`{"input_tokens":1}`)(w, r)
			return
		}
		h(w, r)
	}, f, append([]func(*gateway.Config){oneAtATime(t, judging)}, change...)...)
}

// A stream whose call is refused is read on for what it has cost, for ten seconds
// at most, before the agent is told.
func TestRefusedStreamIsPaidFor(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		call := a.streaming(largeRefund)
		refused, usage := call.calls[0], call.usage+call.end
		ping := ": ping\n\n"
		for _, c := range []struct {
			name      string
			answer    timed
			after     time.Duration // the agent is told
			estimated bool
			limit     time.Duration
		}{
			{"the usage comes at once", timed{{0, call.text()}}, 0, false, 0},
			{"the usage comes later", timed{{0, call.before + refused}, {9 * s, usage}}, 9 * s, false, 0},
			{"and the provider does not end", timed{{0, call.text()}, {time.Hour, ""}}, 0, false, 0},
			{"the call comes after a pause", timed{{0, call.before}, {60 * s, refused}, {65 * s, usage}}, 65 * s, false, 0},
			{"the provider stalls", timed{{0, call.before}, {60 * s, refused}, {time.Hour, usage}}, 70 * s, true, 0},
			{"the provider stalls, but for comments", timed{{0, call.before + refused}, {6 * s, ping}, {12 * s, ping}, {18 * s, usage}}, 10 * s, true, 0},
			{"the provider goes on for long", timed{{0, call.before + refused}, {6 * s, a.events[2]}, {12 * s, a.events[2]}, {18 * s, usage}}, 10 * s, true, 0},
			{"the provider stalls, and may for less", timed{{0, call.before + refused}, {time.Hour, usage}}, 3 * s, true, 3 * s},
			{"the provider ends", timed{{0, call.before + refused}, {s, ""}}, s, true, 0},
			{"the provider ends within an event", timed{{0, call.before + refused}, {s, usage[:20]}}, s, true, 0},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					start := time.Now()
					heard, err := listen(start, l.Open(t.Context(), a.path, a.call).Body)
					require.NoError(t, err)
					var text string
					for _, m := range heard {
						if m.Text != keepAlive {
							text += m.Text
						}
					}
					rest, ok := strings.CutPrefix(text, call.before)
					require.True(t, ok, text)
					assertStreamError(t, &a, rest, "policy_violation")
					assert.Equal(t, c.after, heard[len(heard)-1].At)
					step := l.Step()
					assert.Equal(t, "policy_violation", step.Error)
					assert.Equal(t, c.estimated, step.Usage.Estimated)
					if !c.estimated {
						assert.Equal(t, usd(t, a.cost), step.Cost)
					}
					assert.Positive(t, step.Cost)
					l.assertSettled(step.Cost)
					l.assertSlotFree()
				}, func(cfg *gateway.Config) { cfg.Limits.StreamIdleTimeout = c.limit })
			})
		}
	}
}

// A call may come in one event, after a pause, and what follows be no stream that
// can be read: it is refused all the same, and its usage waited for.
func TestRefusedInOneEvent(t *testing.T) {
	a := of("chat")
	begin, refused := strings.Join(a.events[:3], ""), lastCall(largeRefund, `"tool_calls"`)+"\n"
	for _, c := range []struct {
		name  string
		rest  string
		exact bool
	}{
		{"with its usage after it", a.events[4] + done, true},
		{"with an event after it that is too long", "data: " + strings.Repeat("x", 2<<10), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer := timed{{0, begin}, {time.Minute, refused}, {65 * time.Second, c.rest}, {66 * time.Second, "x"}}
			judged(t, answer.answer, func(t *testing.T, l *lab) {
				got := strings.ReplaceAll(l.Post(a.path, a.call).Body, keepAlive, "")
				rest, ok := strings.CutPrefix(got, begin)
				require.True(t, ok)
				assertStreamError(t, a, rest, "policy_violation")
				assert.Equal(t, !c.exact, l.Step().Usage.Estimated)
				l.assertSettled(l.Step().Cost)
			}, func(cfg *gateway.Config) { cfg.Limits.EventBytes = 1 << 10 })
		})
	}
}

// Of several calls in one stream, those from the first that had to wait for one
// that is refused are withheld, and all that follow.
func TestStreamOfSeveralCalls(t *testing.T) {
	for _, a := range apis {
		call := a.streaming(smallRefund, largeRefund, look)
		passes := call.before
		if a.name != "chat" { // where calls are complete one by one
			passes += call.calls[0]
		}
		t.Run(a.name, func(t *testing.T) {
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, passes)
				require.True(t, ok)
				assertStreamError(t, &a, rest, "policy_violation")
				assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			})
		})
		t.Run(a.name+"/all allowed", func(t *testing.T) {
			call := a.streaming(smallRefund, look, smallRefund)
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				assert.Equal(t, call.text(), l.Post(a.path, a.call).Body)
				assert.Empty(t, l.Step().Error)
				l.assertSettled(usd(t, a.cost))
			})
		})
		t.Run(a.name+"/one that stops the run", func(t *testing.T) {
			call := a.streaming(look, shell)
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				got := l.Post(a.path, a.call).Body
				assert.Contains(t, got, `"rule":"no-shell"`)
				assert.NotContains(t, got, "rm -rf")
				assert.Equal(t, run.Blocked, l.Run().Status)
				l.assertSettled(usd(t, a.cost))
				refusal(t, l.Post(a.path, a.call), 403, "policy_violation")
			})
		})
	}
}

// A refusal that comes before the agent has been sent anything has a status of its
// own. Afterwards it is an event.
func TestRefusedBeforeAnythingIsSent(t *testing.T) {
	for _, a := range apis {
		call := a.streaming(largeRefund)
		lead := strings.Join(a.events[:a.leads(t)], "")
		rest := call.calls[0] + call.usage + call.end
		t.Run(a.name+"/at once", func(t *testing.T) {
			judged(t, stream(lead+rest), func(t *testing.T, l *lab) {
				e := refusal(t, l.Post(a.path, a.call), 403, "policy_violation")
				assert.Equal(t, "refund:over-$500", contextOf(t, e)["rule"])
				l.assertSettled(usd(t, a.cost))
			})
		})
		t.Run(a.name+"/later", func(t *testing.T) {
			judged(t, timed{{0, lead}, {time.Second, rest}}.answer, func(t *testing.T, l *lab) {
				got := l.Post(a.path, a.call)
				assert.Equal(t, 200, got.StatusCode)
				rest, ok := strings.CutPrefix(got.Body, lead)
				require.True(t, ok)
				assertStreamError(t, &a, rest, "policy_violation")
				l.assertSettled(usd(t, a.cost))
			})
		})
	}
}

// An agent that leaves while something is withheld from it, or while it is waited
// for what that has cost, pays as any other.
func TestAgentLeavesJudgedStream(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		call := a.streaming(largeRefund)
		half := call.calls[0][:strings.LastIndex(strings.TrimSuffix(call.calls[0], "\n\n"), "\n\n")+2]
		for _, c := range []struct {
			name   string
			answer timed
			fails  string
			exact  bool
		}{
			{"while a call is held", timed{{0, call.before + half}, {5 * s, ""}}, "client_gone", false},
			{"while the usage is awaited", timed{{0, call.before + call.calls[0]}, {5 * s, call.usage + call.end}}, "policy_violation", a.name == "chat"},
			{"while a usage is awaited that does not come", timed{{0, call.before + call.calls[0]}, {time.Hour, ""}}, "policy_violation", false},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					ctx, cancel := context.WithTimeout(t.Context(), s)
					defer cancel()
					got, err := io.ReadAll(l.Open(ctx, a.path, a.call).Body)
					assert.Error(t, err)
					assert.Equal(t, call.before, string(got))
					pass(15 * s)
					step := l.Step()
					assert.Equal(t, c.fails, step.Error)
					assert.Equal(t, !c.exact, step.Usage.Estimated)
					if c.exact {
						assert.Equal(t, usd(t, a.cost), step.Cost)
					}
					assert.Positive(t, step.Usage.Output)
					l.assertSettled(step.Cost)
					l.assertSlotFree()
				})
			})
		}
	}
}

// A whole answer that the agent has left before it is there is paid for as far as
// it has come.
func TestAgentLeavesJudgedAnswer(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			judged(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, a.calling(largeRefund)[:150])
				flush(w)
				<-r.Context().Done()
			}, func(t *testing.T, l *lab) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := l.Agent.RoundTrip(l.Request(ctx, a.path, a.whole()))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, "client_gone", l.Step().Error)
				assert.True(t, l.Step().Usage.Estimated)
				assert.Positive(t, l.Step().Cost)
				l.assertSettled(l.Step().Cost)
				l.assertSlotFree()
			})
		})
	}
}

// While a call is held the agent is kept alive, and nothing but that is sent.
func TestKeptAliveWhileHeld(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		call := a.streaming(smallRefund)
		half, other := call.calls[0][:len(call.calls[0])/2], call.calls[0][len(call.calls[0])/2:]
		lead := strings.Join(a.events[:a.leads(t)], "")
		for _, c := range []struct {
			name   string
			answer timed
			heard  []moment
		}{
			{"after a text", timed{{0, call.before}, {s, half}, {40 * s, other}, {45 * s, call.usage + call.end}},
				[]moment{{0, call.before}, {15 * s, keepAlive}, {30 * s, keepAlive}, {40 * s, call.calls[0]}, {45 * s, call.usage + call.end}}},
			{"before anything else", timed{{0, lead + half}, {20 * s, other + call.usage + call.end}},
				[]moment{{held, lead}, {held + 15*s, keepAlive}, {20 * s, call.calls[0] + call.usage + call.end}}},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					heard, err := listen(time.Now(), l.Open(t.Context(), a.path, a.call).Body)
					require.NoError(t, err)
					assert.Equal(t, c.heard, heard)
					l.assertSettled(usd(t, a.cost))
				})
			})
		}
	}
}

// A provider that goes silent within a call is given up as anywhere else: counted
// from its last event, whether or not that was held.
func TestStalledWhileHeld(t *testing.T) {
	const minute = time.Minute
	for _, a := range apis {
		call := a.streaming(smallRefund)
		events := strings.SplitAfter(call.calls[0], "\n\n")
		begun, piece, rest := events[0], events[1], strings.Join(events[2:], "")+call.usage+call.end
		ping := ": ping\n\n"
		for _, c := range []struct {
			name   string
			answer timed
			after  time.Duration // it is given up; 0 is never
		}{
			{"silent", timed{{0, call.before}, {minute, begun}, {time.Hour, ""}}, 6 * minute},
			{"silent but for comments", timed{{0, call.before}, {minute, begun}, {4 * minute, ping}, {8 * minute, ping + piece}}, 6 * minute},
			{"slow", timed{{0, call.before}, {4 * minute, begun}, {8 * minute, piece}, {12 * minute, rest}}, 0},
			{"slow, with comments", timed{{0, call.before}, {4 * minute, begun}, {6 * minute, ping}, {8 * minute, piece}, {12 * minute, rest}}, 0},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					heard, err := listen(time.Now(), l.Open(t.Context(), a.path, a.call).Body)
					require.NoError(t, err)
					text := strings.ReplaceAll(said(heard), keepAlive, "")
					if c.after == 0 {
						assert.Equal(t, call.text(), strings.ReplaceAll(text, ping, ""))
						l.assertSettled(usd(t, a.cost))
						return
					}
					rest, ok := strings.CutPrefix(text, call.before)
					require.True(t, ok, text)
					assertStreamError(t, &a, rest, "upstream_timeout")
					assert.Equal(t, c.after, heard[len(heard)-1].At)
					assert.Equal(t, "upstream_timeout", l.Step().Error)
					l.assertSettled(l.Step().Cost)
					l.assertSlotFree()
				}, func(cfg *gateway.Config) { cfg.Limits.KeepAlive = -1 })
			})
		}
	}
}

// A stream of which nobody can say what it calls ends with an error, and what it
// has cost is still learned. A policy in shadow mode lets it pass.
func TestStreamUnclear(t *testing.T) {
	for _, a := range apis {
		call := a.streaming(smallRefund)
		long := strings.Replace(call.calls[0], "ord_1", strings.Repeat("x", 5000), 1)
		double := strings.Replace(call.calls[0], `"name":"issue_refund"`, `"name":"look_up","name":"issue_refund"`, 1)
		last := strings.LastIndex(strings.TrimSuffix(call.calls[0], "\n\n"), "\n\n") + 2
		for _, c := range []struct {
			name, calls, end, says string
			limit                  int64
		}{
			{"a name that comes twice", double, call.usage + call.end, "a second member", 0},
			{"too much to be held", long, call.usage + call.end, "held", 4000},
			{"one event more than can be held", call.calls[0], call.usage + call.end, "held", int64(len(call.calls[0]) - 1)},
			{"an end within the call", call.calls[0][:last], "", "broke off", 0},
		} {
			limit := func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = c.limit }
			if a.name == "chat" && strings.HasPrefix(c.name, "one event more") {
				continue // its last event holds nothing of the call, and is long
			}
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, stream(call.before, c.calls, c.end), func(t *testing.T, l *lab) {
					rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, call.before)
					require.True(t, ok)
					assertStreamError(t, &a, rest, "upstream_protocol_error")
					assert.Contains(t, rest, c.says)
					step := l.Step()
					assert.Equal(t, "upstream_protocol_error", step.Error)
					assert.Equal(t, c.end == "", step.Usage.Estimated)
					l.assertSettled(step.Cost)
					l.assertSlotFree()
				}, limit)
			})
			t.Run(a.name+"/"+c.name+", in shadow mode", func(t *testing.T) {
				shadow := oneAtATime(t, strings.Replace(judging, `{"name"`, `{"mode":"shadow","name"`, 1))
				judged(t, stream(call.before, c.calls, c.end), func(t *testing.T, l *lab) {
					got := l.Post(a.path, a.call).Body
					if c.end == "" {
						rest, ok := strings.CutPrefix(got, call.before)
						require.True(t, ok)
						assertStreamError(t, &a, rest, "upstream_protocol_error")
						return
					}
					assert.Equal(t, call.before+c.calls+c.end, got)
					assert.Contains(t, l.Events.Types(), run.PolicyShadow)
					l.assertSettled(usd(t, a.cost))
				}, shadow, limit)
			})
		}
		t.Run(a.name+"/just not too much to be held", func(t *testing.T) {
			judged(t, stream(call.text()), func(t *testing.T, l *lab) {
				assert.Equal(t, call.text(), l.Post(a.path, a.call).Body)
			}, func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = int64(len(call.calls[0])) })
		})
	}
}

// What is missing its last blank line some agents take for an event all the same.
func TestRestOfStreamJudged(t *testing.T) {
	a := of("chat")
	first := strings.Join(a.events[:4], "") // a choice that is complete
	for _, c := range []struct {
		name string
		rest string
		code string // empty for what passes
	}{
		{"an end", strings.TrimSuffix(done, "\n"), ""},
		{"a call that is allowed", lastCall(smallRefund, `"tool_calls"`), ""},
		{"a call that is refused", lastCall(largeRefund, `"tool_calls"`), "policy_violation"},
		{"a call that is not complete", lastCall(smallRefund, "null"), "upstream_protocol_error"},
		{"half an event", lastCall(largeRefund, "null")[:100], "upstream_protocol_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			judged(t, stream(first, c.rest), func(t *testing.T, l *lab) {
				got := l.Post(a.path, a.call).Body
				if c.code == "" {
					assert.Equal(t, first+c.rest, got)
					return
				}
				rest, ok := strings.CutPrefix(got, first)
				require.True(t, ok)
				assertStreamError(t, a, rest, c.code)
				assert.Equal(t, c.code, l.Step().Error)
			})
		})
	}
}

// lastCall is an event with a call of another choice, without its blank line.
func lastCall(p proposed, finish string) string {
	e := chunk(`[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_9","type":"function","function":{"name":"`+p.tool+`","arguments":"`+
		strings.ReplaceAll(p.args, `"`, `\"`)+`"}}]},"finish_reason":`+finish+`}]`, "null")
	return strings.TrimSuffix(e, "\n")
}

// An error of the provider's within a call is passed on. The call is not.
func TestProviderFailsWithinCall(t *testing.T) {
	for name, fails := range map[string]string{
		"chat":      `data: {"error":{"message":"The server had an error","type":"server_error","code":null}}` + "\n\n",
		"messages":  "event: error\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n",
		"responses": "event: error\n" + `data: {"type":"error","code":"server_error","message":"The server had an error","sequence_number":9}` + "\n\n",
	} {
		a := of(name)
		call := a.streaming(largeRefund)
		half := call.calls[0][:strings.LastIndex(strings.TrimSuffix(call.calls[0], "\n\n"), "\n\n")+2]
		t.Run(name, func(t *testing.T) {
			judged(t, timed{{0, call.before + half}, {time.Second, fails}, {2 * time.Second, ""}}.answer, func(t *testing.T, l *lab) {
				assert.Equal(t, call.before+fails, l.Post(a.path, a.call).Body)
				l.assertSettled(l.Step().Cost)
				l.assertSlotFree()
			})
		})
		t.Run(name+"/and the error holds a call itself", func(t *testing.T) {
			if name != "chat" {
				return
			}
			both := strings.Replace(fails, `{"error"`, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"0000"}}]}}],"error"`, 1)
			judged(t, stream(call.before, half, both), func(t *testing.T, l *lab) {
				rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, call.before)
				require.True(t, ok)
				assertStreamError(t, a, rest, "upstream_protocol_error")
			})
		})
	}
}

// Streams in gzip are judged event by event; those in another encoding cannot be.
func TestEncodedStreamJudged(t *testing.T) {
	for _, a := range apis {
		for _, c := range []struct {
			name, encoding string
			call           proposed
			code           string
		}{
			{"gzip, refused", "gzip", largeRefund, "policy_violation"},
			{"gzip, allowed", "gzip", smallRefund, ""},
			{"another", "br", smallRefund, "upstream_protocol_error"},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				call := a.streaming(c.call)
				var packed bytes.Buffer
				z := gzip.NewWriter(&packed)
				_, _ = io.WriteString(z, call.text())
				require.NoError(t, z.Close())
				judged(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Encoding", c.encoding)
					stream(packed.String())(w, r)
				}, func(t *testing.T, l *lab) {
					got := l.Post(a.path, a.call)
					switch {
					case c.code == "":
						assert.Equal(t, call.text(), got.Body)
					case c.encoding == "br":
						refusal(t, got, 502, c.code)
					default:
						rest, ok := strings.CutPrefix(got.Body, call.before)
						require.True(t, ok)
						assertStreamError(t, &a, rest, c.code)
					}
					assert.Equal(t, c.code, l.Step().Error)
					l.assertSettled(l.Step().Cost)
				})
			})
		}
	}
}

// An engine that cannot find out about a call in a stream has not allowed it.
func TestStreamOfAnEngineThatFails(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			call := a.streaming(look)
			inBubble(t, stream(call.text()), func(t *testing.T, l *lab) {
				rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, call.before)
				require.True(t, ok)
				assertStreamError(t, &a, rest, "store_unavailable")
				assert.NotContains(t, rest, "safe")
				assert.False(t, l.Step().Usage.Estimated)
				assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			}, func(cfg *gateway.Config) {
				cfg.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
					if in.Calls != nil {
						return policy.Decision{Verdict: policy.Allow}, errors.New("the rules are locked in a safe")
					}
					return policy.Decision{Verdict: policy.Allow, Judge: true}, nil
				})
			})
		})
	}
}
