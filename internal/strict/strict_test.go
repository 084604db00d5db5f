package strict_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/strict"
)

// cents is money as the decoder sees it: text, with its digits kept.
type cents string

func (c *cents) UnmarshalText(text []byte) error {
	if len(text) > 0 && text[0] == '-' {
		return errors.New("is negative")
	}
	*c = cents(text)
	return nil
}

type limit struct {
	Name string `json:"name"`
	USD  cents  `json:"limit_usd"`
}

func (l *limit) Validate() error {
	if l.USD == "" {
		return errors.New("needs a limit")
	}
	return nil
}

type common struct {
	ID   string `json:"id"`
	Note string `json:"note"`
}

// either is a name, or a list of names.
type either []string

func (e *either) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		*e = make(either, 1)
		return strict.JSON(data, &(*e)[0])
	}
	return strict.JSON(data, (*[]string)(e))
}

type document struct {
	common
	Note    string             `json:"note"`
	On      bool               `json:"on"`
	Count   int                `json:"count"`
	Small   int8               `json:"small"`
	Size    uint64             `json:"size"`
	Share   float64            `json:"share"`
	Wait    time.Duration      `json:"wait"`
	Limits  []limit            `json:"limits"`
	Prices  map[string]float64 `json:"prices"`
	Perhaps *int               `json:"perhaps"`
	Any     any                `json:"any"`
	Names   either             `json:"names"`
	Private string             // has no tag
	Skipped string             `json:"-"`
}

func (d *document) Validate() error {
	var errs strict.Errors
	for i := range d.Limits {
		errs = append(errs, strict.At(fmt.Sprintf("limits[%d]", i), d.Limits[i].Validate())...)
	}
	if d.Count == 13 {
		errs = append(errs, strict.Error{Path: "count", Reason: "is unlucky"})
	}
	return errs
}

func decode(doc string) (d document, err error) {
	err = strict.JSON([]byte(doc), &d)
	return d, err
}

