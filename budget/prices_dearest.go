package budget

import "slices"

// Dearest returns the price of the dearest that a call can become which has at
// most so many tokens of input, and asks to be served in such a way, as
// [provider.Request] has it. All its input costs what the dearest kind of it
// does, such as what is written to a cache for an hour, and so does all its
// output; its level is the dearest that it can reach, and it is served in the
// dearest way that the vendor may choose for it.
func (p Price) Dearest(input int64, serviceTier, inferenceGeo, speed string) Price {
	if p.tariff == nil {
		return p
	}
	factor := p.model.factor.times(p.model.surcharge.dearest(serviceTier, inferenceGeo, speed))
	var in, out Money
	for i, l := range p.tariff.levels {
		if i > 0 && l.over >= input {
			break
		}
		in, out = max(in, slices.Max(l.rates[:outputRate])), max(out, slices.Max(l.rates[outputRate:]))
	}
	return flat(factor.up(in), factor.up(out), factor.up(p.tariff.request), max(p.tariff.webSearch, p.tariff.previewSearch))
}

// flat is a price that is the same for all kinds of input, and of output.
func flat(input, output, request, webSearch Money) Price {
	var l level
	for k := range l.rates {
		if l.rates[k] = input; k >= outputRate {
			l.rates[k] = output
		}
	}
	return Price{tariff: &tariff{levels: []level{l}, request: request, webSearch: webSearch, previewSearch: webSearch}}
}

// dearest is the largest factor of a call that asks to be served in such a way:
// a vendor may serve it in the ordinary way too, and by what is set for the
// account where it does not ask.
func (s *surcharge) dearest(serviceTier, inferenceGeo, speed string) ratio {
	var f ratio
	switch serviceTier {
	case "default", "standard", "standard_only", "flex", "batch":
	default:
		f = f.times(s.priority.atLeastOne())
	}
	if inferenceGeo == "" || inferenceGeo == "us" {
		f = f.times(s.us.atLeastOne())
	}
	if speed == "fast" {
		f = f.times(s.fast.atLeastOne())
	}
	return f
}

func (r ratio) atLeastOne() ratio {
	if r.num < r.den {
		return ratio{}
	}
	return r
}

// up is of, rounded up.
func (r ratio) up(m Money) Money {
	v := r.of(m)
	if r.num != r.den && v.Times(r.den) < m.Times(r.num) {
		v = v.Plus(1)
	}
	return v
}
