package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

// How much of the arguments of a call lists show: of a JSON object that is not too
// large so many members, and so many bytes of the name and value of each; and so
// many bytes of what is something else.
const (
	mostSummed    = 4 << 10
	summedMembers = 10
	summedName    = 40
	summedValue   = 80
	previewed     = 160
)

// summary makes arguments short: the members of an object with their values, in
// their order, those that are nested as an ellipsis. Of what is something else, or
// large, it is the beginning.
func summary(args []byte) template.HTML {
	trimmed := bytes.Trim(args, " \t\r\n")
	if len(args) > mostSummed || !json.Valid(trimmed) || trimmed[0] != '{' {
		return excerpt(args, previewed)
	}
	dec := decode(trimmed)
	token(dec) // the brace
	var pairs []string
	more := 0
	for dec.More() {
		name := token(dec).(string)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err) // the JSON was found to be valid
		}
		if len(pairs) == summedMembers {
			more++
			continue
		}
		pairs = append(pairs, fmt.Sprintf(`<span class="key">%s</span> %s`, clip(name, summedName), summaryOf(value)))
	}
	switch {
	case len(pairs) == 0:
		return "{}"
	case more > 0:
		pairs = append(pairs, fmt.Sprintf(`<span class="key">%d more</span>`, more))
	}
	return template.HTML(strings.Join(pairs, ` <span class="key">·</span> `)) // all of it is escaped or ours
}

// summaryOf makes the value of a member short, a string without its quotes.
func summaryOf(value []byte) template.HTML {
	switch value[0] {
	case '"':
		s := token(decode(value)).(string)
		if s == "" {
			return `""`
		}
		return clip(s, summedValue)
	case '{':
		return `<span class="key">{…}</span>`
	case '[':
		return `<span class="key">[…]</span>`
	}
	return clip(string(value), summedValue)
}

// clip is text of the first most bytes of s, with a mark if there is more.
func clip(s string, most int) template.HTML {
	shown := begin(s, most)
	if len(shown) == len(s) {
		return text(s)
	}
	return text(shown) + `<span class="hidden">…</span>`
}
