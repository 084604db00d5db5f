package strict

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

func (d *decoder) structure(path string, x any, v reflect.Value) {
	o, ok := x.(object)
	if !ok {
		d.mistyped(path, "an object", x)
		return
	}
	known := map[string]reflect.Value{}
	inner := fields(v, known)
	for _, f := range o {
		at := member(path, f.name)
		if to, ok := known[f.name]; ok {
			d.value(at, f.value, to)
		} else if near := nearest(f.name, slices.Sorted(maps.Keys(known))); near != "" {
			d.fail(at, "unknown field; did you mean %q?", near)
		} else {
			d.fail(at, "unknown field")
		}
	}
	if _, ok := v.Addr().Interface().(validator); ok {
		return // it speaks for what is embedded in it, whose method it may well be
	}
	for _, e := range inner {
		if e = e.Addr(); e.CanInterface() {
			if c, ok := e.Interface().(validator); ok {
				d.complain(path, c.Validate())
			}
		}
	}
}

// fields adds the fields of v to known, by their names, with those of the
// structs that are embedded in it, and returns these. The outermost of a name
// wins.
func fields(v reflect.Value, known map[string]reflect.Value) (embedded []reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && f.Anonymous && f.Type.Kind() == reflect.Struct {
			embedded = append(embedded, v.Field(i))
		}
		if _, taken := known[name]; name != "" && name != "-" && f.IsExported() && !taken {
			known[name] = v.Field(i)
		}
	}
	for _, e := range slices.Clone(embedded) {
		embedded = append(embedded, fields(e, known)...)
	}
	return embedded
}

// nearest is the one of names that name is most likely to be a misspelling of,
// and empty if none is near.
func nearest(name string, names []string) string {
	best, least := "", 1+max(1, len(name)/3)
	for _, n := range names {
		if d := distance(strings.ToLower(name), n); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance counts the bytes to insert, delete or replace, and the neighbours to
// swap, that make b of a (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64 // not a misspelling, and not worth the time
	}
	var two, one, row [65]int // the last rows of the table, up to b[:j]
	for j := range one {
		one[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			swap := one[j]
			if a[i] != b[j] {
				swap++
			}
			row[j+1] = min(swap, one[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], two[j-1]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
