package strict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// What is decoded is a tree of object, []any, string, bool, json.Number and nil.

// An object keeps its members in the order of the document, so that errors come
// in that order.
type object []field

type field struct {
	name  string
	value any
}

// unreadable stands for what has been complained about.
type unreadable struct{}

// parse makes a tree of data, which is valid JSON. Of members with the same name
// it complains, and keeps the first.
func (d *decoder) parse(data []byte) any {
	tokens := json.NewDecoder(bytes.NewReader(data))
	tokens.UseNumber()
	next := func() json.Token {
		t, err := tokens.Token()
		if err != nil {
			panic("strict: valid JSON without a token: " + err.Error())
		}
		return t
	}
	var tree func(path string) any
	tree = func(path string) any {
		switch t := next(); t {
		case json.Delim('{'):
			o, seen := object{}, map[string]bool{}
			for tokens.More() {
				name := next().(string)
				at := member(path, name)
				v := tree(at)
				if seen[name] {
					d.fail(at, "stands there twice")
					continue
				}
				seen[name] = true
				o = append(o, field{name, v})
			}
			next()
			return o
		case json.Delim('['):
			a := []any{}
			for i := 0; tokens.More(); i++ {
				a = append(a, tree(element(path, i)))
			}
			next()
			return a
		default:
			return t
		}
	}
	return tree("")
}

// normal makes a tree of x, which another decoder made.
func (d *decoder) normal(path string, x any) any {
	switch x := x.(type) {
	case nil, string, bool, json.Number:
		return x
	case map[string]any:
		o := make(object, 0, len(x))
		for _, name := range slices.Sorted(maps.Keys(x)) {
			o = append(o, field{name, d.normal(member(path, name), x[name])})
		}
		return o
	case []any:
		a := make([]any, len(x))
		for i := range x {
			a[i] = d.normal(element(path, i), x[i])
		}
		return a
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return json.Number(fmt.Sprint(x))
	case float32:
		return d.float(path, float64(x), 32)
	case float64:
		return d.float(path, x, 64)
	case time.Time: // YAML decoders make one of what looks like a date
		d.fail(path, "is a date; put it in quotes")
	case map[any]any:
		d.fail(path, "has names that are not strings; put them in quotes")
	default:
		d.fail(path, "is a %T, which is not known here", x)
	}
	return unreadable{}
}

func (d *decoder) float(path string, f float64, bits int) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		d.fail(path, "is not a finite number")
		return unreadable{}
	}
	return json.Number(strconv.FormatFloat(f, 'f', -1, bits))
}

// plain is x as an interface gets it.
func plain(x any) any {
	switch x := x.(type) {
	case object:
		m := make(map[string]any, len(x))
		for _, f := range x {
			m[f.name] = plain(f.value)
		}
		return m
	case []any:
		a := make([]any, len(x))
		for i := range x {
			a[i] = plain(x[i])
		}
		return a
	case unreadable:
		return nil
	}
	return x
}

// kind names what x is.
func kind(x any) string {
	switch x.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	case object:
		return "an object"
	}
	return "null"
}
