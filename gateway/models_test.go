package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// What an agent is told of is what it may use, under names by which it gets it.
func TestModelNames(t *testing.T) {
	configs := func(change ...func(*gateway.Config)) []func(*gateway.Config) { return change }
	router, vendors := gptAt("router"), []provider.Provider{gptAt("openai"), claudeAt("anthropic")}
	all := []string{"gpt-4.1", "gpt-5", "claude-opus-5", "claude-sonnet-4-5"}
	for _, c := range []struct {
		name     string
		document string
		change   []func(*gateway.Config)
		want     []string
		claude   []string // what is listed in Anthropic's API; nil for the same
	}{
		{"both vendors", "", nil, all, nil},
		{"an aggregator", "", configs(sells(router)), []string{"anthropic/claude-opus-5", "gpt-5", "llama-4"},
			[]string{"router/anthropic/claude-opus-5", "gpt-5", "router/llama-4"}},
		{"an aggregator behind the vendors", "", configs(sells(append(vendors, router)...)),
			append(all[:4:4], "router/anthropic/claude-opus-5", "router/gpt-5", "router/llama-4"), nil},
		{"an aggregator before the vendors", "", configs(sells(append([]provider.Provider{router}, vendors...)...)),
			[]string{"router/anthropic/claude-opus-5", "gpt-5", "llama-4", "openai/gpt-4.1", "openai/gpt-5", "claude-opus-5", "claude-sonnet-4-5"},
			[]string{"router/anthropic/claude-opus-5", "gpt-5", "router/llama-4", "openai/gpt-4.1", "openai/gpt-5", "claude-opus-5", "claude-sonnet-4-5"}},
		{"some of what a provider lists", "", configs(sells(gptAt("openai", "gpt-4*"), claudeAt("anthropic", "*opus*"))), []string{"gpt-4.1", "claude-opus-5"}, nil},
		{"what it is said to serve besides", "", configs(sells(gptAt("openai", "gpt-4*", "o9", "gpt-4.1"), claudeAt("anthropic"))),
			[]string{"gpt-4.1", "o9", "claude-opus-5", "claude-sonnet-4-5"}, nil},

		{"aliases", "", configs(calledAlso("smart", "anthropic/claude-opus-5", "fast", "gpt-4.1", "new", "claude-next")), append(all[:4:4], "fast", "new", "smart"), nil},
		{"an alias in place of a model", "", configs(calledAlso("gpt-5", "gpt-4.1")), []string{"gpt-4.1", "openai/gpt-5", "claude-opus-5", "claude-sonnet-4-5", "gpt-5"}, nil},
		{"an alias of what it is called", "", configs(calledAlso("gpt-5", "openai/gpt-5")), all, nil},
		{"an alias of nobody's model", "", configs(sells(gptAt("openai", "gpt-4*"), claudeAt("anthropic", "c*")), calledAlso("x", "y")), []string{"gpt-4.1", "claude-opus-5", "claude-sonnet-4-5"}, nil},

		{"some are allowed", `{"name":"p","models":{"allow":["openai/gpt-4*","claude-opus*"]}}`, nil, []string{"gpt-4.1", "claude-opus-5"}, nil},
		{"some are denied", `{"name":"p","models":{"deny":["GPT-5","anthropic/*"]}}`, nil, []string{"gpt-4.1"}, nil},
		{"none is allowed", `{"name":"p","models":{"allow":["nothing"]}}`, nil, []string{}, nil},
		{"some, by a rule", `{"name":"p","rules":[{"name":"old","when":[{"call":"model","op":"==","value":"gpt-5"}],"then":"deny"}]}`, nil, []string{"gpt-4.1", "claude-opus-5", "claude-sonnet-4-5"}, nil},
		{"some are asked about", `{"name":"p","rules":[{"name":"new","when":[{"call":"model","op":"==","value":"gpt-5"}],"then":"approve"}]}`, nil, all, nil},
		{"the policy is not enforced", `{"name":"p","mode":"shadow","models":{"deny":["*"]}}`, nil, all, nil},
		{"an alias of what is denied", `{"name":"p","models":{"deny":["gpt-5"]}}`, configs(calledAlso("best", "gpt-5")), []string{"gpt-4.1", "claude-opus-5", "claude-sonnet-4-5"}, nil},
		{"nobody may chat", `{"name":"p","endpoints":{"deny":["chat","embeddings"]}}`, nil, []string{"gpt-4.1", "gpt-5"}, all},
		{"nobody may send messages", `{"name":"p","endpoints":{"deny":["messages"]}}`, nil, all, []string{}},
		{"one provider's, of what is allowed", `{"name":"p","models":{"deny":["gpt-5"]}}`, configs(sells(router)), []string{"anthropic/claude-opus-5", "llama-4"}, []string{"router/anthropic/claude-opus-5", "router/llama-4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := &events{}
			_, gw := newMarket(t, c.document, append(c.change, func(cfg *gateway.Config) { cfg.Observer = events })...)
			assert.Equal(t, c.want, names(t, models(t, gw, "/v1/models")))
			if c.claude == nil {
				c.claude = c.want
			}
			assert.Equal(t, c.claude, names(t, models(t, gw, "/v1/models", inClaude)))
			assert.Equal(t, []run.EventType{run.RunStarted}, events.Types(), "it is not the agent who asks the policy")
		})
	}
	t.Run("by each of these names there is one model, and a call gets it", func(t *testing.T) {
		m, gw := newMarket(t, "", sells(append(vendors, router)...), calledAlso("fast", "gpt-4.1"))
		for _, headers := range [][]string{nil, {inClaude}} {
			for _, name := range names(t, models(t, gw, "/v1/models", headers...)) {
				r := models(t, gw, "/v1/models/"+strings.ReplaceAll(name, "/", "%2F"), headers...)
				require.Equal(t, 200, r.StatusCode, "%s: %s", name, r.Body)
			}
		}
		m.Asked()
	})
}

