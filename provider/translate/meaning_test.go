package translate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A meaning is what a request asks for, or what an answer says, whichever dialect it
// is in. It is read here without any of the code that translates.
type meaning struct {
	items   []item
	tools   []tool
	options map[string]string // the JSON text of each that is not at its default
}

// An item is a piece of a conversation.
type item struct {
	at   string // the path of what it was read from
	role string // "system", "user", "assistant" or "tool"
	kind string // "text", "image", "document", "call", "result", or else the dialect's own
	text string // of a call its arguments, of an image its address or digest, of a result its texts
	id   string // of a call, and of what answers it
	name string // of a call

	within []item   // of a result, what is not text
	pieces []string // of a result, texts that it has besides in some form
	failed bool     // of a result
}

func (i item) String() string {
	s := i.role + " " + i.kind
	for _, part := range []string{i.id, i.name, i.text} {
		if part != "" {
			s += fmt.Sprintf(" %.200q", part)
		}
	}
	if i.failed {
		s += " failed"
	}
	for _, w := range i.within {
		s += " [" + w.String() + "]"
	}
	return s + " (" + i.at + ")"
}

// A tool is one that the model may call.
type tool struct {
	at, name, description, schema string
	strict                        bool
}

// An answer means this.
type reply struct {
	items []item
	stop  string // "end", "length", "call", "refusal", or else the dialect's own
	usage usage
	id    string // without what the dialect begins it with
	model string
}

// A usage counts tokens. The input is all of it.
type usage struct{ input, cached, written, output, reasoning int64 }

// What follows reads JSON that encoding/json has decoded.

type object = map[string]any

func decode(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(fmt.Sprintf("%v in %.300s", err, text))
	}
	return v
}

func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func in(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(object)
		v = o[name]
	}
	return v
}

func str(v any, path ...string) string {
	s, _ := in(v, path...).(string)
	return s
}

func list(v any, path ...string) []any {
	l, _ := in(v, path...).([]any)
	return l
}

func number(v any, path ...string) int64 {
	n, _ := in(v, path...).(json.Number)
	i, _ := n.Int64()
	return i
}

// digest stands for bytes that are the same in both dialects.
func digest(mediaType, data string) string {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		raw = []byte(data)
	}
	sum := sha256.Sum256(raw)
	return strings.Replace(mediaType, "image/jpg", "image/jpeg", 1) + " " + hex.EncodeToString(sum[:6])
}

// arguments is the value of a call's arguments: none are an empty object.
func arguments(text string) string {
	if strings.TrimSpace(text) == "" {
		return "{}"
	}
	if !json.Valid([]byte(text)) {
		return text
	}
	return encode(decode([]byte(text)))
}

// schemaOf is what a schema of a tool's input says: none allows any object.
func schemaOf(v any) string {
	o, ok := v.(object)
	if !ok {
		o = object{}
	}
	o = clone(o)
	if o["type"] == nil {
		o["type"] = "object"
	}
	if p, ok := o["properties"].(object); ok && len(p) == 0 || o["properties"] == nil {
		delete(o, "properties")
	}
	return encode(o)
}

func clone(o object) object {
	c := object{}
	for k, v := range o {
		c[k] = v
	}
	return c
}

// set sets an option to a value, unless that is the default.
func (m *meaning) set(name string, v any, defaults ...any) {
	if v == nil {
		return
	}
	text := encode(v)
	for _, d := range defaults {
		if text == encode(d) || text == encode(d)+".0" {
			return
		}
	}
	m.options[name] = text
}

// rest sets the members that are not known here, as they stand: a translation has to
// say what becomes of them.
func (m *meaning) rest(v object, known ...string) {
	for name, value := range v {
		if !slices.Contains(known, name) {
			m.set(name, value)
		}
	}
}

// settle brings the items into the order and the cut that both dialects have in
// common.
func settle(items []item) []item {
	items = slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.kind == "text" && i.text == "" })
	// What leads is one text; so is what an assistant says between calls.
	var joined []item
	for _, i := range items {
		if n := len(joined); n > 0 && i.kind == "text" && joined[n-1].kind == "text" && i.role == joined[n-1].role {
			last := &joined[n-1]
			switch i.role {
			case "system":
				last.text += "\n\n" + i.text
				continue
			case "assistant":
				last.text += i.text
				continue
			}
		}
		joined = append(joined, i)
	}
	// Results come first in what follows a turn, in the order of its calls.
	var out []item
	calls := map[string]int{}
	for i := 0; i < len(joined); {
		if joined[i].role == "assistant" {
			if joined[i].kind == "call" {
				calls[joined[i].id] = i
			}
			out = append(out, joined[i])
			i++
			continue
		}
		end := i
		for end < len(joined) && joined[end].role != "assistant" {
			end++
		}
		run := slices.Clone(joined[i:end])
		slices.SortStableFunc(run, func(a, b item) int {
			rank := func(x item) int {
				if x.kind == "result" {
					return calls[x.id]
				}
				return len(joined)
			}
			return rank(a) - rank(b)
		})
		out = append(out, run...)
		i = end
	}
	return out
}
