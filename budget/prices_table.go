package budget

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// A vendor is one provider's part of a price table.
type vendor struct {
	id      string
	claims  clause // the names that only this vendor's models have
	entries []entry
}

// An entry is what a table says of one model.
type entry struct {
	id     string
	names  clause
	offers []offer
	limits
}

// entry returns the entry that is for the model of that name, nil if there is
// none. An entry's own id is the closest match; of the others the one that pins
// down most of the name; of equals the first.
func (v *vendor) entry(name string) *entry {
	var found *entry
	best := 0
	for i := range v.entries {
		e := &v.entries[i]
		if e.id == name {
			return e
		}
		if n := e.names.fit(name); n > best {
			found, best = e, n
		}
	}
	return found
}

// table reads a price table: an array of providers.
func (r *reader) table(data []byte) (map[string]*vendor, []*vendor) {
	root, ok := r.parse(data)
	if !ok {
		return nil, nil
	}
	byID := map[string]*vendor{}
	var order []*vendor
	r.array("", root, func(path string, p gjson.Result) {
		v := r.vendor(path, p)
		if byID[v.id] != nil {
			r.fail(path+".id", "%q stands twice", v.id)
		}
		byID[v.id] = v
		order = append(order, v)
	})
	if len(order) == 0 && len(r.errs) == 0 {
		r.fail("[]", "no prices")
	}
	return byID, order
}

func (r *reader) vendor(path string, p gjson.Result) *vendor {
	v := &vendor{}
	seen := map[string]bool{}
	r.object(path, p, func(key string, m gjson.Result) {
		switch at := path + "." + key; key {
		case "id":
			v.id = r.text(at, m)
		case "model_match":
			if m.Type != gjson.Null {
				v.claims = r.clause(at, m)
			}
		case "models":
			r.array(at, m, func(path string, m gjson.Result) {
				e := r.entry(path, m)
				if seen[e.id] {
					r.fail(path+".id", "%q stands twice", e.id)
				}
				seen[e.id] = true
				v.entries = append(v.entries, e)
			})
		}
	})
	if v.id == "" {
		r.fail(path, "id is missing")
	}
	return v
}

func (r *reader) entry(path string, m gjson.Result) (e entry) {
	r.object(path, m, func(key string, m gjson.Result) {
		switch at := path + "." + key; key {
		case "id":
			e.id = strings.ToLower(r.text(at, m))
		case "match":
			e.names = r.clause(at, m)
		case "prices":
			e.offers = r.offers(at, m)
		}
	})
	if e.id == "" {
		r.fail(path, "id is missing")
	}
	if e.names.op == "" {
		r.fail(path, "match is missing")
	}
	if len(e.offers) == 0 {
		r.fail(path, "prices are missing")
	}
	return e
}

func (r *reader) clause(path string, m gjson.Result) (c clause) {
	r.object(path, m, func(key string, m gjson.Result) {
		if c.op != "" {
			r.fail(path, "want one member")
		}
		c.op = key
		switch at := path + "." + key; key {
		case "equals", "starts_with", "ends_with", "contains":
			c.text = strings.ToLower(r.text(at, m))
		case "regex":
			var err error
			if c.re, err = regexp.Compile(r.text(at, m)); err != nil {
				r.fail(at, "%v", err)
			}
		case "or", "and":
			r.array(at, m, func(path string, m gjson.Result) {
				c.list = append(c.list, r.clause(path, m))
			})
		default:
			r.fail(at, "a rule of this kind is not known")
		}
	})
	return c
}

// offers reads one set of prices, or a list of them with their constraints.
func (r *reader) offers(path string, m gjson.Result) (list []offer) {
	if m.IsObject() {
		return []offer{{when: span{always: true}, prices: r.stated(path, m)}}
	}
	r.array(path, m, func(path string, m gjson.Result) {
		o := offer{when: span{always: true}}
		r.object(path, m, func(key string, m gjson.Result) {
			switch at := path + "." + key; key {
			case "constraint":
				if m.Type != gjson.Null {
					o.when = r.span(at, m)
				}
			case "prices":
				o.prices = r.stated(at, m)
			}
		})
		if o.prices == nil {
			r.fail(path, "prices are missing")
			o.prices = &stated{}
		}
		list = append(list, o)
	})
	return list
}