// An entry is as its provider wrote it, or as the other API would have it.
func TestModelEntries(t *testing.T) {
	_, gw := newMarket(t, "", sells(gptAt("openai"), claudeAt("anthropic"), gptAt("router")),
		calledAlso("fast", "gpt-4.1", "smart", "claude-opus-5", "new", "gpt-4.1-new"))
	entry := func(t *testing.T, name string, headers ...string) string {
		listed := ""
		for _, m := range gjson.Get(models(t, gw, "/v1/models", headers...).Body, "data").Array() {
			if m.Get("id").String() == name {
				listed = m.Raw
			}
		}
		require.NotEmpty(t, listed)
		return listed
	}
	for _, c := range []struct {
		name, model, header, want string
	}{
		{"its own", "gpt-5", "", gptEntry("gpt-5")},
		{"its own, of Anthropic", "claude-opus-5", inClaude, claudeEntry("claude-opus-5")},
		{"its own, with its provider", "router/llama-4", "", `{"id":"router/llama-4","object":"model","created":1687882411,"owned_by":"openai","extra":[1]}`},
		{"of the other API", "claude-opus-5", "", `{"id":"claude-opus-5","object":"model","created":1784851200,"owned_by":"anthropic"}`},
		{"of the other API, the other way round", "router/llama-4", inClaude,
			`{"type":"model","id":"router/llama-4","display_name":"router/llama-4","created_at":"2023-06-27T16:13:31Z","max_input_tokens":null,"max_tokens":null}`},
		{"with what is known of it", "gpt-4.1", inClaude,
			`{"type":"model","id":"gpt-4.1","display_name":"gpt-4.1","created_at":"2023-06-27T16:13:31Z","max_input_tokens":1047576,"max_tokens":32768}`},
		{"an alias", "fast", "", `{"id":"fast","object":"model","created":1687882411,"owned_by":"openai","extra":[1]}`},
		{"an alias, of the other API", "smart", "", `{"id":"smart","object":"model","created":1784851200,"owned_by":"anthropic"}`},
		{"an alias, in Anthropic's API", "smart", inClaude, `{"type":"model","id":"smart","display_name":"The claude-opus-5","created_at":"2026-07-24T00:00:00Z","max_input_tokens":1000000,"max_tokens":128000}`},
		{"an alias of what is not listed", "new", "", `{"id":"new","object":"model","created":0,"owned_by":"openai"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			assert.Equal(t, c.want, entry(t, c.model, headers...))
		})
	}
	t.Run("the list around them", func(t *testing.T) {
		_, gw := newMarket(t, "", sells(gptAt("openai", "gpt-5"), claudeAt("anthropic", "claude-opus-5")))
		r := models(t, gw, "/v1/models")
		assert.Equal(t, `{"object":"list","data":[`+gptEntry("gpt-5")+`,{"id":"claude-opus-5","object":"model","created":1784851200,"owned_by":"anthropic"}]}`, r.Body)
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		assert.NotEmpty(t, r.Header.Get("X-Request-Id"))
		r = models(t, gw, "/v1/models", inClaude)
		assert.True(t, strings.HasSuffix(r.Body, `,`+claudeEntry("claude-opus-5")+`],"has_more":false,"first_id":"gpt-5","last_id":"claude-opus-5"}`), r.Body)
		assert.NotEmpty(t, r.Header.Get("Request-Id"))
	})
}

// Where there is nothing to add to the list of the only provider, and nothing to
// leave out, it is passed on like any other answer.
func TestModelsOfOne(t *testing.T) {
	odd := "\n" + `{ "data" :[` + gptEntry("gpt-5") + `], "object":"list" ,"more":1}` + "\n"
	for _, c := range []struct {
		name     string
		one      provider.Provider
		path     string
		header   string
		shop     shop
		asked    string
		status   int
		body     string
		document string
	}{
		{"OpenAI", gptAt("openai"), "/v1/models?a=1", "", says(200, odd, "x-request-id: req_1"), "openai.test/v1/models?a=1", 200, odd, ""},
		{"Anthropic", claudeAt("anthropic"), "/v1/models?limit=7&after_id=x", inClaude, says(200, claudeList("claude-opus-5")), "anthropic.test/v1/models?limit=7&after_id=x", 200, claudeList("claude-opus-5"), ""},
		{"an error", gptAt("openai"), "/v1/models", "", says(429, `{"error":{}}`), "openai.test/v1/models", 429, `{"error":{}}`, ""},
		{"no list", gptAt("openai"), "/v1/models", "", says(200, `<html>`), "openai.test/v1/models", 200, `<html>`, ""},
		{"of which all is allowed", gptAt("openai"), "/v1/models", "", says(200, odd), "openai.test/v1/models", 200, odd, `{"name":"p","models":{"allow":["gpt-*"]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, gw := newMarket(t, c.document, sells(c.one))
			m.Put(c.one.Name()+".test", c.shop)
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			for range 2 {
				r := models(t, gw, c.path, headers...)
				assert.Equal(t, c.status, r.StatusCode)
				assert.Equal(t, c.body, r.Body)
				assert.Equal(t, []string{c.asked}, m.Asked())
			}
		})
	}
	t.Run("what is left out is left out of all of it", func(t *testing.T) {
		m, gw := newMarket(t, `{"name":"p","models":{"deny":["*opus*"]}}`, sells(claudeAt("anthropic")))
		var pages []string
		m.Put("anthropic.test", func(r *http.Request) (*http.Response, error) {
			pages = append(pages, r.Header.Get("X-Api-Key")+" "+r.Header.Get("Anthropic-Version"))
			switch r.URL.RawQuery {
			case "limit=1": // the agent's
				return says(200, `{"data":[`+claudeEntry("claude-opus-5")+`],"has_more":true,"first_id":"claude-opus-5","last_id":"claude-opus-5"}`)(r)
			case "limit=1000":
				return says(200, `{"data":[`+claudeEntry("claude-opus-5")+`],"has_more":true,"first_id":"claude-opus-5","last_id":"claude-opus-5"}`)(r)
			}
			return says(200, claudeList("claude-opus-4", "claude-sonnet-4-5"))(r)
		})
		r := models(t, gw, "/v1/models?limit=1", inClaude)
		assert.Equal(t, []string{"claude-sonnet-4-5"}, names(t, r))
		assert.False(t, gjson.Get(r.Body, "has_more").Bool())
		assert.Equal(t, []string{"anthropic.test/v1/models?limit=1", "anthropic.test/v1/models?limit=1000", "anthropic.test/v1/models?after_id=claude-opus-5&limit=1000"}, m.Asked())
		for _, got := range pages {
			assert.Equal(t, "sk-anthropic 2023-06-01", got)
		}
	})
	t.Run("a name that would lead elsewhere is another one", func(t *testing.T) {
		m, gw := newMarket(t, "", sells(gptAt("router")))
		m.Put("router.test", says(200, gptList("router/auto", "gpt-5")))
		assert.Equal(t, []string{"router/router/auto", "gpt-5"}, names(t, models(t, gw, "/v1/models")))
	})
}

