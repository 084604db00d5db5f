package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"unicode/utf8"
)

const (
	// mostLaidOut is the size of arguments above which they are shown as they
	// were written only.
	mostLaidOut = 64 << 10

	// deepest is the level up to which nested values are set in.
	deepest = 16
)

// args are the arguments of a call as they are laid out.
type args struct {
	Members []member      // of a JSON object, in their order
	Whole   template.HTML // instead, where they are something else
	Note    string        // on Whole, or on what is to be minded
	Raw     template.HTML // as they were written; empty if Whole is that
	JSON    bool          // what Raw is

	Bytes, Shown int // how many there are, and how many of them are shown
}

// Left is how many bytes are not shown.
func (a *args) Left() int { return a.Bytes - a.Shown }

// A member of an object.
type member struct {
	Name  template.HTML
	Value template.HTML // a string without its quotes
	Size  string        // of a long value; empty for a short one
	Again bool          // another one has the same name
}

// layOut makes arguments readable, the first most bytes of them if there are more.
// It leaves nothing out of those and changes no order.
func layOut(raw []byte, most int) args {
	written := begin(raw, most)
	a := args{Bytes: len(raw), Shown: len(written)}
	trimmed := bytes.Trim(raw, " \t\r\n") // which JSON allows
	switch {
	case len(trimmed) == 0 && a.Shown == a.Bytes:
		a.Raw, a.Note = text(written), "It is called without arguments."
		return a
	case a.Shown < a.Bytes:
		a.Whole = text(written)
		return a
	case len(raw) > mostLaidOut:
		a.Whole, a.Note = text(written), fmt.Sprintf("These are %d bytes, too many to lay out. They are shown as they were written.", len(raw))
		return a
	case !json.Valid(trimmed):
		a.Whole, a.Note = text(written), "This is not JSON. It is shown as it was written."
		return a
	}
	raw, a.Raw, a.JSON = trimmed, text(written), true
	dec := decode(raw)
	if raw[0] != '{' {
		a.Whole, _ = layOutValue(raw)
		return a
	}
	token(dec) // the brace
	seen := map[string]int{}
	for dec.More() {
		name := token(dec).(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err) // the JSON was found to be valid
		}
		m := newMember(name, value)
		if first, ok := seen[name]; ok {
			m.Again, a.Members[first].Again = true, true
			a.Note = "A name is there more than once. Which of the values counts is up to the tool."
		} else {
			seen[name] = len(a.Members)
		}
		a.Members = append(a.Members, m)
	}
	if len(a.Members) == 0 {
		a.Note = "It is called with an empty object."
	}
	return a
}

func newMember(name string, value []byte) member {
	m := member{Name: text(name)}
	if value[0] == '"' {
		s := token(decode(value)).(string)
		m.Value = text(s)
		m.Size = size(s, strings.Count(s, "\n"))
		return m
	}
	var breaks int
	m.Value, breaks = layOutValue(value)
	m.Size = size(string(value), breaks)
	return m
}

// size tells how long a long text is, so that nobody takes the part that is in
// view for all of it.
func size(s string, breaks int) string {
	characters := utf8.RuneCountInString(s)
	switch {
	case characters <= 1000 && breaks < 20:
		return ""
	case breaks == 0:
		return fmt.Sprintf("%d characters: scroll to read all of it", characters)
	}
	return fmt.Sprintf("%d characters, %d lines: scroll to read all of it", characters, breaks+1)
}

// decode reads valid JSON, numbers as they are written.
func decode(raw []byte) *json.Decoder {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec
}

// token returns the next token of valid JSON.
func token(dec *json.Decoder) json.Token {
	t, err := dec.Token()
	if err != nil {
		panic(err)
	}
	return t
}

// layOutValue writes a value over lines, and returns how many breaks it has.
func layOutValue(raw []byte) (value template.HTML, breaks int) {
	l := layout{dec: decode(raw)}
	l.value(0)
	return template.HTML(l.out.String()), l.breaks
}

// layout writes a JSON value over lines, as HTML.
type layout struct {
	dec    *json.Decoder // of valid JSON
	out    strings.Builder
	breaks int
}

// value writes the next value.
func (l *layout) value(depth int) {
	switch t := token(l.dec).(type) {
	case json.Delim:
		l.nested(t, depth)
	case string:
		l.quoted("string", t)
	case nil:
		l.out.WriteString(`<span class="literal">null</span>`)
	default: // a number or a truth value
		fmt.Fprintf(&l.out, `<span class="literal">%v</span>`, t)
	}
}

// nested writes the rest of an object or array.
func (l *layout) nested(open json.Delim, depth int) {
	l.out.WriteString(open.String())
	empty := true
	for l.dec.More() {
		if !empty {
			l.out.WriteByte(',')
		}
		empty = false
		l.line(depth + 1)
		if open == '{' {
			l.quoted("key", token(l.dec).(string))
			l.out.WriteString(": ")
		}
		l.value(depth + 1)
	}
	closing := token(l.dec).(json.Delim)
	if !empty {
		l.line(depth)
	}
	l.out.WriteString(closing.String())
}

func (l *layout) line(depth int) {
	l.breaks++
	l.out.WriteByte('\n')
	l.out.WriteString(strings.Repeat("  ", min(depth, deepest)))
}

// escapes are what would end a string early, or break its line.
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`)

// quoted writes a string in quotes.
func (l *layout) quoted(class, s string) {
	fmt.Fprintf(&l.out, `<span class=%q>&#34;%s&#34;</span>`, class, text(escapes.Replace(s)))
}
