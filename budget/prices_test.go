package budget

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDefaultPrices(t *testing.T) {
	p := DefaultPrices()
	assert.Same(t, p, DefaultPrices())
	assert.Regexp(t, `^2026-08-21 sha256:[0-9a-f]{12}$`, p.ID())
	origin, err := os.ReadFile("pricedata/README.md")
	require.NoError(t, err)
	assert.Regexp(t, `\n\| commit \| [0-9a-f]{40} \(`+priceDay+`\) \|\n`, string(origin))
	assert.Len(t, p.vendors["anthropic"].entries, 21)
	assert.Len(t, p.vendors["openai"].entries, 86)
}

func TestEachModelIsFoundByItsID(t *testing.T) {
	p := DefaultPrices()
	for _, v := range p.vendors {
		for i := range v.entries {
			e := &v.entries[i]
			assert.Same(t, e, v.entry(e.id), e.id)
			_, ok := p.Lookup(Seller{Provider: v.id, Dialect: v.id}, e.id, autumn)
			assert.True(t, ok, e.id)
		}
	}
}

func TestLookupName(t *testing.T) {
	p := DefaultPrices()
	for _, c := range []struct {
		vendor string
		names  []string
		id     string
	}{
		{"anthropic", []string{"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4.5"}, "claude-sonnet-4-5"},
		{"anthropic", []string{"claude-sonnet-4-0", "claude-sonnet-4-20250514", "claude-sonnet-4"}, "claude-sonnet-4-0"},
		{"anthropic", []string{"claude-opus-4-0", "claude-opus-4-20250514", "claude-opus-4"}, "claude-opus-4-0"},
		{"anthropic", []string{"claude-opus-4-1", "claude-opus-4-1-20250805"}, "claude-opus-4-1"},
		{"anthropic", []string{"claude-opus-4-5-20251101"}, "claude-opus-4-5"},
		{"anthropic", []string{"claude-haiku-4-5", "claude-haiku-4-5-20251001"}, "claude-haiku-4-5"},
		{"anthropic", []string{"claude-3-5-haiku-20241022"}, "claude-3-5-haiku-latest"},
		{"anthropic", []string{"claude-3-7-sonnet-20250219"}, "claude-3-7-sonnet-latest"},
		{"anthropic", []string{"claude-3-opus-20240229"}, "claude-3-opus-latest"},
		{"anthropic", []string{"claude-fable-5"}, "claude-fable-5"},
		{"openai", []string{"gpt-4o", "GPT-4o", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20"}, "gpt-4o"},
		{"openai", []string{"gpt-4o-mini", "gpt-4o-mini-2024-07-18"}, "gpt-4o-mini"},
		{"openai", []string{"gpt-4o-mini-2024-07-18.ft-0123"}, "gpt-4o-mini-2024-07-18.ft-"},
		{"openai", []string{"ft:gpt-4o-mini-2024-07-18:acme::abc"}, "ft:gpt-4o-mini"},
		{"openai", []string{"ft:gpt-4o-2024-08-06:acme::abc"}, "ft:gpt-4o"},
		{"openai", []string{"gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"}, "gpt-4.1-mini"},
		{"openai", []string{"gpt-5", "gpt-5-2025-08-07", "gpt-5-chat-latest"}, "gpt-5"},
		{"openai", []string{"gpt-5-nano", "gpt-5-nano-2025-08-07"}, "gpt-5-nano"},
		{"openai", []string{"gpt-5.6", "gpt-5.6-sol", "gpt-5.6-sol-2026-06-01"}, "gpt-5.6-sol"},
		{"openai", []string{"gpt-3.5-turbo", "gpt-3.5-turbo-0125"}, "gpt-3.5-turbo"},
		{"openai", []string{"gpt-3.5-turbo-instruct:20230824-v2"}, "gpt-3.5-turbo-instruct"},
		{"openai", []string{"o4-mini", "o4-mini-2025-04-16"}, "o4-mini"},
		{"openai", []string{"gpt-audio-2025-08-28"}, "gpt-audio"},
		{"openai", []string{"text-embedding-ada-002-v2"}, "text-embedding-ada-002"},
		{"openai", []string{"computer-use-preview-2025-03-11"}, "computer-use"},
		{"anthropic", []string{"", "claude-sonet-4-5", "claude-does-not-exist", "gpt-4o", "my-claude-sonnet-4-5"}, ""},
		{"openai", []string{"", "gpt-5.2-proo", "gpt-4o-2099-01-01", "gpt-6", "llama3", "claude-opus-5", "xgpt-4o", " gpt-4o"}, ""},
		{"openai", []string{"gpt-5-nano-" + strings.Repeat("x", maxName)}, ""},
	} {
		for _, name := range c.names {
			_, ok := p.Lookup(Seller{Provider: c.vendor, Dialect: c.vendor}, name, autumn)
			assert.Equal(t, c.id != "", ok, name)
			if ok {
				e := p.vendors[c.vendor].entry(strings.ToLower(name))
				require.NotNil(t, e, name)
				assert.Equal(t, c.id, e.id, name)
			}
		}
	}
}

// sells is a small table: two vendors and a reseller of the first one's models.
const sells = `[
	{"id": "openai", "model_match": {"starts_with": "gpt-"}, "models": [
		{"id": "gpt-5", "match": {"starts_with": "gpt-5"}, "prices": {"input_mtok": 1, "output_mtok": 10}}]},
	{"id": "reseller", "models": [
		{"id": "gpt-5", "match": {"equals": "gpt-5"}, "prices": {"input_mtok": 2, "output_mtok": 20}},
		{"id": "sonar", "match": {"equals": "sonar"}, "prices": {"input_mtok": 1, "output_mtok": 1, "requests_kcount": 5}}]}
]`

func TestLookupSeller(t *testing.T) {
	p, err := ParsePrices([]byte(sells))
	require.NoError(t, err)
	for _, c := range []struct {
		name  string
		who   Seller
		model string
		want  string // of a million tokens of input, empty if there is no price
	}{
		{"the vendor itself", Seller{Provider: "openai", Dialect: "openai"}, "gpt-5", "1.00"},
		{"by any name", Seller{Provider: "eu", Dialect: "openai"}, "gpt-5", "1.00"},
		{"without a dialect", Seller{Provider: "openai", Dialect: ""}, "gpt-5", "1.00"},
		{"a provider's own price goes first", Seller{Provider: "reseller", Dialect: "openai"}, "gpt-5", "2.00"},
		{"what it has none for is its vendor's", Seller{Provider: "reseller", Dialect: "openai"}, "gpt-5-mini", "1.00"},
		{"a fee for the request", Seller{Provider: "reseller", Dialect: "openai"}, "sonar", "1.005"},
		{"which is nobody else's model", Seller{Provider: "eu", Dialect: "openai"}, "sonar", ""},
		{"a dialect without prices", Seller{Provider: "eu", Dialect: "anthropic"}, "gpt-5", ""},
		{"nobody", Seller{}, "gpt-5", ""},
	} {
		pr, ok := p.Lookup(c.who, c.model, autumn)
		assert.Equal(t, c.want != "", ok, c.name)
		if ok {
			assert.Equal(t, c.want, pr.Estimate(1e6, 0).String(), c.name)
		}
	}
}

func TestSurchargesGoByTheModelNotByTheSeller(t *testing.T) {
	p, err := ParsePrices([]byte(sells))
	require.NoError(t, err)
	resold, _ := p.Lookup(Seller{Provider: "reseller", Dialect: "openai"}, "gpt-5", autumn)
	assert.Equal(t, "1.00", resold.Served("flex", "", "").Estimate(1e6, 0).String())
	others, _ := p.Lookup(Seller{Provider: "reseller", Dialect: "openai"}, "sonar", autumn)
	assert.Equal(t, others.Estimate(1e6, 0), others.Served("flex", "us", "fast").Estimate(1e6, 0))
	assert.Zero(t, others.WebSearches(1000, 500))
}

func TestRegionalEndpoints(t *testing.T) {
	const listed, dearer = "0.25", "0.275" // 100,000 tokens of gpt-5.4
	for host, want := range map[string]string{
		"": listed, "api.openai.com": listed, ".api.openai.com": listed, "localhost": listed, "xapi.openai.com": listed,
		"eu.api.openai.com.example.com": listed, "a.b.api.openai.com": listed, "eu.openai.com": listed,
		"us.api.openai.com": dearer, "eu.api.openai.com": dearer, "jp.api.openai.com": dearer,
	} {
		who := Seller{Provider: "any", Dialect: "openai", Host: host}
		pr, ok := DefaultPrices().Lookup(who, "gpt-5.4-2026-03-05", autumn)
		require.True(t, ok)
		assert.Equal(t, want, pr.Estimate(1e5, 0).String(), host)
		assert.Equal(t, want, pr.Served("flex", "", "").Estimate(1e5, 0).Times(2).String(), host)
		assert.Equal(t, want, pr.Dearest(1e5, "default", "", "").Estimate(1e5, 0).String(), host)
		claude := Seller{Dialect: "anthropic", Host: host}
		pr, ok = DefaultPrices().Lookup(claude, "claude-opus-4-8", autumn)
		require.True(t, ok)
		assert.Equal(t, "0.50", pr.Estimate(1e5, 0).String(), host)
	}
	p, err := DefaultPrices().WithOverlay(Overlay{"eu": {"gpt-5.4": {Input: Dollar}}})
	require.NoError(t, err)
	pr, _ := p.Lookup(eu, "gpt-5.4", autumn)
	assert.Equal(t, "0.10", pr.Estimate(1e5, 0).String(), "a price of the operator's own is for the endpoint that it has")
}

// Which models cost more by a region, or by a preview tool, goes by their name.
func TestGenerations(t *testing.T) {
	type facts struct{ regional, reasons bool }
	for want, names := range map[facts][]string{
		{true, true}:  {"gpt-5.4", "gpt-5.4-mini", "gpt-5.4-pro", "gpt-5.5", "gpt-5.6-sol", "gpt-5.10", "gpt-6", "gpt-6-mini", "ft:gpt-5.4-mini"},
		{false, true}: {"gpt-5", "gpt-5-nano", "gpt-5-pro", "gpt-5.1-codex-mini", "gpt-5.3", "o1", "o1-pro", "o3-mini", "o4-mini-deep-research", "ft:o4-mini"},
		{false, false}: {"gpt-4o", "gpt-4.1", "gpt-4.5-preview", "gpt-3.5-turbo", "gpt-35-turbo", "gpt-4-32k", "ft:gpt-4o", "gpt-audio",
			"chatgpt-4o-latest", "gpt-", "gpt-.5", "xgpt-5.4", "text-embedding-3-large"},
	} {
		for _, name := range names {
			s := openAISurcharge(name, name)
			assert.Equal(t, want, facts{s.regional != (ratio{}), s.previewSearch == 0}, name)
		}
	}
}

func TestPricesID(t *testing.T) {
	id := func(table string, overlays ...Overlay) string {
		p, err := ParsePrices([]byte(table))
		require.NoError(t, err)
		for _, o := range overlays {
			p, err = p.WithOverlay(o)
			require.NoError(t, err)
		}
		return p.ID()
	}
	a := Overlay{"local": {"llama*": {}, "qwen*": {Input: Dollar}}}
	b := Overlay{"local": {"llama*": {Output: Dollar}}}
	ids := map[string]string{}
	for name, v := range map[string]string{
		"the table":              id(sells),
		"another":                id(strings.Replace(sells, `"input_mtok": 2`, `"input_mtok": 3`, 1)),
		"with an overlay":        id(sells, a),
		"with another":           id(sells, b),
		"with both":              id(sells, a, b),
		"the other way round":    id(sells, b, a),
		"free is not unstated":   id(sells, Overlay{"local": {"llama*": {CacheRead: new(Money)}}}),
		"unstated is not a zero": id(sells, Overlay{"local": {"llama*": {}}}),
	} {
		assert.NotContains(t, ids, v, name)
		ids[v] = name
	}
	assert.Equal(t, id(sells, a, b), id(sells, a, b))
	assert.Equal(t, id(sells), id(sells, nil, Overlay{}), "an empty overlay changes nothing")
	assert.Regexp(t, `^sha256:[0-9a-f]{12}$`, id(sells), "nobody knows of which day it is")
}

func TestDated(t *testing.T) {
	p, err := ParsePrices([]byte(sells))
	require.NoError(t, err)
	dated := p.Dated(day("2026-11-05T23:30:00-01:00"))
	assert.Equal(t, "2026-11-05 "+p.ID(), dated.ID(), "as the clock of its origin has it")
	pr, ok := dated.Lookup(openai, "gpt-5", autumn)
	require.True(t, ok)
	assert.Equal(t, "1.00", pr.Estimate(1e6, 0).String())

	overlay := Overlay{"openai": {"gpt-5": {Input: 3 * Dollar}}}
	over, err := p.WithOverlay(overlay)
	require.NoError(t, err)
	datedOver, err := dated.WithOverlay(overlay)
	require.NoError(t, err)
	assert.Equal(t, "2026-11-05 "+over.ID(), datedOver.ID(), "an overlay is known by its content")
	overDated := over.Dated(day("2026-11-05T00:00:00Z"))
	assert.Equal(t, datedOver.ID(), overDated.ID())
	pr, _ = overDated.Lookup(openai, "gpt-5", autumn)
	assert.Equal(t, "3.00", pr.Estimate(1e6, 0).String())
	assert.Equal(t, over.ID(), overDated.Dated(time.Time{}).ID())
}

// However many names there are, what is found stays right and the memory that
// remembers it stays small.
func TestLookupOfManyNames(t *testing.T) {
	p, err := ParsePrices([]byte(sells))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 4 * len(p.cache) {
				_, ok := p.Lookup(openai, fmt.Sprintf("gpt-5-%d-%d", g, i), autumn)
				assert.True(t, ok)
				_, ok = p.Lookup(openai, fmt.Sprintf("other-%d", i), autumn)
				assert.False(t, ok)
				own, ok := p.Lookup(Seller{Provider: "reseller", Dialect: "openai"}, "gpt-5", autumn)
				assert.True(t, ok)
				assert.Equal(t, 2*Dollar, own.Estimate(1e6, 0))
			}
		})
	}
	wg.Wait()
}