// One model is told of as it is listed.
func TestOneModel(t *testing.T) {
	translated := `{"id":"claude-opus-5","object":"model","created":1784851200,"owned_by":"anthropic"}`
	const denied = `{"name":"p","models":{"deny":["gpt-5","claude-opus-5"]}}`
	for _, c := range []struct {
		name     string
		document string
		path     string
		header   string
		asked    string // empty if it is not known before
		status   int
		body     string
	}{
		{"its own", "", "gpt-5", "", "openai.test/v1/models/gpt-5", 200, "passed"},
		{"its own, which is not listed", "", "gpt-9", "", "openai.test/v1/models/gpt-9", 200, "passed"},
		{"its own, escaped", "", "gpt%2D5", "", "openai.test/v1/models/gpt%2D5", 200, "passed"},
		{"its own, with a query", "", "gpt-5?a=1", "", "openai.test/v1/models/gpt-5?a=1", 200, "passed"},
		{"with its provider", "", "openai%2Fgpt-5", "", "openai.test/v1/models/gpt-5", 200, "passed"},
		{"with its provider, not escaped", "", "openai/gpt-5", "", "openai.test/v1/models/gpt-5", 200, "passed"},
		{"an alias", "", "fast", "", "openai.test/v1/models/gpt-4.1", 200, "passed"},
		{"of Anthropic", "", "claude-opus-5", inClaude, "anthropic.test/v1/models/claude-opus-5", 200, "passed"},
		{"of the other API", "", "claude-opus-5", "", "anthropic.test/v1/models?limit=1000", 200, translated},
		{"of the other API, with its provider", "", "anthropic/claude-opus-5", "", "anthropic.test/v1/models?limit=1000", 200, strings.Replace(translated, "claude", "anthropic/claude", 1)},
		{"of the other API, an alias", "", "smart", "", "anthropic.test/v1/models?limit=1000", 200, strings.Replace(translated, "claude-opus-5", "smart", 1)},
		{"of the other API, the other way round", "", "gpt-5", inClaude, "openai.test/v1/models", 200,
			`{"type":"model","id":"gpt-5","display_name":"gpt-5","created_at":"2023-06-27T16:13:31Z","max_input_tokens":272000,"max_tokens":128000}`},
		{"of the other API, which is not listed", "", "claude-9", "", "anthropic.test/v1/models?limit=1000", 404, "unknown_model"},
		{"an aggregator's name", "", "router/anthropic/claude-opus-5", "", "router.test/v1/models", 200, `{"id":"router/anthropic/claude-opus-5","object":"model","created":1687882411,"owned_by":"openai","extra":[1]}`},
		{"denied", denied, "gpt-5", "", "", 404, "unknown_model"},
		{"denied, of the other API", denied, "claude-opus-5", "", "anthropic.test/v1/models?limit=1000", 404, "unknown_model"},
		{"denied, in Anthropic's API", denied, "claude-opus-5", inClaude, "", 404, "unknown_model"},
		{"allowed, beside denied ones", denied, "gpt-4.1", "", "openai.test/v1/models/gpt-4.1", 200, "passed"},
		{"the endpoint is denied", `{"name":"p","endpoints":{"deny":["models"]}}`, "gpt-5", "", "", 403, "policy_violation"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, gw := newMarket(t, c.document, sells(gptAt("openai"), claudeAt("anthropic"), gptAt("router")), calledAlso("fast", "gpt-4.1", "smart", "claude-opus-5"))
			for host, list := range m.shops {
				m.Put(host, func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "/models") {
						return list(r)
					}
					return says(200, "passed")(r)
				})
			}
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			r := models(t, gw, "/v1/models/"+c.path, headers...)
			assert.Equal(t, c.status, r.StatusCode, r.Body)
			if c.status == 200 {
				assert.Equal(t, c.body, r.Body)
			} else {
				refusal(t, r, c.status, c.body)
			}
			var want []string
			if c.asked != "" {
				want = []string{c.asked}
			}
			assert.Equal(t, want, m.Asked())
		})
	}
	t.Run("of a provider that nobody can serve it by", func(t *testing.T) {
		m, gw := newMarket(t, "", sells(gptAt("openai", "gpt-*")))
		refusal(t, models(t, gw, "/v1/models/llama"), 404, "unknown_model")
		assert.Empty(t, m.Asked())
	})
	t.Run("of a provider that cannot be asked", func(t *testing.T) {
		m, gw := newMarket(t, "", calledAlso("smart", "claude-opus-5"))
		m.Put("anthropic.test", says(503, ""))
		refusal(t, models(t, gw, "/v1/models/claude-sonnet-4-5"), 502, "upstream_protocol_error")
		assert.Equal(t, 200, models(t, gw, "/v1/models/smart").StatusCode)
	})
}

