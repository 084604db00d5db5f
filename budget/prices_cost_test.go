package budget

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

var (
	anthropic = Seller{Provider: "anthropic", Dialect: "anthropic"}
	openai    = Seller{Provider: "openai", Dialect: "openai"}

	eu = Seller{Provider: "eu", Dialect: "openai", Host: "eu.api.openai.com"}

	autumn = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

func day(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// The costs are worked out by hand from the price lists: in the comments,
// tokens times dollars for a million of them.
func TestCost(t *testing.T) {
	type usage = provider.Usage
	type tokens = provider.Tokens
	for _, c := range []struct {
		name  string
		who   Seller
		asked string
		usage usage
		at    time.Time // zero is autumn 2026
		want  string
	}{
		// Anthropic
		{
			name: "caches beside the input: 1000*3 + 10000*0.3 + 2000*3.75 + 500*6 + 300*15",
			who:  anthropic, asked: "claude-sonnet-4-5",
			usage: usage{Tokens: tokens{Input: 1000, CacheRead: 10000, CacheWrite: 2000, CacheWrite1h: 500, Output: 300}},
			want:  "0.021",
		}, {
			name: "200,000 tokens of input are not long: 100000*3 + 100000*0.3 + 1000*15",
			who:  anthropic, asked: "claude-sonnet-4-5",
			usage: usage{Tokens: tokens{Input: 100_000, CacheRead: 100_000, Output: 1000}},
			want:  "0.345",
		}, {
			name: "one more makes the whole call dearer: 100001*6 + 100000*0.6 + 1000*22.5",
			who:  anthropic, asked: "claude-sonnet-4-5",
			usage: usage{Tokens: tokens{Input: 100_001, CacheRead: 100_000, Output: 1000}},
			want:  "0.682506",
		}, {
			name: "so it is where the table has no tiers: 200001*6 + 1000*22.5",
			who:  anthropic, asked: "claude-sonnet-4-20250514",
			usage: usage{Tokens: tokens{Input: 200_001, Output: 1000}},
			want:  "1.222506",
		}, {
			name: "and for what it writes to a cache: 200001*6*2 + 100*0.3*2",
			who:  anthropic, asked: "claude-sonnet-4-0",
			usage: usage{Tokens: tokens{CacheWrite1h: 200_001, CacheRead: 100}},
			want:  "2.400072",
		}, {
			name: "long context on the last day it was dearer: 250000*10 + 1000*37.5",
			who:  anthropic, asked: "claude-opus-4-6",
			usage: usage{Tokens: tokens{Input: 250_000, Output: 1000}},
			at:    day("2026-03-12T23:59:59Z"), want: "2.5375",
		}, {
			name: "and on the first it is not: 250000*5 + 1000*25",
			who:  anthropic, asked: "claude-opus-4-6",
			usage: usage{Tokens: tokens{Input: 250_000, Output: 1000}},
			at:    day("2026-03-13T00:00:00Z"), want: "1.275",
		}, {
			name: "last day of a price: 100000*2 + 10000*10",
			who:  anthropic, asked: "claude-sonnet-5",
			usage: usage{Tokens: tokens{Input: 100_000, Output: 10_000}},
			at:    day("2026-08-31T23:59:59Z"), want: "0.30",
		}, {
			name: "first day of the next: 100000*3 + 10000*15",
			who:  anthropic, asked: "claude-sonnet-5",
			usage: usage{Tokens: tokens{Input: 100_000, Output: 10_000}},
			at:    day("2026-09-01T00:00:00Z"), want: "0.45",
		}, {
			name: "days are those of UTC",
			who:  anthropic, asked: "claude-sonnet-5",
			usage: usage{Tokens: tokens{Input: 100_000, Output: 10_000}},
			at:    day("2026-09-01T01:59:59+02:00"), want: "0.30",
		}, {
			name: "batch: (10000*1 + 2000*5) / 2",
			who:  anthropic, asked: "claude-haiku-4-5",
			usage: usage{Tokens: tokens{Input: 10_000, Output: 2000}, ServiceTier: "batch"},
			want:  "0.01",
		}, {
			name: "priority has no list price: as standard",
			who:  anthropic, asked: "claude-haiku-4-5",
			usage: usage{Tokens: tokens{Input: 10_000, Output: 2000}, ServiceTier: "priority"},
			want:  "0.02",
		}, {
			name: "in the US: (1000*5 + 100*25) * 1.1",
			who:  anthropic, asked: "claude-opus-4-6",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, InferenceGeo: "us"},
			want:  "0.00825",
		}, {
			name: "in the US, also of later models of another name: (1000*3 + 100*15) * 1.1",
			who:  anthropic, asked: "claude-sonnet-4-6",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, InferenceGeo: "us"},
			want:  "0.00495",
		}, {
			name: "in the US, but before there was a choice",
			who:  anthropic, asked: "claude-opus-4-5",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, InferenceGeo: "us"},
			want:  "0.0075",
		}, {
			name: "anywhere",
			who:  anthropic, asked: "claude-opus-4-6",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, InferenceGeo: "global", Speed: "standard", ServiceTier: "standard"},
			want:  "0.0075",
		}, {
			name: "fast: (1000*5 + 100*25) * 6",
			who:  anthropic, asked: "claude-opus-4-6",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, Speed: "fast"},
			want:  "0.045",
		}, {
			name: "fast, the next model: * 6",
			who:  anthropic, asked: "claude-opus-4-7",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, Speed: "fast"},
			want:  "0.045",
		}, {
			name: "fast, the one after: * 2",
			who:  anthropic, asked: "claude-opus-4-8",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, Speed: "fast"},
			want:  "0.015",
		}, {
			name: "fast where that is not sold",
			who:  anthropic, asked: "claude-sonnet-4-6",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, Speed: "fast"},
			want:  "0.0045",
		}, {
			name: "all at once: 0.0075 * 1/2 * 1.1 * 2",
			who:  anthropic, asked: "claude-opus-4-8",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, ServiceTier: "batch", InferenceGeo: "us", Speed: "fast"},
			want:  "0.00825",
		}, {
			name: "searches are not discounted: 1000*1/2 + 3*0.01",
			who:  anthropic, asked: "claude-haiku-4-5",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 3, ServiceTier: "batch"},
			want:  "0.0305",
		}, {
			name: "searches of a model whose fee is not in the table: 1000*0.25 + 2*0.01",
			who:  anthropic, asked: "claude-3-haiku-20240307",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 2},
			want:  "0.02025",
		}, {
			name: "thinking is in the output: 10*5 + 1000*25",
			who:  anthropic, asked: "claude-opus-5",
			usage: usage{Tokens: tokens{Input: 10, Output: 1000, Reasoning: 900}},
			want:  "0.02505",
		}, {
			name: "an advisor at its own price, a compaction at the message's: " +
				"1000*5 + 100*25, 2000*10 + 500*50, 50000*5 + 1000*25",
			who: anthropic, asked: "claude-opus-4-8",
			usage: usage{
				Model: "claude-opus-4-8",
				Passes: []provider.Pass{
					{Tokens: tokens{Input: 1000, Output: 100}},
					{Model: "claude-fable-5", Tokens: tokens{Input: 2000, Output: 500}},
					{Model: "claude-opus-4-8", Tokens: tokens{Input: 50_000, Output: 1000}},
				},
				Tokens: tokens{Input: 53_000, Output: 1600},
			},
			want: "0.3275",
		}, {
			name: "each pass has its own speed factor: 0.0075*2 + 2000*3 + 500*15",
			who:  anthropic, asked: "claude-opus-4-8",
			usage: usage{
				Model: "claude-opus-4-8", Speed: "fast",
				Passes: []provider.Pass{
					{Tokens: tokens{Input: 1000, Output: 100}},
					{Model: "claude-sonnet-4-6", Tokens: tokens{Input: 2000, Output: 500}},
				},
			},
			want: "0.0285",
		}, {
			name: "each pass is long or not by itself: 150000*3 + 210000*6",
			who:  anthropic, asked: "claude-sonnet-4-5",
			usage: usage{
				Passes: []provider.Pass{{Tokens: tokens{Input: 150_000}}, {Tokens: tokens{Input: 210_000}}},
				Tokens: tokens{Input: 360_000},
			},
			want: "1.71",
		}, {
			name: "cache prices from the input's where the table has none: 8*(0.1 + 1.25 + 2)",
			who:  anthropic, asked: "claude-2.1",
			usage: usage{Tokens: tokens{CacheRead: 1e6, CacheWrite: 1e6, CacheWrite1h: 1e6}},
			want:  "26.80",
		},

		// OpenAI
		{
			name: "1000*2.5 + 2000*1.25 + 500*10",
			who:  openai, asked: "gpt-4o",
			usage: usage{Model: "gpt-4o-2024-08-06", Tokens: tokens{Input: 1000, CacheRead: 2000, Output: 500}},
			want:  "0.01",
		}, {
			name: "a cache write, and reasoning in the output: 1000*5 + 5000*0.5 + 4000*6.25 + 1000*30",
			who:  openai, asked: "gpt-5.6",
			usage: usage{Tokens: tokens{Input: 1000, CacheRead: 5000, CacheWrite: 4000, Output: 1000, Reasoning: 800}},
			want:  "0.0625",
		}, {
			name: "no price for the cache: as input. 1000*15 + 500*15 + 100*120",
			who:  openai, asked: "gpt-5-pro",
			usage: usage{Tokens: tokens{Input: 1000, CacheRead: 500, Output: 100}},
			want:  "0.0345",
		}, {
			name: "last day of a price: 10000*1 + 1000*6",
			who:  openai, asked: "gpt-5.6-luna",
			usage: usage{Tokens: tokens{Input: 10_000, Output: 1000}},
			at:    day("2026-07-29T23:59:59Z"), want: "0.016",
		}, {
			name: "a fifth from the next on: 10000*0.2 + 1000*1.2",
			who:  openai, asked: "gpt-5.6-luna",
			usage: usage{Tokens: tokens{Input: 10_000, Output: 1000}},
			at:    day("2026-07-30T00:00:00Z"), want: "0.0032",
		}, {
			name: "272,000 tokens of input are not long: 272000*2.5 + 1000*15",
			who:  openai, asked: "gpt-5.4",
			usage: usage{Tokens: tokens{Input: 272_000, Output: 1000}},
			want:  "0.695",
		}, {
			name: "one more makes the whole call dearer: 272001*5 + 1000*22.5",
			who:  openai, asked: "gpt-5.4",
			usage: usage{Tokens: tokens{Input: 272_001, Output: 1000}},
			want:  "1.382505",
		}, {
			name: "so it is where the table has no tiers, cached input counting: 172001*10 + 100000*1 + 1000*45",
			who:  openai, asked: "gpt-5.5",
			usage: usage{Model: "gpt-5.5-2026-04-23", Tokens: tokens{Input: 172_001, CacheRead: 100_000, Output: 1000}},
			want:  "1.86501",
		}, {
			name: "but not for the small ones: 300000*0.75",
			who:  openai, asked: "gpt-5.4-mini",
			usage: usage{Tokens: tokens{Input: 300_000}},
			want:  "0.225",
		}, {
			name: "flex: (1000*1.25 + 1000*10) / 2",
			who:  openai, asked: "gpt-5",
			usage: usage{Tokens: tokens{Input: 1000, Output: 1000}, ServiceTier: "flex"},
			want:  "0.005625",
		}, {
			name: "batch: (1000*1.25 + 1000*10) / 2",
			who:  openai, asked: "gpt-5",
			usage: usage{Tokens: tokens{Input: 1000, Output: 1000}, ServiceTier: "batch"},
			want:  "0.005625",
		}, {
			name: "priority: (1000*1.25 + 1000*10) * 2",
			who:  openai, asked: "gpt-5",
			usage: usage{Tokens: tokens{Input: 1000, Output: 1000}, ServiceTier: "priority"},
			want:  "0.0225",
		}, {
			name: "priority where the factor is not known, rather too dear: 1000*2.5 * 2",
			who:  openai, asked: "gpt-4o",
			usage: usage{Tokens: tokens{Input: 1000}, ServiceTier: "priority"},
			want:  "0.005",
		}, {
			name: "other tiers are ordinary",
			who:  openai, asked: "gpt-5",
			usage: usage{Tokens: tokens{Input: 1000, Output: 1000}, ServiceTier: "default", InferenceGeo: "us", Speed: "fast"},
			want:  "0.01125",
		}, {
			name: "audio: 100*2.5 + 1000*32 + 50*10 + 800*64",
			who:  openai, asked: "gpt-audio",
			usage: usage{Tokens: tokens{Input: 100, AudioInput: 1000, Output: 50, AudioOutput: 800}},
			want:  "0.08395",
		}, {
			name: "audio without a price is text: 300*2.5 + 100*10",
			who:  openai, asked: "gpt-4o-audio-preview",
			usage: usage{Tokens: tokens{Input: 100, AudioInput: 200, AudioOutput: 100}},
			want:  "0.00175",
		}, {
			name: "searches: 1000*1.25 + 2*0.01",
			who:  openai, asked: "gpt-5",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 2},
			want:  "0.02125",
		}, {
			name: "searches of a preview model: 1000*2.5 + 0.025",
			who:  openai, asked: "gpt-4o-search-preview",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 1},
			want:  "0.0275",
		}, {
			name: "one search of three by a preview tool: 1000*2 + 2*0.01 + 0.025",
			who:  openai, asked: "gpt-4.1",
			usage: usage{Model: "gpt-4.1-2025-04-14", Tokens: tokens{Input: 1000}, WebSearches: 3, PreviewSearches: 1},
			want:  "0.047",
		}, {
			name: "by a preview tool with a model that reasons: 1000*1.25 + 2*0.01",
			who:  openai, asked: "gpt-5",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 2, PreviewSearches: 2},
			want:  "0.02125",
		}, {
			name: "no more by a preview tool than there are: 1000*2.5 + 2*0.025",
			who:  openai, asked: "gpt-4o",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 2, PreviewSearches: math.MaxInt64},
			want:  "0.0525",
		}, {
			name: "no preview tool of another vendor: 1000*1 + 2*0.01",
			who:  anthropic, asked: "claude-haiku-4-5",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 2, PreviewSearches: 2},
			want:  "0.021",
		}, {
			name: "searches of the one that shares its prices: 1000*0.15 + 0.025",
			who:  openai, asked: "gpt-4o-mini-search-preview",
			usage: usage{Model: "gpt-4o-mini-search-preview-2025-03-11", Tokens: tokens{Input: 1000}, WebSearches: 1},
			want:  "0.02515",
		}, {
			name: "embeddings: 10000*0.02",
			who:  openai, asked: "text-embedding-3-small",
			usage: usage{Tokens: tokens{Input: 10_000}},
			want:  "0.0002",
		}, {
			name: "one token at the smallest price: 1*0.005",
			who:  openai, asked: "gpt-5-nano",
			usage: usage{Tokens: tokens{CacheRead: 1}},
			want:  "0.000000005",
		},

		// Whichever model it is
		{
			name: "the model that answered goes before the one that was asked: 1000*0.15",
			who:  openai, asked: "gpt-4o",
			usage: usage{Model: "gpt-4o-mini-2024-07-18", Tokens: tokens{Input: 1000}},
			want:  "0.00015",
		}, {
			name: "but not if nobody knows it: 1000*2.5",
			who:  openai, asked: "gpt-4o",
			usage: usage{Model: "gpt-4o-snapshot-of-tomorrow", Tokens: tokens{Input: 1000}},
			want:  "0.0025",
		}, {
			name: "a seller that the table does not know takes what its dialect's vendor takes: 1000*2.5",
			who:  Seller{Provider: "eu-openai", Dialect: "openai"}, asked: "gpt-4o",
			usage: usage{Tokens: tokens{Input: 1000}},
			want:  "0.0025",
		}, {
			name: "images by a model of their own: 1000*2 + 100*8, 298*5 + 7620*10 + 186*40",
			who:  openai, asked: "gpt-4.1",
			usage: usage{Tokens: tokens{Input: 8918, Output: 286}, Passes: []provider.Pass{
				{Tokens: tokens{Input: 1000, Output: 100}},
				{Model: "gpt-image-1", Tokens: tokens{Input: 7918, Output: 186}, ImageInput: 7620, ImageOutput: 186}}},
			want: "0.08793",
		}, {
			name: "whose text has another price: 100*5 + 900*8 + 10*10 + 990*32",
			who:  openai, asked: "gpt-4.1",
			usage: usage{Tokens: tokens{Input: 1000, Output: 1000}, Passes: []provider.Pass{
				{Model: "gpt-image-1.5", Tokens: tokens{Input: 1000, Output: 1000}, ImageInput: 900, ImageOutput: 990}}},
			want: "0.03948",
		}, {
			name: "which is served in one way only: 1000*2 / 2 + 1000*5",
			who:  openai, asked: "gpt-4.1",
			usage: usage{Tokens: tokens{Input: 2000}, ServiceTier: "flex", Passes: []provider.Pass{
				{Tokens: tokens{Input: 1000}}, {Model: "gpt-image-1", Tokens: tokens{Input: 1000}}}},
			want: "0.006",
		}, {
			name: "images without a price are text, and no more than there is: 1000*2 + 100*8",
			who:  openai, asked: "gpt-4.1",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}, Passes: []provider.Pass{
				{Tokens: tokens{Input: 1000, Output: 100}, ImageInput: 900, ImageOutput: math.MaxInt64}}},
			want: "0.0028",
		}, {
			name: "by an endpoint for one region: (1000*2.5 + 100*15) * 1.1",
			who:  eu, asked: "gpt-5.4",
			usage: usage{Tokens: tokens{Input: 1000, Output: 100}},
			want:  "0.0044",
		}, {
			name: "by that also smaller and later models, served in another way, and not searches: 1000*0.2 * 1.1 * 2 + 0.01",
			who:  eu, asked: "gpt-5.6-luna",
			usage: usage{Tokens: tokens{Input: 1000}, WebSearches: 1, ServiceTier: "priority"},
			want:  "0.01044",
		}, {
			name: "each pass by its own model: 1000*2.5 * 1.1 + 1000*1.25",
			who:  eu, asked: "gpt-5.4",
			usage: usage{Tokens: tokens{Input: 2000}, Passes: []provider.Pass{
				{Tokens: tokens{Input: 1000}}, {Model: "gpt-5", Tokens: tokens{Input: 1000}}}},
			want: "0.004",
		}, {
			name: "but not models from before: 1000*1.75",
			who:  eu, asked: "gpt-5.3",
			usage: usage{Tokens: tokens{Input: 1000}},
			want:  "0.00175",
		}, {
			name: "negative counts are nothing: 1000*2.5",
			who:  openai, asked: "gpt-4o",
			usage: usage{
				Tokens:      tokens{Input: 1000, CacheRead: -500, CacheWrite: math.MinInt64, AudioInput: -1, Output: -9, AudioOutput: -1},
				WebSearches: -3, PreviewSearches: -2,
			},
			want: "0.0025",
		}, {
			name: "too much to count is the most that there is",
			who:  openai, asked: "gpt-4o",
			usage: usage{
				Tokens:      tokens{Input: math.MaxInt64, CacheRead: math.MaxInt64, Output: math.MaxInt64},
				WebSearches: math.MaxInt64,
			},
			want: MaxMoney.String(),
		}, {
			name: "nothing",
			who:  openai, asked: "gpt-4o",
			want: "0.00",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.at.IsZero() {
				c.at = autumn
			}
			want, err := ParseMoney(c.want)
			require.NoError(t, err)
			got, err := DefaultPrices().Cost(c.who, c.asked, &c.usage, c.at)
			require.NoError(t, err)
			assert.Equal(t, want.String(), got.String())
		})
	}
}