func (r *reader) span(path string, m gjson.Result) span {
	s := span{always: true}
	clock := func(at string, m gjson.Result) int64 {
		t, err := time.Parse("15:04:05Z", m.Str)
		if err != nil {
			r.fail(at, "want a time of day such as 16:30:00Z")
		}
		return int64(t.Hour()*3600 + t.Minute()*60 + t.Second())
	}
	r.object(path, m, func(key string, m gjson.Result) {
		switch at := path + "." + key; key {
		case "start_date":
			t, err := time.Parse(time.DateOnly, m.Str)
			if err != nil {
				r.fail(at, "want a date such as 2026-09-01")
			}
			s.from, s.always = t.Unix(), false
		case "start_time":
			s.start = clock(at, m)
		case "end_time":
			s.end = clock(at, m)
		default: // who does not know when a price holds does not know the price
			r.fail(at, "a constraint of this kind is not known")
		}
	})
	if s.start > 0 && s.start >= s.end {
		r.fail(path, "start_time is not before end_time")
	}
	return s
}

// tableRates are the names of rates in a price table.
var tableRates = map[string]int{
	"input_mtok":          inputRate,
	"cache_read_mtok":     cacheReadRate,
	"cache_write_mtok":    cacheWriteRate,
	"cache_write_1h_mtok": cacheWrite1hRate,
	"input_audio_mtok":    audioInputRate,
	"input_image_mtok":    imageInputRate,
	"output_mtok":         outputRate,
	"output_audio_mtok":   audioOutputRate,
	"output_image_mtok":   imageOutputRate,
}

// stated reads a set of prices. Those of what usage does not count, such as
// cached images, are checked and left out.
func (r *reader) stated(path string, m gjson.Result) *stated {
	s := &stated{}
	r.object(path, m, func(key string, m gjson.Result) {
		switch at := path + "." + key; key {
		case "web_searches_kcount":
			fee := r.price(at, m, thousand)
			s.webSearch = &fee
		case "requests_kcount":
			s.request = r.price(at, m, thousand)
		default:
			sc := r.scale(at, m)
			if kind, ok := tableRates[key]; ok {
				s.tokens[kind] = sc
			}
		}
	})
	return s
}

// scale reads a price for a million tokens: a number, or a base with tiers.
func (r *reader) scale(path string, m gjson.Result) *scale {
	if !m.IsObject() {
		return &scale{base: r.price(path, m, million)}
	}
	s, based := &scale{}, false
	r.object(path, m, func(key string, m gjson.Result) {
		switch at := path + "." + key; key {
		case "base":
			s.base, based = r.price(at, m, million), true
		case "tiers":
			r.array(at, m, func(path string, m gjson.Result) {
				s.tiers = append(s.tiers, r.tier(path, m))
			})
		default:
			r.fail(at, "a member of this name is not known")
		}
	})
	if !based {
		r.fail(path, "base is missing")
	}
	for i := 1; i < len(s.tiers); i++ {
		if s.tiers[i].over <= s.tiers[i-1].over {
			r.fail(path+".tiers", "do not rise")
		}
	}
	return s
}

func (r *reader) tier(path string, m gjson.Result) tier {
	t, priced := tier{over: -1}, false
	r.object(path, m, func(key string, m gjson.Result) {
		switch at := path + "." + key; key {
		case "start":
			n, err := strconv.ParseInt(m.Raw, 10, 64)
			if err != nil || n < 0 {
				r.fail(at, "want a number of tokens")
			}
			t.over = max(0, n)
		case "price":
			t.price, priced = r.price(at, m, million), true
		default:
			r.fail(at, "a member of this name is not known")
		}
	})
	if t.over < 0 || !priced {
		r.fail(path, "want start and price")
	}
	return t
}