// What an in-process client asks a vendor's host for is that vendor's.
func TestModelsPreferred(t *testing.T) {
	m, gw := newMarket(t, "", sells(gptAt("openai"), claudeAt("anthropic"), gptAt("router")))
	ask := func(path, header string, preferred ...string) *reply {
		ctx := gateway.PreferProviders(run.NewContext(t.Context(), run.Ref{Agent: "alice"}), preferred...)
		req, err := http.NewRequestWithContext(ctx, "GET", path, nil)
		require.NoError(t, err)
		if header != "" {
			req.Header.Set("Anthropic-Version", "2023-06-01")
		}
		w := httptest.NewRecorder()
		gw.ServeHTTP(w, req)
		return &reply{Response: w.Result(), Body: w.Body.String()}
	}
	assert.Equal(t, []string{"gpt-4.1", "gpt-5"}, names(t, ask("/v1/models", "", "openai")))
	assert.Equal(t, []string{"openai.test/v1/models"}, m.Asked(), "passed on")
	assert.Equal(t, []string{"claude-opus-5", "claude-sonnet-4-5"}, names(t, ask("/v1/models", inClaude, "anthropic")))
	assert.Equal(t, []string{"router/anthropic/claude-opus-5", "gpt-5", "llama-4"}, names(t, ask("/v1/models", "", "router")))
	assert.Equal(t, []string{"openai/gpt-4.1", "openai/gpt-5", "router/anthropic/claude-opus-5", "gpt-5", "llama-4"}, names(t, ask("/v1/models", "", "router", "openai")))
	assert.Len(t, names(t, ask("/v1/models", "", "anthropic")), 7, "of none that speaks it: all")
	assert.Equal(t, 200, ask("/v1/models/claude-opus-5", "", "openai").StatusCode, "what it would get")
}

