package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
)

// Events of a stream of Messages that is still in its lead, and errors of Anthropic's.
var (
	claudeStart = of("messages").events[0]
	claudePing  = named("ping", "")
	claudeOpens = of("messages").events[1]

	claudeBusy    = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
	claudeFails   = "event: error\ndata: " + claudeBusy + "\n\n"
	claudeNoMoney = `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}`
)

// pinging leads in to an answer, and then does nothing but to keep the connection alive.
func pinging(ping string, lead ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		stream(lead...)(w, r)
		for r.Context().Err() == nil {
			pass(time.Second)
			if _, err := io.WriteString(w, ping); err != nil {
				return
			}
			flush(w)
		}
	}
}

// A stream that stalls before its first content falls over, however lively its
// connection is kept (litellm #40404).
func TestStalledStreamsFallOver(t *testing.T) {
	for _, a := range foreigners {
		t.Run(a.name, func(t *testing.T) {
			lead, ping := []string{claudeStart, claudePing, claudeOpens}, claudePing
			if a.first == "openai" {
				lead, ping = []string{leadEvent, ": processing\n\n"}, leadEvent
			}
			for name, dies := range map[string]http.HandlerFunc{
				"silent": waits(lead...), "cut": hangsUp(lead...), "pinging": pinging(ping, lead...), "commenting": pinging(": wait\n\n", lead...),
				"late": func(w http.ResponseWriter, r *http.Request) { pass(2 * time.Second); waits(lead...)(w, r) },
			} {
				t.Run(name, func(t *testing.T) {
					limited := strings.ReplaceAll(across, `"to":`, `"first_byte_timeout":"3s","to":`)
					inRow(t, limited, func(t *testing.T, r *row) {
						r.Answer(a.first, dies)
						r.Answer(a.next, a.stream)
						got := r.Post(a.path, a.streamed)
						require.NoError(t, got.Err)
						assert.Equal(t, a.served, got.Header.Get("X-Rungate-Served-By"))
						assert.Contains(t, got.Body, "Hel")
						assert.LessOrEqual(t, time.Since(r.began), 3500*time.Millisecond)
						pass(2 * time.Second) // until the dead one notices
					})
				})
			}
		})
	}
}

// Nothing takes the place of an answer that has begun: it ends with an error, in the
// agent's dialect, and what it has said is said once (litellm #38153, #38606, #32835).
func TestNoSwapInTheMiddle(t *testing.T) {
	ends := map[string]func(events ...string) http.HandlerFunc{"cut": hangsUp, "ended": stream, "stalled": waits, "pinging": func(events ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { waits(append(slices.Clip(events), claudePing)...)(w, r) }
	}}
	for _, a := range foreigners {
		for _, translated := range []bool{false, true} {
			by := a.first
			if translated {
				by = a.next
			}
			spoken := map[string]*api{"openai": of("chat"), "anthropic": of("messages")}[by]
			begun, fails := spoken.events[:2], errorEvent
			if by == "anthropic" {
				begun, fails = spoken.events[:3], claudeFails
			}
			for name, end := range ends {
				t.Run(fmt.Sprintf("%s/translated %t/%s", a.name, translated, name), func(t *testing.T) {
					inRow(t, failoverOf(`{"models":["openai/*"],"to":["anthropic/claude-sonnet-4-5","spare/gpt-4.1-mini"]},{"models":["anthropic/*"],"to":["openai/gpt-4.1","spare/gpt-4.1-mini"]}`), func(t *testing.T, r *row) {
						r.Answer(a.first, a.dead)
						r.Answer(by, end(begun...))
						got := r.Post(a.path, a.streamed)
						assert.Equal(t, 200, got.StatusCode)
						assert.Equal(t, 1, strings.Count(got.Body, "Hel"), got.Body)
						assert.Contains(t, got.Body, `"error"`)
						assert.Empty(t, r.asked["spare"])
						if a.first == "anthropic" {
							assert.Equal(t, 1, strings.Count(got.Body, "event: message_start"))
							assert.NotContains(t, got.Body, "event: message_stop")
						} else {
							assert.NotContains(t, got.Body, "[DONE]")
							assert.NotContains(t, got.Body, `"finish_reason":"`)
						}
					})
				})
			}
			t.Run(fmt.Sprintf("%s/translated %t/an error of the provider's", a.name, translated), func(t *testing.T) {
				inRow(t, across, func(t *testing.T, r *row) {
					r.Answer(a.first, a.dead)
					r.Answer(by, stream(append(begun[:len(begun):len(begun)], fails)...))
					got := r.Post(a.path, a.streamed)
					assert.Equal(t, 1, strings.Count(got.Body, "Hel"), got.Body)
					assert.Contains(t, got.Body, `"error"`)
					assert.Len(t, append(r.asked["openai"], r.asked["anthropic"]...), map[bool]int{false: 1, true: 2}[translated])
				})
			})
		}
	}
}

