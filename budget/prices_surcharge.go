package budget

import "strings"

// A surcharge is what a vendor's price list says beside the prices that a table
// holds, for one of the vendor's own models.
type surcharge struct {
	// Cache prices as parts of the input price, for a price that does not state
	// them. Zero is the price of input.
	cacheRead, cacheWrite, cacheWrite1h ratio

	// A call with more input than longOver costs more as a whole, unless its
	// price has tiers of its own. Zero is never.
	longOver              int64
	longInput, longOutput ratio

	// What a call costs more or less by how it was served. Zero is no more.
	batch, flex, priority, us, fast ratio

	regional ratio // at an endpoint for one region; zero is no more

	// For one search, for a price that does not state it. By a preview tool it costs
	// previewSearch, if that is more.
	webSearch, previewSearch Money
}

// A ratio is a factor. The zero ratio is 1.
type ratio struct{ num, den int64 }

func (r ratio) of(m Money) Money {
	if r.num == r.den {
		return m
	}
	return m.Ratio(r.num, r.den)
}

func (r ratio) times(o ratio) ratio {
	switch {
	case r.num == r.den:
		return o
	case o.num == o.den:
		return r
	}
	return ratio{r.num * o.num, r.den * o.den}
}

// surchargeOf returns the surcharges of a vendor's model. The model is known by
// its id in the vendor's price table if it is there, else by its name. Both are
// in lower case.
//
// Where the amount of a surcharge is not known for a model, that is said beside
// what is assumed.
func surchargeOf(vendor, id, name string) surcharge {
	switch vendor {
	case "anthropic":
		return anthropicSurcharge(id)
	case "openai":
		return openAISurcharge(id, name)
	}
	return surcharge{}
}

// Prompt caching and batches: platform.claude.com/docs/en/about-claude/pricing.
// Where inference runs: platform.claude.com/docs/en/build-with-claude/data-residency.
// Long context and web search: the price table, for the models that it has them of.
func anthropicSurcharge(id string) surcharge {
	s := surcharge{
		cacheRead:    ratio{1, 10},
		cacheWrite:   ratio{5, 4},
		cacheWrite1h: ratio{2, 1},
		batch:        ratio{1, 2},
		// Priority is sold as a commitment and has no list price: as standard.
		us:        ratio{11, 10},
		webSearch: 10 * Dollar / 1000,
	}
	switch {
	case startsWithAny(id, "claude-sonnet-4-0", "claude-sonnet-4-5"):
		s.longOver, s.longInput, s.longOutput = 200_000, ratio{2, 1}, ratio{3, 2}
	// The speed factors of Opus 4.6 to 4.8 are those of LiteLLM's table at commit
	// 00035b69, that of Opus 5 those of the resellers that list it as a model.
	case startsWithAny(id, "claude-opus-4-8", "claude-opus-5"):
		s.fast = ratio{2, 1}
	case startsWithAny(id, "claude-opus-", "claude-fable-"):
		// Known for Opus 4.6 and 4.7, assumed for the rest of those that may have
		// a fast mode.
		s.fast = ratio{6, 1}
	}
	// The location can be chosen for Opus 4.6 and what came after it.
	if startsWithAny(id, "claude-v1", "claude-2", "claude-3", "claude-haiku-4-5", "claude-opus-4-0",
		"claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-0", "claude-sonnet-4-5") {
		s.us, s.fast = ratio{}, ratio{}
	}
	return s
}

// Batch, flex, priority and long context: LiteLLM's table at commit 00035b69.
// Cache writes: the price table, for gpt-5.6. Web search:
// community.openai.com/t/search-web-using-openai-api/1363698. Regional endpoints:
// developers.openai.com/api/docs/guides/data-residency, for models from March 5,
// 2026 on, the first of which is gpt-5.4. Models that make images, of which there is
// no flex and no priority: developers.openai.com/api/docs/pricing.
func openAISurcharge(id, name string) surcharge {
	s := surcharge{
		batch: ratio{1, 2},
		flex:  ratio{1, 2},
		// LiteLLM has twice for most of gpt-5; other models have prices of their
		// own, for which twice is assumed. openai.com/api-priority-processing
		// lists gpt-5-mini at 1.8 times, gpt-4.1 at 1.75, and gpt-5.5 at 2.5,
		// which makes this too cheap for gpt-5.5.
		priority:  ratio{2, 1},
		webSearch: 10 * Dollar / 1000,
	}
	switch id {
	case "gpt-5.4", "gpt-5.4-pro", "gpt-5.5", "gpt-5.5-pro":
		s.longOver, s.longInput, s.longOutput = 272_000, ratio{2, 1}, ratio{3, 2}
	}
	if strings.HasPrefix(id, "gpt-5.6") {
		s.longOver, s.longInput, s.longOutput = 272_000, ratio{2, 1}, ratio{3, 2}
		s.cacheWrite, s.cacheWrite1h = ratio{5, 4}, ratio{5, 4}
	}
	if strings.HasPrefix(id, "gpt-image-") {
		s.flex, s.priority = ratio{}, ratio{}
	}
	if major, minor := generation(strings.TrimPrefix(id, "ft:")); major > 5 || major == 5 && minor >= 4 {
		s.regional = ratio{11, 10}
	}
	if !reasons(id) {
		s.previewSearch = 25 * Dollar / 1000
	}
	if strings.Contains(name, "-search-preview") {
		s.webSearch = 25 * Dollar / 1000
	}
	return s
}

// regional reports whether a vendor's host is an endpoint for one region. OpenAI's
// are us.api.openai.com, eu.api.openai.com and so on.
func regional(vendor, host string) bool {
	region, ok := strings.CutSuffix(host, ".api.openai.com")
	return ok && vendor == "openai" && region != "" && !strings.Contains(region, ".")
}

// reasons reports whether an OpenAI model is of those that reason: gpt-5 and what
// came after it, and the o-series. One that is not known is taken not to.
func reasons(id string) bool {
	id = strings.TrimPrefix(id, "ft:")
	major, _ := generation(id)
	return major >= 5 || startsWithAny(id, "o1", "o3", "o4")
}

// generation returns which one of the gpt models it is: 5 and 4 for "gpt-5.4-mini".
// It is 0 for any other.
func generation(id string) (major, minor int) {
	rest, ok := strings.CutPrefix(id, "gpt-")
	number := func() (n int) {
		for ; rest != "" && '0' <= rest[0] && rest[0] <= '9' && n < 100; rest = rest[1:] {
			n = 10*n + int(rest[0]-'0')
		}
		return n
	}
	if major = number(); !ok || major > 9 { // "gpt-35-turbo" is a spelling of gpt-3.5
		return 0, 0
	}
	if rest, ok = strings.CutPrefix(rest, "."); ok {
		minor = number()
	}
	return major, minor
}

func startsWithAny(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