// A call for models is a call: of a run, held to rates, and recorded.
func TestModelsCall(t *testing.T) {
	for name, change := range map[string]func(*gateway.Config){
		"answered":  sells(gptAt("openai"), claudeAt("anthropic")),
		"passed on": sells(gptAt("openai")),
	} {
		t.Run(name, func(t *testing.T) {
			_, gw := newMarket(t, `{"name":"p","rate_limits":[{"name":"calls","per":"agent","requests":2,"window":"1m","burst":2}]}`, change)
			for range 2 {
				r := models(t, gw, "/v1/models")
				require.Equal(t, 200, r.StatusCode, r.Body)
				assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
			}
			refusal(t, models(t, gw, "/v1/models"), 429, "rate_limited")
			steps, err := gw.Runs().Steps(t.Context(), run.Key{Team: "agent:alice", ID: "r"}, 0, 10)
			require.NoError(t, err)
			require.Len(t, steps, 2)
			for _, s := range steps {
				assert.Equal(t, provider.Models, s.Endpoint)
				assert.Equal(t, 200, s.Status)
				assert.Zero(t, s.Usage)
				assert.Zero(t, s.Cost)
			}
		})
	}
	t.Run("the policy is asked about it", func(t *testing.T) {
		m, gw := newMarket(t, `{"name":"p","endpoints":{"deny":["models"]}}`)
		refusal(t, models(t, gw, "/v1/models"), 403, "policy_violation")
		assert.Empty(t, m.Asked())
	})
	t.Run("an engine that cannot decide", func(t *testing.T) {
		undecided := func(c *gateway.Config) {
			c.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
				if in.Target.Model == "gpt-5" {
					return policy.Decision{}, assert.AnError
				}
				return policy.Decision{Verdict: policy.Allow}, nil
			})
		}
		_, gw := newMarket(t, "", undecided)
		refusal(t, models(t, gw, "/v1/models"), 503, "store_unavailable")
		_, gw = newMarket(t, "", undecided, sells(gptAt("openai")))
		refusal(t, models(t, gw, "/v1/models"), 503, "store_unavailable")
		refusal(t, models(t, gw, "/v1/models/gpt-5"), 503, "store_unavailable")
	})
}