// An answer that is no stream is not asked for again either, once the agent has some of it
// (llm_proxy #4).
func TestNothingIsSentTwice(t *testing.T) {
	f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"max_attempts":5}`))
	f.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "300000")
		io.WriteString(w, `{"id":"chatcmpl-1","choices":[{"message":{"content":"`+strings.Repeat("x", 200_000))
		flush(w)
		panic(http.ErrAbortHandler)
	})
	got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
	require.Error(t, got.Err, "nobody takes it for complete")
	assert.Len(t, f.Provider.Seen(), 1)
	assert.Empty(t, f.Spare.Seen())
	f.settled("r")
}

// Each target gets a request that is made of what the agent has sent, and nothing of what
// another one was sent (portkey #165, #855; a beta that another provider rejects).
func TestRequestsAreMadeAnew(t *testing.T) {
	claude := func(t *testing.T, s seen, model, body string) {
		t.Helper()
		assert.Equal(t, "/v1/messages?beta=true", s.URI)
		assert.Equal(t, strings.Replace(body, "anthropic/claude-sonnet-4-5", model, 1), s.Body)
		assert.Equal(t, "2023-06-01", s.Header.Get("Anthropic-Version"))
		assert.Equal(t, "context-1m-2025-08-07", s.Header.Get("Anthropic-Beta"))
		assert.Equal(t, claudeKey, s.Header.Get("X-Api-Key"))
	}
	t.Run("of Messages", func(t *testing.T) {
		const body = `{ "model":"anthropic/claude-sonnet-4-5", "max_tokens":99,"top_k":3,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":"Hello"}]}`
		f := newRelief(t, failoverOf(`{"models":["anthropic/*"],"to":["openai/gpt-4.1","anthropic/claude-haiku-4-5"]}`))
		f.Claude.Answer(failing(529, claudeBusy))
		f.Provider.Answer(failing(500, brokenBody))
		f.Post("/v1/messages?beta=true", body, "Anthropic-Version: 2023-06-01", "Anthropic-Beta: context-1m-2025-08-07", "X-Stainless-Lang: js", "Idempotency-Key: k")
		native, foreign := f.Claude.Seen(), f.Provider.Seen()
		require.Len(t, native, 2)
		require.Len(t, foreign, 1)
		claude(t, native[0], "claude-sonnet-4-5", body)
		claude(t, native[1], "claude-haiku-4-5", body)
		assert.Equal(t, "/v1/chat/completions", foreign[0].URI)
		assert.Equal(t, "Bearer "+openAIKey, foreign[0].Header.Get("Authorization"))
		for name := range foreign[0].Header {
			assert.False(t, strings.HasPrefix(name, "Anthropic-") || strings.HasPrefix(name, "X-Stainless-") || name == "X-Api-Key" || name == "Idempotency-Key", name)
		}
		for _, word := range []string{"claude", "top_k", "cache_control", `"max_tokens"`, `"system":`} {
			assert.NotContains(t, foreign[0].Body, word)
		}
		assert.Equal(t, "gpt-4.1", gjson.Get(foreign[0].Body, "model").String())
		assert.Equal(t, "99", gjson.Get(foreign[0].Body, "max_completion_tokens").Raw)
	})
	t.Run("of Chat Completions", func(t *testing.T) {
		const body = `{ "model":"openai/gpt-4.1", "max_tokens":99,"seed":3,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}],"x_rungate":1}`
		f := newRelief(t, failoverOf(`{"models":["openai/*"],"translation":"lenient","to":["anthropic/claude-sonnet-4-5","spare/gpt-4.1-mini"]}`))
		f.Provider.Answer(failing(500, brokenBody))
		f.Claude.Answer(failing(529, claudeBusy))
		got := f.Post("/v1/chat/completions?x=1", body, "OpenAI-Beta: a=v2", "X-Stainless-Lang: js", "Idempotency-Key: k")
		assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
		assert.Empty(t, got.Header.Get("X-Rungate-Translation-Notes"), "of the target that was given up on")
		foreign, native := f.Claude.Seen(), f.Spare.Seen()
		require.Len(t, foreign, 1)
		require.Len(t, native, 1)
		assert.Equal(t, "/v1/chat/completions?x=1", native[0].URI)
		assert.Equal(t, strings.Replace(body, "openai/gpt-4.1", "gpt-4.1-mini", 1), native[0].Body)
		assert.Equal(t, "a=v2", native[0].Header.Get("OpenAI-Beta"))
		assert.Equal(t, "Bearer sk-spare", native[0].Header.Get("Authorization"))
		assert.Empty(t, native[0].Header.Get("Anthropic-Version"))
		assert.Equal(t, "/v1/messages", foreign[0].URI)
		assert.Equal(t, "2023-06-01", foreign[0].Header.Get("Anthropic-Version"))
		for name := range foreign[0].Header {
			assert.False(t, strings.HasPrefix(name, "Openai-") || strings.HasPrefix(name, "X-Stainless-") || name == "Authorization" || name == "Idempotency-Key", name)
		}
		assert.NotContains(t, foreign[0].Body, "seed")
		assert.NotContains(t, foreign[0].Body, "x_rungate")
	})
}

// A target that cannot serve a call as it is asked is passed over, and the next one serves
// it (agentgateway #1087).
func TestTargetsThatCannot(t *testing.T) {
	for name, more := range map[string]string{
		"what has no word there":      `"logprobs":true`,
		"what is not known":           `"x_new":1`,
		"more answers than one":       `"n":2`,
		"what the provider runs":      `"web_search_options":{}`,
		"what is to be spoken":        `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`,
		"a tool of another kind":      `"tools":[{"type":"custom","custom":{"name":"sql"}}]`,
		"a schema that it cannot say": `"tools":[{"type":"function","function":{"name":"f","parameters":{"anyOf":[{"type":"object"}]}}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["anthropic/claude-sonnet-4-5","spare/gpt-4.1-mini"]}`))
			f.Provider.Answer(failing(500, brokenBody))
			got := f.Post("/v1/chat/completions", strings.Replace(plainCall, "{", "{"+more+",", 1), "X-Rungate-Run-Id: r")
			assert.Equal(t, 200, got.StatusCode, got.Body)
			assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
			assert.Empty(t, f.Claude.Seen())
			assert.Contains(t, f.Spare.Seen()[0].Body, more)
			assert.Len(t, f.Steps("r"), 2)
			f.settled("r")
		})
	}
}

