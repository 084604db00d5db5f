package budget

import (
	"slices"
	"time"
)

// What tokens are billed as.
const (
	inputRate = iota
	cacheReadRate
	cacheWriteRate
	cacheWrite1hRate
	audioInputRate
	imageInputRate
	outputRate // this and what follows is output
	audioOutputRate
	imageOutputRate
	rateKinds
)

// rates are what one token costs.
type rates [rateKinds]Money

// stated are the prices that a table or an overlay gives for a model.
type stated struct {
	tokens    [rateKinds]*scale // nil is not stated
	webSearch *Money            // for one search
	request   Money             // for each request, beside its tokens
}

// A scale is the price of a token, which can rise with a call's input.
type scale struct {
	base  Money
	tiers []tier // by rising over
}

// A tier is the price of every token of a call with more input than over.
type tier struct {
	over  int64
	price Money
}

func (s *scale) at(over int64) Money {
	price := s.base
	for _, t := range s.tiers {
		if t.over <= over {
			price = t.price
		}
	}
	return price
}

// An offer is what a model costs while something holds.
type offer struct {
	when   span
	prices *stated
}

// A span of time is all that follows an instant, on each day from one time of
// day to another.
type span struct {
	from       int64 // Unix seconds
	always     bool  // from the beginning of time
	start, end int64 // seconds of the day in UTC; both 0 is the whole day
}

func (s *span) holds(at time.Time) bool {
	now := at.Unix()
	if !s.always && now < s.from {
		return false
	}
	if s.end == 0 {
		return true
	}
	const day = 24 * 60 * 60
	ofDay := (now%day + day) % day
	return s.start <= ofDay && ofDay < s.end
}

// A model is what is known of the price of one model at one seller.
type model struct {
	tariffs []tariff // of those that hold, the last is meant; if none does, the first
	factor  ratio    // of every call
	surcharge
}

// A tariff is an offer with everything in it that is not stated.
type tariff struct {
	when          span
	levels        []level // by rising over
	webSearch     Money
	previewSearch Money // for a search by a preview tool
	request       Money
}

// A level holds the rates for calls with more input than over.
type level struct {
	over int64
	rates
}

func newModel(offers []offer, s surcharge) *model {
	m := &model{tariffs: make([]tariff, len(offers)), surcharge: s}
	for i, o := range offers {
		m.tariffs[i] = newTariff(o, &s)
	}
	return m
}

func newTariff(o offer, s *surcharge) tariff {
	t := tariff{when: o.when, webSearch: s.webSearch, previewSearch: max(s.webSearch, s.previewSearch), request: o.prices.request}
	if fee := o.prices.webSearch; fee != nil {
		t.webSearch, t.previewSearch = *fee, *fee
	}
	overs := []int64{0} // the first level, which every call reaches
	for _, sc := range o.prices.tokens {
		if sc != nil {
			for _, tr := range sc.tiers {
				overs = append(overs, tr.over)
			}
		}
	}
	slices.Sort(overs)
	for _, over := range slices.Compact(overs) {
		t.levels = append(t.levels, level{over, o.prices.rates(over, s)})
	}
	if len(t.levels) == 1 && s.longOver > 0 {
		long := level{s.longOver, t.levels[0].rates}
		for k, m := range long.rates {
			if k < outputRate {
				long.rates[k] = s.longInput.of(m)
			} else {
				long.rates[k] = s.longOutput.of(m)
			}
		}
		t.levels = append(t.levels, long)
	}
	return t
}

// rates are the prices of a call with more input than over. What is not stated
// follows from the price of input or output.
func (st *stated) rates(over int64, s *surcharge) rates {
	var r rates
	for k, sc := range st.tokens {
		if sc != nil {
			r[k] = sc.at(over)
		}
	}
	fill := func(kind int, m Money) {
		if st.tokens[kind] == nil {
			r[kind] = m
		}
	}
	fill(cacheReadRate, s.cacheRead.of(r[inputRate]))
	fill(cacheWriteRate, s.cacheWrite.of(r[inputRate]))
	if s.cacheWrite1h == (ratio{}) {
		fill(cacheWrite1hRate, r[cacheWriteRate])
	} else {
		fill(cacheWrite1hRate, s.cacheWrite1h.of(r[inputRate]))
	}
	fill(audioInputRate, r[inputRate])
	fill(audioOutputRate, r[outputRate])
	fill(imageInputRate, r[inputRate])
	fill(imageOutputRate, r[outputRate])
	return r
}

func (m *model) tariff(at time.Time) *tariff {
	for i := len(m.tariffs) - 1; i > 0; i-- {
		if m.tariffs[i].when.holds(at) {
			return &m.tariffs[i]
		}
	}
	return &m.tariffs[0]
}

// rates are those of a call with so much input.
func (t *tariff) rates(input int64) *rates {
	for i := len(t.levels) - 1; i > 0; i-- {
		if input > t.levels[i].over {
			return &t.levels[i].rates
		}
	}
	return &t.levels[0].rates
}
