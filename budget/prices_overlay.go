package budget

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// An Overlay is an operator's own prices, which lie over a price table. Its
// first key is the name of a provider as it is configured. The second is the
// name of a model; an asterisk in it stands for any text ("llama*"), and the
// letters' case does not matter. The name also stands for all that the price
// table takes for the same model, such as "gpt-4o" for "gpt-4o-2024-08-06". If
// several match, a name goes before a pattern, and a longer pattern before a
// shorter one.
type Overlay map[string]map[string]OverlayPrice

// An OverlayPrice is what a model costs: dollars for a million tokens, or for a
// thousand web searches. The zero OverlayPrice is free.
//
// What is nil follows from Input and Output. A model that the price table knows
// as its vendor's keeps the vendor's rules for prices of caches, long context
// and web searches. For any other, all input costs the same whether cached or
// not, and a search nothing. Audio costs what text does, and so do images in any
// case. That the provider's endpoint is for one region is in the price: nothing is
// added for it.
type OverlayPrice struct {
	Input        Money  `json:"input"`
	Output       Money  `json:"output"`
	CacheRead    *Money `json:"cache_read,omitempty"`
	CacheWrite   *Money `json:"cache_write,omitempty"`
	CacheWrite1h *Money `json:"cache_write_1h,omitempty"`
	AudioInput   *Money `json:"audio_input,omitempty"`
	AudioOutput  *Money `json:"audio_output,omitempty"`
	WebSearch    *Money `json:"web_search,omitempty"` // a thousand, by whichever tool
}

// ParseOverlay reads an overlay:
//
//	{"local": {"llama*": {"input": 0, "output": 0}}}
//
// The members of a price are those of [OverlayPrice], numbers or decimals in
// strings, read exactly; "input" and "output" must be there. All mistakes are
// reported at once, each with its path.
func ParseOverlay(data []byte) (Overlay, error) {
	r := &reader{}
	root, ok := r.parse(data)
	if !ok {
		return nil, r.err()
	}
	o := Overlay{}
	r.object("overlay", root, func(name string, models gjson.Result) {
		o[name] = map[string]OverlayPrice{}
		r.object(name, models, func(pattern string, m gjson.Result) {
			o[name][pattern] = r.overlayPrice(overlayPath(name, pattern), m)
		})
	})
	r.layer(o)
	if err := r.err(); err != nil {
		return nil, err
	}
	return o, nil
}

func overlayPath(provider, pattern string) string { return fmt.Sprintf("%s[%q]", provider, pattern) }

func (r *reader) overlayPrice(path string, m gjson.Result) (op OverlayPrice) {
	var input, output *Money
	r.object(path, m, func(key string, m gjson.Result) {
		var v Money
		if err := json.Unmarshal([]byte(m.Raw), &v); err != nil {
			r.fail(path+"."+key, "%v", err)
		}
		switch key {
		case "input":
			input = &v
		case "output":
			output = &v
		case "cache_read":
			op.CacheRead = &v
		case "cache_write":
			op.CacheWrite = &v
		case "cache_write_1h":
			op.CacheWrite1h = &v
		case "audio_input":
			op.AudioInput = &v
		case "audio_output":
			op.AudioOutput = &v
		case "web_search":
			op.WebSearch = &v
		default:
			r.fail(path+"."+key, "a member of this name is not known")
		}
	})
	if input == nil || output == nil {
		r.fail(path, "input or output is missing; write 0 if it is free")
		return op
	}
	op.Input, op.Output = *input, *output
	return op
}

// A layer is an overlay in the form that is looked up: for each provider its
// patterns, the closest first.
type layer map[string][]pattern

type pattern struct {
	glob   string
	prices *stated
}

// prices returns those for a model by its name, or by its id in a price table.
func (l layer) prices(provider, name, id string) *stated {
	for _, p := range l[provider] {
		if glob(p.glob, name) || id != "" && glob(p.glob, id) {
			return p.prices
		}
	}
	return nil
}

// layer checks an overlay and makes it ready to be looked up.
func (r *reader) layer(o Overlay) layer {
	l := layer{}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if name == "" {
			r.fail(`""`, "a provider needs a name")
		}
		for _, glob := range slices.Sorted(maps.Keys(o[name])) {
			if glob == "" {
				r.fail(overlayPath(name, glob), "a model needs a name")
			}
			op := o[name][glob]
			l[name] = append(l[name], pattern{strings.ToLower(glob), r.overlayRates(overlayPath(name, glob), &op)})
		}
		slices.SortStableFunc(l[name], func(a, b pattern) int {
			return cmp.Or(
				cmp.Compare(min(1, strings.Count(a.glob, "*")), min(1, strings.Count(b.glob, "*"))),
				cmp.Compare(len(b.glob), len(a.glob)),
			)
		})
	}
	return l
}

func (r *reader) overlayRates(path string, op *OverlayPrice) *stated {
	s := &stated{}
	one := func(name string, m Money, of quantity) Money {
		v, err := each(m, of)
		if err == nil && v.Times(int64(of)) != m {
			err = errors.New("is finer than a picodollar for each")
		}
		if err != nil {
			r.fail(path+"."+name, "%v", err)
		}
		return v
	}
	for kind, p := range [rateKinds]struct {
		name string
		*Money
	}{
		inputRate:        {"input", &op.Input},
		cacheReadRate:    {"cache_read", op.CacheRead},
		cacheWriteRate:   {"cache_write", op.CacheWrite},
		cacheWrite1hRate: {"cache_write_1h", op.CacheWrite1h},
		audioInputRate:   {"audio_input", op.AudioInput},
		outputRate:       {"output", &op.Output},
		audioOutputRate:  {"audio_output", op.AudioOutput},
	} {
		if p.Money != nil {
			s.tokens[kind] = &scale{base: one(p.name, *p.Money, million)}
		}
	}
	if op.WebSearch != nil {
		fee := one("web_search", *op.WebSearch, thousand)
		s.webSearch = &fee
	}
	return s
}
