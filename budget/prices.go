package budget

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Prices knows what models cost. It is immutable and safe for concurrent use.
type Prices struct {
	vendors map[string]*vendor // by the provider's id in the table
	layers  []layer            // the one that was laid on last is the first
	day     string             // of the table; empty if it is not known
	digest  [sha256.Size]byte
	id      string

	// What was found for a seller's model before, so that names are matched
	// once. It has a fixed number of places, each for whatever name falls into
	// it last: clients may send any number of names.
	seed  maphash.Seed
	cache [1024]atomic.Pointer[finding]
}

// A finding is what was found under a name: nil is no price.
type finding struct {
	who  Seller
	name string
	*model
	limits
}

// A Seller is whose prices are asked for.
type Seller struct {
	Provider string // its name: of an overlay, or of a provider in the price table
	Dialect  string // what it speaks: the vendor whose prices hold where it has none

	// Host is where it is called, such as "eu.api.openai.com", in lower case. Vendors
	// may take more at their endpoints for one region. Empty is the ordinary one.
	Host string
}

//go:embed pricedata/prices.json
var priceTable []byte

// priceDay is the day of priceTable: that of the commit in pricedata/README.md.
const priceDay = "2026-08-21"

var defaultPrices = sync.OnceValue(func() *Prices {
	p, err := ParsePrices(priceTable)
	if err != nil {
		panic("budget: the embedded prices: " + err.Error()) // a test reads them
	}
	return p.dated(priceDay)
})

// DefaultPrices returns the list prices of Anthropic and OpenAI that are
// embedded in the package. Their day, which is in their ID, is that of
// pricedata/README.md.
func DefaultPrices() *Prices { return defaultPrices() }

// ParsePrices reads a price table in the format of github.com/pydantic/genai-prices,
// prices/new_data/v2/data.json: an array of providers. A provider's id is what
// sellers are found by, see [Prices.Lookup]. A model without any price in the
// table is free. The format says of no table which day it is of, see [Prices.Dated].
// All mistakes are reported at once, each with its path.
func ParsePrices(table []byte) (*Prices, error) {
	r := &reader{}
	vendors, order := r.table(table)
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("price table: %w", err)
	}
	setLimits(vendors)
	p := &Prices{vendors: vendors, seed: maphash.MakeSeed()}
	h := sha256.New()
	h.Write(table)
	for _, v := range order { // what follows from the table is as much a part of the prices
		for _, e := range v.entries {
			_, _ = fmt.Fprintf(h, "%+v\n", *newModel(e.offers, surchargeOf(v.id, e.id, e.id)))
		}
	}
	h.Sum(p.digest[:0])
	p.identify()
	return p, nil
}

// WithOverlay returns prices in which o lies over p. An error names everything
// in o that cannot be a price.
func (p *Prices) WithOverlay(o Overlay) (*Prices, error) {
	r := &reader{}
	l := r.layer(o)
	canonical, err := json.Marshal(o) // keys in order
	if err != nil {
		r.errs = append(r.errs, err)
	}
	if err := r.err(); err != nil {
		return nil, fmt.Errorf("price overlay: %w", err)
	}
	if len(o) == 0 {
		return p, nil
	}
	q := &Prices{vendors: p.vendors, layers: append([]layer{l}, p.layers...), day: p.day, seed: maphash.MakeSeed()}
	h := sha256.New()
	h.Write(p.digest[:])
	h.Write(canonical)
	h.Sum(q.digest[:0])
	q.identify()
	return q, nil
}

// Dated returns the same prices with the day of their table in their ID: that on which
// it was made, as its origin says. The zero time is a day that is not known.
func (p *Prices) Dated(day time.Time) *Prices {
	if day.IsZero() {
		return p.dated("")
	}
	return p.dated(day.Format(time.DateOnly))
}

func (p *Prices) dated(day string) *Prices {
	q := &Prices{vendors: p.vendors, layers: p.layers, day: day, digest: p.digest, seed: maphash.MakeSeed()}
	q.identify()
	return q
}

func (p *Prices) identify() {
	p.id = "sha256:" + hex.EncodeToString(p.digest[:6])
	if p.day != "" {
		p.id = p.day + " " + p.id
	}
}

// ID names these prices by the day of their table, if it is known, and by their
// content, "2026-08-21 sha256:1a2b3c4d5e6f": the table, the vendors' surcharges and
// all overlays.
func (p *Prices) ID() string { return p.id }

// Lookup returns what a seller takes for a model at a time. The overlay for the
// seller's name goes first, then the part of the table under that name, then
// that of the vendor of its dialect. It is false if none of them has the model,
// which therefore has no known price.
func (p *Prices) Lookup(who Seller, name string, at time.Time) (Price, bool) {
	m := p.seek(who, name).model
	if m == nil {
		return Price{}, false
	}
	return Price{model: m, tariff: m.tariff(at), factor: m.factor}, true
}

// maxName is how long the name of a model may be, in bytes.
const maxName = 256

// nothing is what is found under a name that no model can have.
var nothing finding

// seek finds a name, in the cache if it can.
func (p *Prices) seek(who Seller, name string) *finding {
	if name == "" || len(name) > maxName {
		return &nothing
	}
	place := &p.cache[(maphash.String(p.seed, name)+3*maphash.String(p.seed, who.Provider))%uint64(len(p.cache))]
	if f := place.Load(); f != nil && f.name == name && f.who == who {
		return f
	}
	// The copy lets go of the request that the name may be a part of.
	f := &finding{who: who, name: strings.Clone(name)}
	f.model, f.limits = p.find(who, strings.ToLower(name))
	place.Store(f)
	return f
}

// find is seek without the cache. The name is in lower case.
func (p *Prices) find(who Seller, name string) (*model, limits) {
	own := p.vendors[who.Provider]
	maker := p.vendors[who.Dialect]
	if maker == nil {
		maker = own
	}
	// Surcharges and limits go by whose model it is, whoever sells it.
	var (
		listed *entry
		id     string
		s      surcharge
		l      limits
	)
	if maker != nil {
		if listed = maker.entry(name); listed != nil {
			id, l = listed.id, listed.limits
		} else if maker.claims.fit(name) > 0 {
			id = name
		}
		if id != "" {
			s = surchargeOf(maker.id, id, name)
		}
	}
	for _, layer := range p.layers {
		if prices := layer.prices(who.Provider, name, id); prices != nil {
			return newModel([]offer{{when: span{always: true}, prices: prices}}, s), l
		}
	}
	if own != nil && own != maker {
		if e := own.entry(name); e != nil {
			return newModel(e.offers, s), l
		}
	}
	if listed != nil {
		m := newModel(listed.offers, s)
		if regional(maker.id, who.Host) {
			m.factor = s.regional
		}
		return m, l
	}
	return nil, l
}
