package budget

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

func TestParseOverlay(t *testing.T) {
	o, err := ParseOverlay([]byte(`{
		"local":  {"llama*": {"input": 0, "output": 0}},
		"openai": {"gpt-5": {"input": "0.0375", "output": 7.50, "cache_read": 0, "cache_write": 1, "cache_write_1h": 2,
		                     "audio_input": 3, "audio_output": "4", "web_search": 9}}
	}`))
	require.NoError(t, err)
	assert.Equal(t, Overlay{
		"local": {"llama*": {}},
		"openai": {"gpt-5": {
			Input: 37_500_000_000, Output: 7*Dollar + Dollar/2,
			CacheRead: new(Money), CacheWrite: new(Dollar), CacheWrite1h: new(2 * Dollar),
			AudioInput: new(3 * Dollar), AudioOutput: new(4 * Dollar), WebSearch: new(9 * Dollar),
		}},
	}, o)

	written, err := json.Marshal(o)
	require.NoError(t, err)
	again, err := ParseOverlay(written)
	require.NoError(t, err)
	assert.Equal(t, o, again, "what is written can be read")
}

func TestParseOverlayRefuses(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{"no JSON", `{"local":`, "unexpected end of JSON input"},
		{"two documents", `{} {}`, "after top-level value"},
		{"not an object", `[]`, "overlay: want an object"},
		{"null", `null`, "overlay: want an object"},
		{"models not an object", `{"local": []}`, "local: want an object"},
		{"a price not an object", `{"local": {"a": 1}}`, `local["a"]: want an object`},
		{"a provider twice", `{"local": {}, "local": {}}`, `overlay: "local" stands twice`},
		{"a model twice", `{"local": {"a": {"input":0,"output":0}, "a": {"input":0,"output":0}}}`, `local: "a" stands twice`},
		{"a member twice", `{"local": {"a": {"input":0,"input":0,"output":0}}}`, `local["a"]: "input" stands twice`},
		{"an unknown member", `{"local": {"a": {"input":0,"output":0,"inptu":0}}}`, `local["a"].inptu: a member of this name is not known`},
		{"output missing", `{"local": {"a": {"input":1}}}`, `local["a"]: input or output is missing`},
		{"negative", `{"local": {"a": {"input":-1,"output":0}}}`, `local["a"].input: amount "-1"`},
		{"an exponent", `{"local": {"a": {"input":1e-6,"output":0}}}`, `local["a"].input: amount "1e-6"`},
		{"not a number", `{"local": {"a": {"input":"NaN","output":0}}}`, `local["a"].input: amount "NaN"`},
		{"null is no price", `{"local": {"a": {"input":null,"output":0}}}`, `local["a"].input: amount "null"`},
		{"a boolean", `{"local": {"a": {"input":true,"output":0}}}`, `local["a"].input: amount "true"`},
		{"absurd", `{"local": {"a": {"input":0,"output":10001}}}`, `local["a"].output: 10001.00 dollars for 1000000 is beyond belief`},
		{"too fine", `{"local": {"a": {"input":0.0000015,"output":0}}}`, `local["a"].input: is finer than a picodollar`},
		{"next to nothing", `{"local": {"a": {"input":0.0000001,"output":0}}}`, `local["a"].input: 0.0000001 dollars for 1000000 is next to nothing`},
		{"a search too fine", `{"local": {"a": {"input":0,"output":0,"web_search":0.0000000015}}}`, `local["a"].web_search: is finer`},
		{"no provider", `{"": {}}`, "a provider needs a name"},
		{"no model", `{"local": {"": {"input":0,"output":0}}}`, `local[""]: a model needs a name`},
	} {
		o, err := ParseOverlay([]byte(c.json))
		assert.ErrorContains(t, err, c.want, c.name)
		assert.Nil(t, o, c.name)
	}

	_, err := ParseOverlay([]byte(`{"a": {"m": {"input": -1, "output": 99999}}, "b": {"n": {"x": 1}}}`))
	require.Error(t, err)
	assert.Len(t, strings.Split(err.Error(), "\n"), 4, "all at once: %v", err)
}

