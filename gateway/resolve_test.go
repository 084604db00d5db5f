package gateway

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// A vendor is a dialect whose own models have names that begin alike.
type vendor struct {
	provider.Dialect
	own string
}

func (v vendor) Native(model string) bool { return strings.HasPrefix(model, v.own) }

// A house is a provider of a vendor's dialect.
type house struct {
	provider.Provider
	vendor
}

func (h house) Dialect() provider.Dialect { return h.vendor }

func (h house) Name() string { return h.Provider.Name() }

func gpt(name string, serves ...string) provider.Provider {
	return house{&openai.Provider{ID: name, Serves: serves}, vendor{openai.Dialect{}, "gpt-"}}
}

func claudes(name string, serves ...string) provider.Provider {
	return house{&anthropic.Provider{ID: name, Serves: serves}, vendor{anthropic.Dialect{}, "claude-"}}
}

// Which provider serves a call is said by the model that it names, then by what it
// asks for and how.
func TestResolve(t *testing.T) {
	const none = ""
	chat, messages := provider.Chat, provider.Messages
	both := []provider.Provider{gpt("openai"), claudes("anthropic")}
	aggregator := []provider.Provider{gpt("router")}
	for _, c := range []struct {
		name      string
		providers []provider.Provider
		endpoint  provider.Endpoint
		model     string
		preferred []string
		want      string // "provider/model"; empty if nobody serves it
	}{
		{"with its provider", both, chat, "openai/gpt-4.1", nil, "openai/gpt-4.1"},
		{"with its provider, of the other dialect", both, chat, "anthropic/claude-sonnet-4", nil, "anthropic/claude-sonnet-4"},
		{"with its provider, the other way round", both, messages, "openai/gpt-4.1", nil, "openai/gpt-4.1"},
		{"with its provider, whatever it is", both, messages, "openai/claude-like", nil, "openai/claude-like"},
		{"with its provider, which lists others", []provider.Provider{gpt("openai", "gpt-5")}, chat, "openai/o3", nil, "openai/o3"},
		{"with its provider, and a slash of its own", both, messages, "openai/meta/llama", nil, "openai/meta/llama"},
		{"with nothing but its provider", both, chat, "openai/", nil, "openai/openai/"},
		{"counting tokens is not translated", both, provider.CountTokens, "openai/gpt-4.1", nil, none},
		{"responses are not translated", both, provider.Responses, "anthropic/claude-sonnet-4", nil, none},
		{"embeddings are not translated", both, provider.Embeddings, "anthropic/claude-sonnet-4", nil, none},

		{"bare", both, chat, "gpt-4.1", nil, "openai/gpt-4.1"},
		{"bare, of the other dialect", both, chat, "claude-sonnet-4", nil, "anthropic/claude-sonnet-4"},
		{"bare, the other way round", both, messages, "gpt-4.1", nil, "openai/gpt-4.1"},
		{"bare, nobody's own", both, chat, "llama-3", nil, "openai/llama-3"},
		{"bare, nobody's own, the other way round", both, messages, "llama-3", nil, "anthropic/llama-3"},
		{"bare, with a slash of its own", both, messages, "meta/llama", nil, "anthropic/meta/llama"},
		{"bare, of the other dialect, to count tokens", both, provider.CountTokens, "gpt-4.1", nil, "anthropic/gpt-4.1"},
		{"bare, of the other dialect, as a response", both, provider.Responses, "claude-sonnet-4", nil, "openai/claude-sonnet-4"},
		{"bare, of the other dialect, to embed", both, provider.Embeddings, "claude-sonnet-4", nil, "openai/claude-sonnet-4"},
		{"no model", both, provider.Responses, "", nil, "openai/"},
		{"no model, in the dialect of a vendor that is not there", both[1:], provider.Responses, "", nil, none},

		{"an aggregator has it in the agent's own dialect", aggregator, chat, "claude-sonnet-4", nil, "router/claude-sonnet-4"},
		{"an aggregator's name for it", aggregator, chat, "anthropic/claude-sonnet-4", nil, "router/anthropic/claude-sonnet-4"},
		{"an aggregator's name for it, with its provider", append(aggregator, both...), messages, "router/anthropic/claude-sonnet-4", nil, "router/anthropic/claude-sonnet-4"},
		{"that provider itself is there, too", append(aggregator, both...), chat, "anthropic/claude-sonnet-4", nil, "anthropic/claude-sonnet-4"},
		{"an aggregator of the other dialect only has its vendor's own", aggregator, messages, "claude-sonnet-4", nil, none},
		{"an aggregator of the other dialect that lists it", []provider.Provider{gpt("router", "claude-*")}, messages, "claude-sonnet-4", nil, "router/claude-sonnet-4"},

		{"who lists it", []provider.Provider{gpt("openai"), gpt("local", "gpt-oss*")}, chat, "gpt-oss-20b", nil, "local/gpt-oss-20b"},
		{"who lists it comes before whose it is", []provider.Provider{gpt("local", "claude-*"), claudes("anthropic")}, messages, "claude-sonnet-4", nil, "local/claude-sonnet-4"},
		{"of two that list it, the one of the dialect", []provider.Provider{gpt("o", "m*"), claudes("a", "m*")}, messages, "m-1", nil, "a/m-1"},
		{"of two that list it, the one of the dialect, the other way round", []provider.Provider{claudes("a", "m*"), gpt("o", "m*")}, chat, "m-1", nil, "o/m-1"},
		{"of two that list it, the first", []provider.Provider{gpt("b", "m*"), gpt("a", "m-1")}, chat, "m-1", nil, "b/m-1"},
		{"who lists it in the other dialect cannot count its tokens", []provider.Provider{gpt("o", "m*"), claudes("a")}, provider.CountTokens, "m-1", nil, "a/m-1"},
		{"who lists others does not have it", []provider.Provider{gpt("o", "m*"), claudes("a", "n*")}, chat, "gpt-4.1", nil, none},
		{"of two that list nothing, the first", []provider.Provider{gpt("b"), gpt("a")}, chat, "gpt-4.1", nil, "b/gpt-4.1"},
		{"of two vendors' servers, the one of the dialect", []provider.Provider{claudes("a"), house{&openai.Provider{ID: "o"}, vendor{openai.Dialect{}, "claude-"}}}, chat, "claude-sonnet-4", nil, "o/claude-sonnet-4"},

		{"an alias", both, chat, "fast", nil, "openai/gpt-4.1-mini"},
		{"an alias, from the other dialect", both, messages, "fast", nil, "openai/gpt-4.1-mini"},
		{"an alias of a bare name", both, chat, "smart", nil, "anthropic/claude-opus-4"},
		{"an alias in place of a vendor's own", both, messages, "claude-3-opus", nil, "anthropic/claude-opus-4"},
		{"an alias is resolved once", both, chat, "faster", nil, "openai/fast"},
		{"an alias of the other dialect, to embed", both[1:], provider.Embeddings, "fast", nil, none},

		{"untranslated: bare", both, messages, "claude-sonnet-4", nil, "anthropic/claude-sonnet-4"},
		{"untranslated: bare, of the other dialect", both, chat, "claude-sonnet-4", nil, "openai/claude-sonnet-4"},
		{"untranslated: with its provider, of the other dialect", both, chat, "anthropic/claude-sonnet-4", nil, none},
		{"untranslated: listed in the other dialect", []provider.Provider{gpt("o"), claudes("a", "m*")}, chat, "m-1", nil, "o/m-1"},

		{"the preferred", []provider.Provider{gpt("b"), gpt("a")}, chat, "gpt-4.1", []string{"a"}, "a/gpt-4.1"},
		{"the more preferred", []provider.Provider{gpt("b"), gpt("a")}, chat, "gpt-4.1", []string{"a", "b"}, "a/gpt-4.1"},
		{"preferred, but the model says otherwise", both, chat, "anthropic/claude-sonnet-4", []string{"openai"}, "anthropic/claude-sonnet-4"},
		{"preferred, but it is another vendor's", both, chat, "claude-sonnet-4", []string{"openai"}, "anthropic/claude-sonnet-4"},
		{"preferred, but another lists it", []provider.Provider{gpt("a"), gpt("b", "gpt-*")}, chat, "gpt-4.1", []string{"a"}, "b/gpt-4.1"},
		{"preferred, but of the other dialect", both, chat, "llama-3", []string{"anthropic"}, "openai/llama-3"},
		{"preferred, of those that list it", []provider.Provider{gpt("b", "gpt-*"), gpt("a", "gpt-*")}, chat, "gpt-4.1", []string{"a"}, "a/gpt-4.1"},
		{"preferred, where there is no model", []provider.Provider{gpt("b"), gpt("a", "m")}, provider.Responses, "", []string{"a"}, "a/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &Gateway{cfg: Config{Aliases: map[string]string{
				"fast": "openai/gpt-4.1-mini", "smart": "claude-opus-4", "claude-3-opus": "anthropic/claude-opus-4", "faster": "openai/fast",
			}}}
			for _, p := range c.providers {
				g.providers = append(g.providers, newUpstream(p, nil))
			}
			if strings.HasPrefix(c.name, "untranslated: ") {
				g.cfg.Translation = policy.NoTranslation
			}
			dialect := "openai"
			if c.endpoint == provider.Messages || c.endpoint == provider.CountTokens {
				dialect = "anthropic"
			}
			u, target := g.resolve(c.model, c.endpoint, dialect, c.preferred)
			if c.want == none {
				assert.Nil(t, u)
				assert.Zero(t, target)
				return
			}
			assert.Equal(t, c.want, target.String())
			if assert.NotNil(t, u) {
				assert.Equal(t, target.Provider, u.Name())
			}
		})
	}
}