func TestLookupTakesNoMemoryTwice(t *testing.T) {
	p := DefaultPrices()
	for _, name := range []string{"claude-sonnet-5", "claude-unheard-of"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { p.Lookup(anthropic, name, autumn) }), name)
	}
}

func TestLookupOfARememberedModelGoesByTheDay(t *testing.T) {
	p := DefaultPrices()
	for range 2 {
		for at, want := range map[string]string{"2026-08-31T00:00:00Z": "2.00", "2026-09-01T00:00:00Z": "3.00"} {
			pr, ok := p.Lookup(anthropic, "claude-sonnet-5", day(at))
			require.True(t, ok)
			assert.Equal(t, want, pr.Estimate(1e6, 0).String(), at)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	at := time.Now()
	for name, model := range map[string]string{"hit": "claude-sonnet-5", "unknown": "claude-unheard-of"} {
		b.Run(name, func(b *testing.B) {
			p := DefaultPrices()
			b.ReportAllocs()
			for b.Loop() {
				p.Lookup(anthropic, model, at)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		p := DefaultPrices()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				p.Lookup(anthropic, "claude-sonnet-5", at)
			}
		})
	})
	b.Run("first", func(b *testing.B) { // what a client that never repeats a name costs
		p := DefaultPrices()
		b.ReportAllocs()
		for b.Loop() {
			p.find(openai, "gpt-5.6-sol-2026-06-01")
		}
	})
}
