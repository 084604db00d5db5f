package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"
)

// A reader reads documents of prices. It goes on after a mistake, so that all
// of them are reported, each with its path.
type reader struct{ errs []error }

// parse returns the document's root. Below it the JSON is known to be valid.
func (r *reader) parse(data []byte) (gjson.Result, bool) {
	var valid json.RawMessage
	if err := json.Unmarshal(data, &valid); err != nil {
		r.errs = append(r.errs, err)
		return gjson.Result{}, false
	}
	return gjson.ParseBytes(data), true
}

func (r *reader) fail(path, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s", path, fmt.Sprintf(format, args...)))
}

func (r *reader) err() error { return errors.Join(r.errs...) }

// object calls f for each member of v.
func (r *reader) object(path string, v gjson.Result, f func(key string, v gjson.Result)) {
	if !v.IsObject() {
		r.fail(path, "want an object")
		return
	}
	seen := map[string]bool{}
	v.ForEach(func(key, v gjson.Result) bool {
		if seen[key.Str] {
			r.fail(path, "%q stands twice", key.Str)
		}
		seen[key.Str] = true
		f(key.Str, v)
		return true
	})
}

// array calls f for each element of v, with its path.
func (r *reader) array(path string, v gjson.Result, f func(path string, v gjson.Result)) {
	if !v.IsArray() {
		r.fail(path, "want an array")
		return
	}
	i := 0
	v.ForEach(func(_, v gjson.Result) bool {
		f(path+"["+strconv.Itoa(i)+"]", v)
		i++
		return true
	})
}

func (r *reader) text(path string, v gjson.Result) string {
	if v.Type != gjson.String || v.Str == "" {
		r.fail(path, "want a string that is not empty")
	}
	return v.Str
}

// A quantity is how many things a price is for.
type quantity int64

const (
	million  quantity = 1e6
	thousand quantity = 1e3
)

// maxPrice is the dearest that is believed: a mistake in the unit is more
// likely.
const maxPrice = 10_000 * Dollar

// price reads what so many things cost, and returns what one costs. Tables are
// made with floats here and there: what is finer than a picodollar is rounded.
func (r *reader) price(path string, v gjson.Result, of quantity) Money {
	m, _, err := parseDollars(v.Raw)
	if err == nil {
		m, err = each(m, of)
	}
	if err != nil {
		r.fail(path, "%v", err)
	}
	return m
}

// each returns what one costs if so many cost m, to the nearest picodollar. It
// refuses what cannot be a price.
func each(m Money, of quantity) (Money, error) {
	switch one := m.Ratio(1, int64(of)); {
	case m < 0:
		return 0, fmt.Errorf("%s is negative", m)
	case m > maxPrice:
		return 0, fmt.Errorf("%s dollars for %d is beyond belief", m, of)
	case one == 0 && m != 0:
		return 0, fmt.Errorf("%s dollars for %d is next to nothing; write 0 if it is free", m, of)
	default:
		return one, nil
	}
}