// What an attempt has cost that has failed is charged, once, and to be seen
// (macprovider #762, #200).
func TestFailedAttemptsCostOnce(t *testing.T) {
	f := newRelief(t, across)
	f.Claude.Answer(stream(claudeStart, claudeFails)) // which tells of 100 tokens
	f.Provider.Answer(whole(chatAnswer))
	f.Provider.Answer(of("chat").answer())
	got := f.Post("/v1/messages", foreigners[1].streamed, "X-Rungate-Run-Id: r")
	require.Equal(t, "openai/gpt-4.1", got.Header.Get("X-Rungate-Served-By"), got.Body)
	steps := f.Steps("r")
	require.Len(t, steps, 2)
	assert.EqualValues(t, 100, steps[0].Usage.Input)
	assert.Positive(t, steps[0].Cost)
	assert.Positive(t, steps[1].Cost)
	assert.Equal(t, steps[0].Cost+steps[1].Cost, f.Run("r").Spent)
	f.settled("r")
	assert.Len(t, f.Events.Steps(), 2)
}

// The requests that go out for a call are as many as may be: neither the agent's SDK nor
// the gateway's own Transport makes more of them (caura #859, code_puppy #317).
func TestAttemptsDoNotMultiply(t *testing.T) {
	for name, headers := range map[string][]string{
		"plain": nil, "idempotent": {"Idempotency-Key: k"}, "idempotent to others": {"X-Idempotency-Key: k"}, "an SDK's second try": {"X-Stainless-Retry-Count: 1", "Idempotency-Key: k"},
	} {
		each := func(t *testing.T, rt http.RoundTripper) {
			var first, spare atomic.Int64
			counted := func(n *atomic.Int64) http.HandlerFunc {
				return func(http.ResponseWriter, *http.Request) {
					n.Add(1)
					panic(http.ErrAbortHandler)
				}
			}
			f := newRelief(t, spared, func(cfg *gateway.Config) { cfg.Transport = rt })
			f.Spare.Answer(whole(spareAnswer))
			require.Equal(t, 200, f.Post("/v1/chat/completions", strings.Replace(plainCall, "openai/gpt-4.1", "spare/gpt-4.1-mini", 1)).StatusCode)
			f.Provider.Answer(whole(chatAnswer))
			require.Equal(t, 200, f.Post("/v1/chat/completions", plainCall).StatusCode) // there are connections to be used again
			f.Provider.Answer(counted(&first))
			f.Spare.Answer(counted(&spare))
			got := f.Post("/v1/chat/completions", plainCall, append(headers, "X-Rungate-Run-Id: r")...)
			assert.Equal(t, 502, got.StatusCode)
			assert.EqualValues(t, 1, first.Load())
			assert.EqualValues(t, 1, spare.Load())
			assert.Len(t, f.Steps("r"), 2)
		}
		t.Run(name, func(t *testing.T) { each(t, nil) })
		t.Run(name+", over an http.Transport", func(t *testing.T) {
			rt := &http.Transport{}
			defer rt.CloseIdleConnections()
			each(t, rt)
		})
	}
}