func TestCostWithoutPrice(t *testing.T) {
	p := DefaultPrices()
	for _, c := range []struct {
		name, asked string
		usage       provider.Usage
		model       string // in the error
	}{
		{"nobody knows the model", "llama3", provider.Usage{}, "llama3"},
		{"neither of the two", "llama3", provider.Usage{Model: "llama3:8b"}, "llama3:8b"},
		{"no name at all", "", provider.Usage{}, ""},
		{"of one pass, though the others are known", "gpt-4o",
			provider.Usage{Passes: []provider.Pass{{}, {Model: "gpt-99"}}}, "gpt-99"},
		{"another vendor's model", "claude-opus-5", provider.Usage{}, "claude-opus-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.usage.Input = 1000
			cost, err := p.Cost(openai, c.asked, &c.usage, autumn)
			assert.ErrorIs(t, err, ErrUnpriced)
			var e *UnpricedError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, UnpricedError{"openai", c.model}, *e)
			assert.EqualError(t, err, `no price is known for model "`+c.model+`" of provider "openai"`)
			assert.Zero(t, cost)
		})
	}
}

// No count can be raised without the cost staying or rising, so that nothing a
// provider adds to its report makes a call cheaper.
func TestCostRisesWithEachCount(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := DefaultPrices()
	count := func() int64 { return r.Int64N(1<<uint(1+r.IntN(62))) - 10 }
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	for _, who := range []Seller{anthropic, openai} {
		for _, e := range p.vendors[who.Provider].entries {
			for range 50 {
				u := provider.Usage{
					Tokens: provider.Tokens{
						Input: count(), CacheRead: count(), CacheWrite: count(), CacheWrite1h: count(),
						AudioInput: count(), Output: count(), AudioOutput: count(),
					},
					WebSearches: count(), PreviewSearches: count(),
					ServiceTier:  pick("", "batch", "flex", "priority"),
					InferenceGeo: pick("", "us"),
					Speed:        pick("", "fast"),
				}
				at := time.Unix(1_767_225_600+r.Int64N(31_536_000), 0) // in 2026
				before, err := p.Cost(who, e.id, &u, at)
				require.NoError(t, err)
				require.GreaterOrEqual(t, before, Money(0))

				counts := []*int64{
					&u.Input, &u.CacheRead, &u.CacheWrite, &u.CacheWrite1h,
					&u.AudioInput, &u.Output, &u.AudioOutput, &u.WebSearches, &u.PreviewSearches,
				}
				n := counts[r.IntN(len(counts))]
				*n = addClamped(*n, r.Int64N(1<<uint(1+r.IntN(62))))
				after, err := p.Cost(who, e.id, &u, at)
				require.NoError(t, err)
				require.GreaterOrEqual(t, after, before, "%s %+v", e.id, u)
			}
		}
	}
}

