package strict

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// JSON decodes one JSON document into *v. The error, if any, is [Errors].
//
// Struct fields are named by their json tags, in exactly that spelling; a field
// without a tag is not part of the document, and a struct that is embedded
// without one belongs to the struct around it. What the document does not
// mention keeps its value. Errors are a name that is not known or stands twice,
// a value of the wrong type, a number that does not fit, a null for anything
// but a pointer or an interface, and anything after the document.
//
// A time.Duration is a string such as "15m". An integer may be written 2e6. A
// type with UnmarshalText takes a string, or a number in the very digits that
// were written, so that money stays exact; a type with UnmarshalJSON takes any
// value, except that the method of *v itself is not called, so that it can be
// written with JSON. An interface gets strings, bools, json.Numbers, []any and
// map[string]any.
//
// A type with a method Validate() error is validated after it has been decoded,
// from the inside out. What it complains about is located below its path if it
// is an Error or Errors. What it says of a value in which something is wrong
// already is left out, since it may well follow from that.
//
// JSON panics if v is not a pointer, or leads to a type that cannot be in a
// document, such as a channel.
func JSON(data []byte, v any) error {
	if err := syntax(data); err != nil {
		return err
	}
	d := decoder{top: v}
	d.value("", d.parse(data), target(v))
	return d.result()
}

// Tree decodes what a decoder of another format, such as YAML, has made of a
// document into *v, by the rules of [JSON]. A tree is of map[string]any, []any,
// string, bool, json.Number, Go's integers and floats, and nil. A float is
// taken for the shortest decimal that is read as the same.
func Tree(tree, v any) error {
	d := decoder{top: v}
	d.value("", d.normal("", tree), target(v))
	return d.result()
}

func target(v any) reflect.Value {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		panic(fmt.Sprintf("strict: want a pointer to decode into, not %T", v))
	}
	return p.Elem()
}

// syntax reports, with line and column, what keeps data from being one JSON
// text.
func syntax(data []byte) error {
	var at int
	var reason string
	if !utf8.Valid(data) {
		at, reason = badUTF8(data), "not valid UTF-8"
	} else if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		at, reason = len(data), err.Error()
		var e *json.SyntaxError
		if errors.As(err, &e) && reason != "unexpected end of JSON input" {
			at = int(e.Offset) - 1 // it counts the byte at fault
		}
	} else {
		return nil
	}
	line, column := 1, 1
	for _, c := range string(data[:at]) {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return Errors{{Reason: fmt.Sprintf("line %d, column %d: %s", line, column, reason)}}
}

// badUTF8 is the offset of the first byte that is not valid.
func badUTF8(data []byte) int {
	at := 0
	for {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n <= 1 {
			return at
		}
		at += n
	}
}