// An account without money is one, in whatever status that is said; and a mistake of the
// agent's is none (litellm #16092, posthog #66298, openclaw #49079).
func TestNoMoneyFallsOver(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		fault  string // empty is no failover
	}{
		{"400, no credit", failing(400, claudeNoMoney), "out_of_funds"},
		{"400, a limit of the workspace", failing(400, `{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified workspace API usage limits. You will regain access on 2026-01-01 at 00:00 UTC."}}`), "out_of_funds"},
		{"402", failing(402, `{"type":"error","error":{"type":"billing_error","message":"Pay."}}`), "out_of_funds"},
		{"529", failing(529, claudeBusy), "overloaded"},
		{"400, of the agent's", failing(400, `{"type":"error","error":{"type":"invalid_request_error","message":"messages: what I ask is if your credit balance is too low"}}`), ""},
		{"520 of an edge", failing(520, "<html>"), "overloaded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRelief(t, across)
			f.Provider.Answer(whole(chatAnswer))
			f.Claude.Answer(tt.answer)
			got := f.Post("/v1/messages", foreigners[1].call, "X-Rungate-Run-Id: r")
			if tt.fault == "" {
				assert.Equal(t, 400, got.StatusCode)
				assert.Empty(t, f.Provider.Seen())
				return
			}
			assert.Equal(t, 200, got.StatusCode, got.Body)
			assert.Equal(t, tt.fault, f.Steps("r")[0].Fault)
		})
	}
}

// A 429 is one with Retry-After and without it, and what that says is believed within
// reason (litellm #30098, #27823, agentgateway #1500, grok2api #986, mnfst #2372).
func TestRetryAfterOfReason(t *testing.T) {
	for _, tt := range []struct {
		name, after string
		still, over time.Duration // it is left out
	}{
		{"none", "", 0, time.Minute},
		{"soon", "7", 6 * time.Second, 30 * time.Second},
		{"a minute", "60", 59 * time.Second, 2 * time.Minute},
		{"a day", "86400", 59 * time.Second, 2 * time.Minute},
		{"nonsense", "soon", 0, time.Minute},
		{"in the past", "Wed, 21 Oct 2015 07:28:00 GMT", 0, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRow(t, spared, func(t *testing.T, r *row) {
				headers := []string{"Retry-After", tt.after}
				if tt.after == "" {
					headers = nil
				}
				r.Answer("openai", failing(429, limitBody, headers...))
				by, status := r.call()
				require.Equal(t, 200, status)
				require.Equal(t, "spare/gpt-4.1-mini", by)
				r.Answer("openai", whole(chatAnswer))
				if tt.still > 0 {
					pass(tt.still)
					by, _ = r.call()
					assert.NotEmpty(t, by, "it is left out still")
					pass(tt.over - tt.still)
				} else {
					pass(tt.over)
				}
				by, status = r.call()
				assert.Equal(t, 200, status)
				assert.Empty(t, by, "and no longer")
			})
		})
	}
}

