package strict

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"
)

type decoder struct {
	top  any // what JSON or Tree was called with
	errs Errors
}

func (d *decoder) fail(path, format string, args ...any) {
	d.errs = append(d.errs, Error{Path: path, Reason: fmt.Sprintf(format, args...)})
}

func (d *decoder) mistyped(path, want string, x any) {
	d.fail(path, "want %s, not %s", want, kind(x))
}

func (d *decoder) result() error {
	if len(d.errs) == 0 {
		return nil
	}
	return d.errs
}

// value decodes x, which stands at path, into v and has it validated.
func (d *decoder) value(path string, x any, v reflect.Value) {
	switch {
	case x == unreadable{}:
	case v.Kind() == reflect.Pointer && x == nil:
		v.SetZero()
	case v.Kind() == reflect.Pointer:
		to := reflect.New(v.Type().Elem())
		d.value(path, x, to.Elem())
		v.Set(to)
	default:
		if !d.unmarshal(path, x, v) {
			d.decode(path, x, v)
		}
		if c, ok := v.Addr().Interface().(validator); ok {
			d.complain(path, c.Validate())
		}
	}
}

type validator interface{ Validate() error }

// complain notes what Validate said of the value at path.
func (d *decoder) complain(path string, err error) {
	before := d.errs
	for _, e := range At(path, err) {
		if !slices.ContainsFunc(before, func(b Error) bool { return within(b.Path, e.Path) || within(e.Path, b.Path) }) {
			d.errs = append(d.errs, e)
		}
	}
}

var duration = reflect.TypeFor[time.Duration]()

// unmarshal decodes x where the type of v, and not its kind, says how, and
// reports whether it does.
func (d *decoder) unmarshal(path string, x any, v reflect.Value) bool {
	to := v.Addr().Interface()
	if x == nil || to == d.top {
		return false
	}
	if v.Type() == duration {
		d.duration(path, x, v)
		return true
	}
	if u, ok := to.(encoding.TextUnmarshaler); ok {
		switch x := x.(type) {
		case string:
			d.errs = append(d.errs, At(path, u.UnmarshalText([]byte(x)))...)
			return true
		case json.Number:
			d.errs = append(d.errs, At(path, u.UnmarshalText([]byte(x)))...)
			return true
		}
	}
	if u, ok := to.(json.Unmarshaler); ok {
		data, err := json.Marshal(plain(x))
		if err == nil {
			err = u.UnmarshalJSON(data)
		}
		d.errs = append(d.errs, At(path, err)...)
		return true
	}
	return false
}

func (d *decoder) duration(path string, x any, v reflect.Value) {
	const want = `a duration such as "90s" or "1h30m"`
	s, ok := x.(string)
	if !ok {
		d.mistyped(path, want, x)
		return
	}
	t, err := time.ParseDuration(s)
	if err != nil {
		d.fail(path, "want %s, not %q", want, s)
		return
	}
	v.SetInt(int64(t))
}

// decode decodes x into v by the kind of v.
func (d *decoder) decode(path string, x any, v reflect.Value) {
	if v.Kind() == reflect.Interface && v.NumMethod() == 0 {
		v.SetZero()
		if p := plain(x); p != nil {
			v.Set(reflect.ValueOf(p))
		}
		return
	}
	if x == nil {
		d.fail(path, "is null")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(path, x, v)
	case reflect.Map:
		d.mapping(path, x, v)
	case reflect.Slice:
		a, ok := x.([]any)
		if !ok {
			d.mistyped(path, "an array", x)
			return
		}
		s := reflect.MakeSlice(v.Type(), len(a), len(a))
		for i := range a {
			d.value(element(path, i), a[i], s.Index(i))
		}
		v.Set(s)
	case reflect.String:
		s, ok := x.(string)
		if !ok {
			d.mistyped(path, "a string", x)
			return
		}
		v.SetString(s)
	case reflect.Bool:
		b, ok := x.(bool)
		if !ok {
			d.mistyped(path, "true or false", x)
			return
		}
		v.SetBool(b)
	default:
		d.number(path, x, v)
	}
}

func (d *decoder) mapping(path string, x any, v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		panic(fmt.Sprintf("strict: cannot decode into %v", v.Type()))
	}
	o, ok := x.(object)
	if !ok {
		d.mistyped(path, "an object", x)
		return
	}
	m := reflect.MakeMapWithSize(v.Type(), len(o))
	for _, f := range o {
		to := reflect.New(v.Type().Elem()).Elem()
		d.value(member(path, f.name), f.value, to)
		m.SetMapIndex(reflect.ValueOf(f.name).Convert(v.Type().Key()), to)
	}
	v.Set(m)
}