func TestPriceBeforeTheCall(t *testing.T) {
	price := func(name string) Price {
		p, ok := DefaultPrices().Lookup(anthropic, name, autumn)
		require.True(t, ok)
		return p
	}
	sonnet := price("claude-sonnet-4-5")
	assert.Equal(t, "0.018", sonnet.Estimate(1000, 1000).String(), "1000*3 + 1000*15")
	assert.Equal(t, "1.2225", sonnet.Estimate(200_000+1, 1000).Plus(-6*Dollar/1e6).String(), "200000*6 + 1000*22.5")
	assert.Equal(t, "0.009", sonnet.Served("batch", "us", "fast").Estimate(1000, 1000).String(), "half, and nothing else of the kind")
	assert.Equal(t, "0.198", price("claude-opus-4-6").Served("", "us", "fast").Estimate(1000, 1000).String(), "0.03 * 1.1 * 6")
	assert.Zero(t, sonnet.Estimate(-5, -5))
	assert.Equal(t, MaxMoney, sonnet.Estimate(math.MaxInt64, math.MaxInt64))

	assert.Zero(t, Price{}.Estimate(1000, 1000), "the zero price is free")
	assert.Zero(t, Price{}.Served("priority", "us", "fast").Estimate(1000, 1000))
	assert.Zero(t, Price{}.WebSearches(5, 2))
}

func BenchmarkCost(b *testing.B) {
	p := DefaultPrices()
	u := &provider.Usage{
		Model:  "claude-sonnet-4-5-20250929",
		Tokens: provider.Tokens{Input: 1000, CacheRead: 10_000, CacheWrite: 2000, Output: 300},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Cost(anthropic, "claude-sonnet-4-5", u, autumn); err != nil {
			b.Fatal(err)
		}
	}
}