// No list of models is got around: not by a wild card, not by an alias, and not by what
// takes another model's place (litellm's incident of anthropic/*).
func TestListsHoldForEveryTarget(t *testing.T) {
	const denied = "policy_violation"
	for _, tt := range []struct{ name, policy, model, served string }{
		{"a model at another provider", `"models":{"allow":["anthropic/*"]}`, "openai/gpt-4.1", ""},
		{"a name that looks like it", `"models":{"allow":["anthropic/*"]}`, "spare/anthropic/claude-sonnet-4-5", ""},
		{"by an alias", `"models":{"allow":["anthropic/*"]}`, "fast", ""},
		{"an alias that is called like what is allowed", `"models":{"allow":["anthropic/*"]}`, "anthropic/nice", ""},
		{"what takes its place", `"models":{"allow":["openai/*"]},"failover":[{"models":["openai/*"],"to":["anthropic/claude-opus-4-5","spare/gpt-4.1"]}]`, "openai/gpt-4.1", "no"},
		{"what takes its place, instead", `"models":{"allow":["openai/*"]},"failover":[{"models":["openai/*"],"instead":true,"to":["spare/gpt-4.1"]}]`, "openai/gpt-4.1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRelief(t, `{"name":"prod",`+tt.policy+`}`, func(cfg *gateway.Config) {
				cfg.Aliases = map[string]string{"fast": "openai/gpt-4.1", "anthropic/nice": "openai/gpt-4.1"}
			})
			f.Provider.Answer(failing(500, brokenBody))
			got := f.Post("/v1/chat/completions", strings.Replace(plainCall, "openai/gpt-4.1", tt.model, 1))
			switch tt.served {
			case "no":
				assert.Equal(t, 500, got.StatusCode, got.Body)
				assert.Len(t, f.Provider.Seen(), 1)
			default:
				refusal(t, got, 403, denied)
				assert.Empty(t, f.Provider.Seen())
			}
			assert.Empty(t, f.Spare.Seen())
			assert.Empty(t, f.Claude.Seen())
		})
	}
}

// Without it being asked for there is neither failover nor, where it is forbidden,
// translation, and what one policy asks for is not for the runs of another
// (langfuse #16891).
func TestFailoverIsAskedFor(t *testing.T) {
	alone := func(t *testing.T, f *relief, headers ...string) {
		t.Helper()
		f.Provider.Answer(failing(500, brokenBody))
		got := f.Post("/v1/chat/completions", plainCall, headers...)
		assert.Equal(t, 500, got.StatusCode)
		assert.Equal(t, brokenBody, got.Body)
		assert.Empty(t, f.Spare.Seen())
		assert.Empty(t, f.Claude.Seen())
	}
	t.Run("by nobody", func(t *testing.T) { alone(t, newRelief(t, `{"name":"prod"}`)) })
	t.Run("for other models", func(t *testing.T) {
		alone(t, newRelief(t, failoverOf(`{"models":["openai/gpt-5*","anthropic/*"],"to":["spare/gpt-4.1"]}`)))
	})
	t.Run("by another policy", func(t *testing.T) {
		f := newRelief(t, spared, func(cfg *gateway.Config) {
			var all []policy.Policy
			for _, document := range []string{spared, `{"name":"open-none"}`} {
				p, err := policy.Parse([]byte(document))
				require.NoError(t, err)
				all = append(all, p)
			}
			set, err := policy.New(all...)
			require.NoError(t, err)
			cfg.Policy = set
		})
		alone(t, f, "X-Rungate-Policy: open-none", "X-Rungate-Run-Id: other")
		got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Policy: prod", "X-Rungate-Run-Id: r")
		assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
	})
	t.Run("without translation", func(t *testing.T) {
		f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["anthropic/claude-sonnet-4-5"],"translation":"none"}`))
		alone(t, f)
	})
	t.Run("with none for what is asked for", func(t *testing.T) {
		f := newRelief(t, `{"name":"prod"}`, func(cfg *gateway.Config) { cfg.Translation = policy.NoTranslation })
		got := f.Post("/v1/chat/completions", strings.Replace(plainCall, "openai/gpt-4.1", "anthropic/claude-sonnet-4-5", 1))
		refusal(t, got, 404, "unknown_model")
		assert.Empty(t, f.Claude.Seen())
	})
}
