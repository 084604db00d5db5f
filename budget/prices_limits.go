package budget

import (
	_ "embed"
	"encoding/json"
	"sync"
)

//go:embed pricedata/limits.json
var limitTable []byte

// limits are how much of each a model can have, in tokens; 0 is not known.
type limits struct {
	Context int64
	Output  int64
}

// embeddedLimits are by vendor and model.
var embeddedLimits = sync.OnceValue(func() (all map[string]map[string]limits) {
	if err := json.Unmarshal(limitTable, &all); err != nil {
		panic("budget: the embedded limits: " + err.Error()) // a test reads them
	}
	return all
})

// setLimits gives each entry the largest limits of the models that it is for.
func setLimits(vendors map[string]*vendor) {
	for id, models := range embeddedLimits() {
		v := vendors[id]
		if v == nil {
			continue
		}
		for name, l := range models {
			if e := v.entry(name); e != nil {
				e.Context, e.Output = max(e.Context, l.Context), max(e.Output, l.Output)
			}
		}
	}
}

// Limits returns how much input a model takes at most and how long one answer of
// it can be, both in tokens. Models are found as by Lookup, and where the table
// has one entry for several, the largest limits are meant. It is false if they
// are not known. They are embedded in the package; pricedata/README.md says of
// which day.
func (p *Prices) Limits(who Seller, name string) (context, output int64, ok bool) {
	l := p.seek(who, name).limits
	return l.Context, l.Output, l.Output > 0
}
