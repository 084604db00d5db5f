package budget

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

func listed(t *testing.T, who Seller, name string) Price {
	t.Helper()
	p, ok := DefaultPrices().Lookup(who, name, autumn)
	require.True(t, ok, name)
	return p
}

func TestDearest(t *testing.T) {
	const openai, claude = "openai", "anthropic"
	tests := []struct {
		name                   string
		dialect, model         string
		input, output          int64
		tier, geo, speed, want string
	}{
		{"all input is written to the cache for an hour", claude, "claude-sonnet-4-5", 1000, 1000, "", "", "", "0.021"}, // 1000*6 + 1000*15
		{"a level that the input cannot reach", claude, "claude-sonnet-4-5", 200_000, 0, "", "", "", "1.20"},
		{"a level that it can", claude, "claude-sonnet-4-5", 200_001, 0, "", "", "", "2.400012"},
		{"a location that the account may be set to", claude, "claude-opus-4-6", 0, 1000, "", "", "", "0.0275"}, // 1000*25*1.1
		{"another location", claude, "claude-opus-4-6", 0, 1000, "", "global", "", "0.025"},
		{"fast, if asked for", claude, "claude-opus-4-6", 0, 1000, "", "global", "fast", "0.15"},
		{"a tier that the account may be set to", openai, "gpt-4.1", 0, 1000, "", "", "", "0.016"}, // 1000*8*2
		{"the same by its name", openai, "gpt-4.1", 0, 1000, "auto", "", "", "0.016"},
		{"the ordinary tier, if asked for", openai, "gpt-4.1", 0, 1000, "default", "", "", "0.008"},
		{"a cheap tier may be full", openai, "gpt-4.1", 0, 1000, "flex", "", "", "0.008"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := listed(t, Seller{Dialect: tt.dialect}, tt.model).Dearest(tt.input, tt.tier, tt.geo, tt.speed)
			assert.Equal(t, tt.want, p.Estimate(tt.input, tt.output).String())
		})
	}
	assert.Zero(t, Price{}.Dearest(1000, "", "", "fast").Estimate(1000, 1000), "the zero price is free")
}

// Whatever a call within its bounds turns out to be, and however it is served,
// it costs no more than the dearest that it can become.
func TestNoCallCostsMoreThanTheDearest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	p := DefaultPrices()
	for vendor, v := range p.vendors {
		who := Seller{Dialect: vendor}
		for i := range v.entries {
			name := v.entries[i].id
			price := listed(t, who, name)
			for range 50 {
				tier, geo, speed := pick("", "auto", "default", "flex", "priority"), pick("", "us", "global"), pick("", "fast")
				bound := rnd.Int64N(600_000)
				left := bound
				part := func() int64 {
					n := rnd.Int64N(left + 1)
					left -= n
					return n
				}
				tokens := provider.Tokens{CacheWrite1h: part(), CacheWrite: part(), CacheRead: part(), AudioInput: part(), Input: left,
					Output: rnd.Int64N(10_000), AudioOutput: rnd.Int64N(1000)}
				served := tier
				if tier == "" || tier == "auto" {
					served = pick("default", "priority")
				}
				where := geo
				if geo == "" {
					where = pick("global", "us")
				}
				cost := price.Served(served, where, speed).Cost(tokens)
				most := price.Dearest(bound, tier, geo, speed).Estimate(bound, tokens.TotalOutput())
				searches := rnd.Int64N(10)
				cost = cost.Plus(price.WebSearches(searches, rnd.Int64N(searches+1)))
				most = most.Plus(price.Dearest(bound, tier, geo, speed).WebSearches(searches, 0))
				require.LessOrEqual(t, cost, most, "%s, asked %q %q %q, %+v", name, tier, geo, speed, tokens)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	tests := []struct {
		name            string
		who             Seller
		model           string
		context, output int64
	}{
		{"by its name", anthropic, "claude-sonnet-4-5", 1_000_000, 64_000},
		{"as for prices, by the name of a snapshot", anthropic, "claude-sonnet-4-5-20250929", 1_000_000, 64_000},
		{"in any letters", Seller{Dialect: "openai"}, "GPT-4.1", 1_047_576, 32_768},
		{"the largest of the snapshots that have one price", Seller{Dialect: "openai"}, "gpt-4o-2024-08-06", 128_000, 16_384},
		{"whoever sells it", Seller{Provider: "reseller", Dialect: "anthropic"}, "claude-opus-4-1", 200_000, 32_000},
		{"a model that is not known", anthropic, "llama", 0, 0},
		{"no model", anthropic, "", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			context, output, ok := DefaultPrices().Limits(tt.who, tt.model)
			assert.Equal(t, [2]int64{tt.context, tt.output}, [2]int64{context, output})
			assert.Equal(t, tt.output > 0, ok)
		})
	}
	for vendor, models := range embeddedLimits() {
		for name, l := range models {
			_, output, ok := DefaultPrices().Limits(Seller{Dialect: vendor}, name)
			assert.True(t, ok, "%s has a price", name)
			assert.GreaterOrEqual(t, output, l.Output, name)
		}
	}
}
