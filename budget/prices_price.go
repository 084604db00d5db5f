package budget

import (
	"github.com/rungate/rungate/provider"
)

// A Price is what one model costs at one time, served in one way. The zero
// Price is that of what is free.
type Price struct {
	model  *model
	tariff *tariff
	factor ratio
}

// Served returns the price for a call that was served in such a way, as
// [provider.Usage] has it, or as [provider.Request] asks for it. Empty is the ordinary,
// and so is what the model's vendor has no other price for.
func (p Price) Served(serviceTier, inferenceGeo, speed string) Price {
	if p.model == nil {
		return p
	}
	s := &p.model.surcharge
	switch serviceTier {
	case "batch":
		p.factor = p.factor.times(s.batch)
	case "flex":
		p.factor = p.factor.times(s.flex)
	case "priority", "fast": // "fast" is how a request may ask for it
		p.factor = p.factor.times(s.priority)
	}
	if inferenceGeo == "us" {
		p.factor = p.factor.times(s.us)
	}
	if speed == "fast" {
		p.factor = p.factor.times(s.fast)
	}
	return p
}

// Estimate is the cost of a call with so many tokens of ordinary text.
func (p Price) Estimate(input, output int64) Money {
	return p.Cost(provider.Tokens{Input: input, Output: output})
}

// Cost is what the tokens of one sampling cost. Its level of prices is that of
// all its input. A negative count is taken for 0.
func (p Price) Cost(t provider.Tokens) Money { return p.pass(&provider.Pass{Tokens: t}) }

// pass is what one sampling costs of which some tokens may be images.
func (p Price) pass(t *provider.Pass) Money {
	if p.tariff == nil {
		return 0
	}
	imageInput, imageOutput := min(max(0, t.ImageInput), max(0, t.Input)), min(max(0, t.ImageOutput), max(0, t.Output))
	counts := [rateKinds]int64{
		inputRate:        t.Input - imageInput,
		cacheReadRate:    t.CacheRead,
		cacheWriteRate:   t.CacheWrite,
		cacheWrite1hRate: t.CacheWrite1h,
		audioInputRate:   t.AudioInput,
		imageInputRate:   imageInput,
		outputRate:       t.Output - imageOutput,
		audioOutputRate:  t.AudioOutput,
		imageOutputRate:  imageOutput,
	}
	var input int64
	for _, n := range counts[:outputRate] {
		input = addClamped(input, max(0, n))
	}
	r := p.tariff.rates(input)
	cost := p.tariff.request
	for k, n := range counts {
		if n > 0 {
			cost = cost.Plus(r[k].Times(n))
		}
	}
	return p.factor.of(cost)
}

// WebSearches is the fee for n searches, whichever way the call was served. So many
// of them, if not more than n, were made by a preview tool.
func (p Price) WebSearches(n, byPreview int64) Money {
	if p.tariff == nil {
		return 0
	}
	n = max(0, n)
	byPreview = min(max(0, byPreview), n)
	return p.tariff.webSearch.Times(n - byPreview).Plus(p.tariff.previewSearch.Times(byPreview))
}