func TestJSONDecodes(t *testing.T) {
	one := 1
	tests := []struct {
		name, doc string
		want      document
	}{
		{"nothing", `{}`, document{}},
		{"strings", `{"note":"näh\n"}`, document{Note: "näh\n"}},
		{"a field of an embedded struct", `{"id":"x"}`, document{common: common{ID: "x"}}},
		{"the outer field of two", `{"note":"x"}`, document{Note: "x"}},
		{"booleans", `{"on":true}`, document{On: true}},
		{"integers", `{"count":-3,"size":18446744073709551615}`, document{Count: -3, Size: math.MaxUint64}},
		{"integers with an exponent", `{"count":2e6,"size":1.5E1,"small":1200e-1}`, document{Count: 2_000_000, Size: 15, Small: 120}},
		{"integers with a point", `{"count":-4.00,"size":0.0}`, document{Count: -4}},
		{"zero, whatever its exponent", `{"count":0e999999999999,"size":-0}`, document{}},
		{"floats", `{"share":0.8}`, document{Share: 0.8}},
		{"durations", `{"wait":"1m30s"}`, document{Wait: 90 * time.Second}},
		{"text from a string", `{"limits":[{"limit_usd":"1.00"}]}`, document{Limits: []limit{{USD: "1.00"}}}},
		{"text from a number, as written", `{"limits":[{"limit_usd":1.00e0}]}`, document{Limits: []limit{{USD: "1.00e0"}}}},
		{"maps", `{"prices":{"llama*":0.5}}`, document{Prices: map[string]float64{"llama*": 0.5}}},
		{"a pointer", `{"perhaps":1}`, document{Perhaps: &one}},
		{"null for a pointer", `{"perhaps":null}`, document{}},
		{"null for an interface", `{"any":null}`, document{}},
		{"anything for an interface", `{"any":{"a":[1.0,"x",true,null]}}`,
			document{Any: map[string]any{"a": []any{json.Number("1.0"), "x", true, nil}}}},
		{"a type that reads JSON", `{"names":"x"}`, document{Names: either{"x"}}},
		{"a type that reads JSON, with JSON", `{"names":["x","y"]}`, document{Names: either{"x", "y"}}},
		{"an empty array", `{"limits":[]}`, document{Limits: []limit{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decode(tt.doc)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestJSONKeepsWhatIsNotMentioned(t *testing.T) {
	d := document{Note: "default", Count: 7}
	require.NoError(t, strict.JSON([]byte(`{"count":8}`), &d))
	assert.Equal(t, document{Note: "default", Count: 8}, d)
}

func TestJSONRefuses(t *testing.T) {
	tests := []struct {
		name, doc string
		want      string // one error a line
	}{
		{"an empty document", ``, "line 1, column 1: unexpected end of JSON input"},
		{"half a document", "{\n  \"on\": [", "line 2, column 10: unexpected end of JSON input"},
		{"broken syntax", "{\n  \"on\": yes}", "line 2, column 9: invalid character 'y' looking for beginning of value"},
		{"a comma too many", `{"on":true,}`, `line 1, column 12: invalid character '}' looking for beginning of object key string`},
		{"a second document", `{} {}`, "line 1, column 4: invalid character '{' after top-level value"},
		{"bytes that are not UTF-8", "{\"note\":\n\"\xff\"}", "line 2, column 2: not valid UTF-8"},
		{"another type at the top", `[]`, "want an object, not an array"},
		{"null at the top", `null`, "is null"},

		{"an unknown field", `{"x_y":1}`, "x_y: unknown field"},
		{"a misspelt field", `{"limit":[],"ntoe":1,"Count":1}`, "limit: unknown field; did you mean \"limits\"?\n" +
			"ntoe: unknown field; did you mean \"note\"?\nCount: unknown field; did you mean \"count\"?"},
		{"a field that is no part of it", `{"Private":"x","Skipped":"x","-":"x"}`,
			"Private: unknown field\nSkipped: unknown field\n-: unknown field"},
		{"a path in depth", `{"limits":[{"limit_usd":1},{"limit_usd":1,"nam":"x"}]}`,
			`limits[1].nam: unknown field; did you mean "name"?`},
		{"a name that stands twice", `{"count":1,"limits":[{"name":"a","name":"b","limit_usd":1}],"count":2}`,
			"limits[0].name: stands there twice\ncount: stands there twice"},
		{"a name that stands twice where it is not known", `{"any":{"a b":1,"a b":1}}`, `any["a b"]: stands there twice`},
		{"null", `{"note":null,"limits":[null],"prices":{"a":null},"wait":null,"names":null}`,
			"note: is null\nlimits[0]: is null\nprices.a: is null\nwait: is null\nnames: is null"},
		{"wrong types", `{"note":1,"on":"true","count":"1","share":[],"limits":{},"prices":"x","wait":15}`,
			"note: want a string, not a number\non: want true or false, not a string\ncount: want a number, not a string\n" +
				"share: want a number, not an array\nlimits: want an array, not an object\nprices: want an object, not a string\n" +
				`wait: want a duration such as "90s" or "1h30m", not a number`},
		{"text that is neither string nor number", `{"limits":[{"limit_usd":true}]}`, "limits[0].limit_usd: want a string, not true or false"},
		{"bad durations", `{"wait":"15"}`, `wait: want a duration such as "90s" or "1h30m", not "15"`},
		{"what UnmarshalText refuses", `{"limits":[{"limit_usd":-1}]}`, "limits[0].limit_usd: is negative"},
		{"what UnmarshalJSON refuses", `{"names":["x",1]}`, "names[1]: want a string, not a number"},
		{"a fraction for an integer", `{"count":1.5,"size":15e-1}`, "count: want a whole number\nsize: want a whole number"},
		{"integers out of range", `{"small":128,"count":1e19,"size":1e999999999999}`,
			"small: is out of range\ncount: is out of range\nsize: is out of range"},
		{"a negative number for a size", `{"size":-1}`, "size: is negative"},
		{"a float out of range", `{"share":1e999}`, "share: is out of range"},
		{"odd names in paths", `{"prices":{"llama*":"x","":"x","a-b_1":"x"}}`, `prices["llama*"]: want a number, not a string` +
			"\n" + `prices[""]: want a number, not a string` + "\nprices.a-b_1: want a number, not a string"},

		{"what Validate refuses, once", `{"limits":[{"name":"x"}]}`, "limits[0]: needs a limit"},
		{"what Validate refuses, in depth", `{"count":13}`, "count: is unlucky"},
		{"everything at once", `{"count":13,"limits":[{},{"limit_usd":-1}],"x_y":1}`,
			"limits[0]: needs a limit\nlimits[1].limit_usd: is negative\nx_y: unknown field\ncount: is unlucky"},
		{"nothing that may follow from another error", `{"limits":[{"limit_us":1}]}`, `limits[0].limit_us: unknown field; did you mean "limit_usd"?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decode(tt.doc)
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestTreeDecodes(t *testing.T) {
	var d document
	require.NoError(t, strict.Tree(map[string]any{
		"note": "x", "on": true, "count": 3, "size": uint64(math.MaxUint64), "share": 0.25, "small": 12.0, "wait": "2m",
		"limits": []any{map[string]any{"limit_usd": 0.1}, map[string]any{"limit_usd": 1_000_000.5}},
		"any":    map[string]any{"n": int64(4)},
	}, &d))
	assert.Equal(t, document{
		Note: "x", On: true, Count: 3, Size: math.MaxUint64, Share: 0.25, Small: 12, Wait: 2 * time.Minute,
		Limits: []limit{{USD: "0.1"}, {USD: "1000000.5"}}, Any: map[string]any{"n": json.Number("4")},
	}, d)
}

func TestTreeRefuses(t *testing.T) {
	var d document
	err := strict.Tree(map[string]any{
		"any":    []any{math.NaN()},
		"id":     map[any]any{1: 2},
		"note":   time.Now(),
		"on":     make(chan int),
		"share":  math.Inf(1),
		"limits": []any{map[string]any{"limit_usd": nil}},
	}, &d)
	assert.EqualError(t, err, "any[0]: is not a finite number\nid: has names that are not strings; put them in quotes\n"+
		"note: is a date; put it in quotes\non: is a chan int, which is not known here\nshare: is not a finite number\nlimits[0].limit_usd: is null")
}

// inner is validated also where the struct around it says nothing.
type inner struct {
	N int `json:"n"`
}

func (i inner) Validate() error {
	if i.N > 1 {
		return strict.Error{Path: "n", Reason: "is too large"}
	}
	return nil
}

func TestEmbeddedStructsAreValidated(t *testing.T) {
	type Inner = inner
	type Limit = limit
	var d struct { // whose two methods Validate hide each other
		Inner
		Limit
	}
	assert.EqualError(t, strict.JSON([]byte(`{"n":2,"limit_usd":1}`), &d), "n: is too large")
	assert.EqualError(t, strict.JSON([]byte(`{"n":1,"limit_usd":""}`), &d), "needs a limit")
}

func TestErrors(t *testing.T) {
	_, err := decode(`{"a_b":1,"c_d":1}`)
	var all strict.Errors
	require.ErrorAs(t, err, &all)
	assert.Equal(t, strict.Errors{{"a_b", "unknown field"}, {"c_d", "unknown field"}}, all)
	var one strict.Error
	require.ErrorAs(t, err, &one)
	assert.Equal(t, "a_b", one.Path)
	assert.ErrorIs(t, err, strict.Error{Path: "c_d", Reason: "unknown field"})
}

func TestAt(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want strict.Errors
	}{
		{"nothing", nil, nil},
		{"any error", errors.New("no"), strict.Errors{{"x.y", "no"}}},
		{"an error of the value itself", strict.Error{Reason: "no"}, strict.Errors{{"x.y", "no"}}},
		{"errors below it", strict.Errors{{"z", "no"}, {"[1]", "no"}}, strict.Errors{{"x.y.z", "no"}, {"x.y[1]", "no"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, strict.At("x.y", tt.err)) })
	}
}

func TestTargetsThatCannotBe(t *testing.T) {
	for name, v := range map[string]any{
		"no pointer": document{}, "nil": nil, "a nil pointer": (*document)(nil),
		"a channel": new(chan int), "a map by number": new(map[int]string),
	} {
		t.Run(name, func(t *testing.T) {
			assert.Panics(t, func() { _ = strict.JSON([]byte(`1`), v) })
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `null`, `{"note":"x","on":true,"count":2e6,"share":0.5,"wait":"15m","perhaps":null}`,
		`{"limits":[{"name":"a","name":"b","limit_usd":1.10}],"prices":{"llama*":0}}`, `{"any":[{"a":1,"a":2}]}`,
		`{"names":["x"],"small":1e3}`, "{\"note\":\"\xff\"}", `{"note":"\ud800"}`, `{} x`, `{"a":`, `{"size":1e-999999999999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d document
		err := strict.JSON(data, &d)
		if err == nil && !json.Valid(data) {
			t.Fatalf("%q was accepted", data)
		}
		var all strict.Errors
		if err != nil && (!errors.As(err, &all) || len(all) == 0) {
			t.Fatalf("%q: %#v is not Errors", data, err)
		}
		var a any
		if err := strict.JSON(data, &a); err == nil && !json.Valid(data) {
			t.Fatalf("%q was accepted", data)
		}
	})
}