func TestWithOverlayRefusesWhatCannotBeAPrice(t *testing.T) {
	_, err := DefaultPrices().WithOverlay(Overlay{"local": {
		"a": {Input: -1},
		"b": {Output: math.MinInt64},
		"c": {CacheRead: new(MaxMoney)},
		"d": {AudioInput: new(Dollar + 1)},
	}})
	require.Error(t, err)
	for _, want := range []string{
		`local["a"].input: -0.000000000001 is negative`, `local["b"].output`, `local["c"].cache_read`, `local["d"].audio_input`,
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestOverlayLiesOverTheTable(t *testing.T) {
	local, eu := Seller{Provider: "local", Dialect: "openai"}, Seller{Provider: "eu", Dialect: "openai"}
	p, err := DefaultPrices().WithOverlay(Overlay{
		"local": {
			"llama*":    {},
			"llama3:*b": {Input: 2 * Dollar},
			"llama3:8b": {Input: 1 * Dollar},
			"gpt-4o":    {Input: 5 * Dollar},
			"exact":     {Input: 37_500_000_000},
		},
		"eu": {"gpt-4*": {Input: 4 * Dollar}, "gpt-4o": {Input: 3 * Dollar}, "GPT-6": {Input: 6 * Dollar}},
	})
	require.NoError(t, err)
	for _, c := range []struct {
		name, model string
		who         Seller
		want        string // of a million tokens of input; empty if there is no price
	}{
		{"free", "llama2", local, "0.00"},
		{"the longer pattern", "llama3:70b", local, "2.00"},
		{"the name", "llama3:8b", local, "1.00"},
		{"not matched, not in the table", "mistral", local, ""},
		{"not matched, in the table", "gpt-4.1", local, "2.00"},
		{"over the table", "gpt-4o", local, "5.00"},
		{"for every name of the model", "gpt-4o-2024-08-06", local, "5.00"},
		{"which goes before a pattern", "gpt-4o-2024-08-06", eu, "3.00"},
		{"pattern", "gpt-4.1-mini", eu, "4.00"},
		{"case does not matter", "gpt-6", eu, "6.00"},
		{"another seller keeps the table", "gpt-4o", openai, "2.50"},
		{"a seller of that name only", "llama2", openai, ""},
		{"exact to the last digit", "exact", local, "0.0375"},
	} {
		pr, ok := p.Lookup(c.who, c.model, autumn)
		assert.Equal(t, c.want != "", ok, c.name)
		if ok {
			assert.Equal(t, c.want, pr.Estimate(1e6, 0).String(), c.name)
		}
	}
	cost, err := p.Cost(local, "exact", &provider.Usage{Tokens: provider.Tokens{Input: 1}}, autumn)
	require.NoError(t, err)
	assert.Equal(t, "0.0000000375", cost.String())

	_, ok := DefaultPrices().Lookup(local, "llama2", autumn)
	assert.False(t, ok, "what it lies over is not changed")

	over, err := p.WithOverlay(Overlay{"local": {"*": {Input: 7 * Dollar}}})
	require.NoError(t, err)
	pr, _ := over.Lookup(local, "llama3:8b", autumn)
	assert.Equal(t, "7.00", pr.Estimate(1e6, 0).String(), "the overlay that came last goes first")
	pr, _ = over.Lookup(eu, "gpt-4o", autumn)
	assert.Equal(t, "3.00", pr.Estimate(1e6, 0).String(), "and then those below it")
}

func TestOverlayPriceOfWhatIsNotStated(t *testing.T) {
	const M = 1_000_000
	every := provider.Tokens{CacheRead: M, CacheWrite: M, CacheWrite1h: M, AudioInput: M, Output: M, AudioOutput: M}
	for _, c := range []struct {
		name  string
		who   Seller
		model string
		price OverlayPrice
		usage provider.Usage
		want  string
	}{
		{"nobody's model: all input is input, all output output: 4*1 + 2*3", Seller{Provider: "local", Dialect: "openai"}, "llama3",
			OverlayPrice{Input: Dollar, Output: 3 * Dollar}, provider.Usage{Tokens: every, WebSearches: 5}, "10.00"},
		{"a write for an hour costs what one costs: 2*2", Seller{Provider: "local", Dialect: "openai"}, "llama3",
			OverlayPrice{Input: Dollar, CacheWrite: new(2 * Dollar)}, provider.Usage{Tokens: provider.Tokens{CacheWrite: M, CacheWrite1h: M}}, "4.00"},
		{"all stated: 0.5 + 1.5 + 2.5 + 3.5 + 3 + 4.5, 5 searches", Seller{Provider: "local", Dialect: "openai"}, "llama3",
			OverlayPrice{
				Input: Dollar, Output: 3 * Dollar, CacheRead: new(Dollar / 2), CacheWrite: new(3 * Dollar / 2),
				CacheWrite1h: new(5 * Dollar / 2), AudioInput: new(7 * Dollar / 2), AudioOutput: new(9 * Dollar / 2), WebSearch: new(20 * Dollar),
			}, provider.Usage{Tokens: every, WebSearches: 5, PreviewSearches: 2}, "15.60"},
		{"and nothing for how it was served, which is another vendor's word", Seller{Provider: "local", Dialect: "openai"}, "llama3",
			OverlayPrice{Input: Dollar}, provider.Usage{Tokens: provider.Tokens{Input: M}, ServiceTier: "flex"}, "1.00"},

		{"a vendor's model keeps its rules for caches: 1*(0.1 + 1.25 + 2), searches 5*0.01", anthropic, "claude-haiku-4-5",
			OverlayPrice{Input: Dollar}, provider.Usage{Tokens: provider.Tokens{CacheRead: M, CacheWrite: M, CacheWrite1h: M}, WebSearches: 5}, "3.40"},
		{"for long context: 1*2", anthropic, "claude-sonnet-4-5",
			OverlayPrice{Input: Dollar}, provider.Usage{Tokens: provider.Tokens{Input: M}}, "2.00"},
		{"for how it was served: 1/2", openai, "gpt-5.4-mini-2026-03-17",
			OverlayPrice{Input: Dollar}, provider.Usage{Tokens: provider.Tokens{Input: M}, ServiceTier: "flex"}, "0.50"},
		{"also one that is not in the table yet: 1*2", openai, "gpt-7",
			OverlayPrice{Input: Dollar}, provider.Usage{Tokens: provider.Tokens{Input: M}, ServiceTier: "priority"}, "2.00"},
		{"what is free stays free", anthropic, "claude-opus-4-8",
			OverlayPrice{}, provider.Usage{Tokens: every, Speed: "fast"}, "0.00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := DefaultPrices().WithOverlay(Overlay{c.who.Provider: {"*": c.price}})
			require.NoError(t, err)
			cost, err := p.Cost(c.who, c.model, &c.usage, autumn)
			require.NoError(t, err)
			assert.Equal(t, c.want, cost.String())
		})
	}
}

func FuzzParseOverlay(f *testing.F) {
	f.Add([]byte(`{"local": {"llama*": {"input": 0, "output": 0}}}`))
	f.Add([]byte(`{"openai": {"gpt-5": {"input": "0.0375", "output": 7.5, "cache_read": 0.1, "web_search": 10}}}`))
	f.Add([]byte(`{"a": {"b": {"input": -1, "input": 1e9}}, "a": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ParseOverlay(data)
		if err != nil {
			return
		}
		p, err := DefaultPrices().WithOverlay(o)
		require.NoError(t, err, "what is read can be laid over")
		for name, models := range o {
			for model := range models {
				if pr, ok := p.Lookup(Seller{Provider: name, Dialect: "openai"}, model, autumn); ok {
					require.GreaterOrEqual(t, pr.Dearest(math.MaxInt64, "", "", "").Estimate(math.MaxInt64, math.MaxInt64), pr.Estimate(math.MaxInt64, math.MaxInt64))
				}
			}
		}
	})
}
