package fake

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// read notes the numbers and the names of things in a text.
func (m *imagination) read(text string) {
	fields := strings.Fields(text)
	for i, f := range fields {
		f = strings.Trim(f, `.,;:!?"'()[]{}<>`+"`")
		number := strings.ReplaceAll(strings.TrimLeft(f, "$€£"), ",", "")
		switch {
		case numeric.MatchString(number):
			next := ""
			if i+1 < len(fields) {
				next = strings.ToLower(strings.Trim(fields[i+1], ".,;:!?"))
			}
			if number != strings.ReplaceAll(f, ",", "") || slices.Contains(currencies, next) {
				m.money = append(m.money, number)
			} else {
				m.numbers = append(m.numbers, number)
			}
		case identifier.MatchString(f) && strings.ContainsAny(f, "0123456789"):
			m.names = append(m.names, strings.TrimPrefix(f, "#"))
		}
	}
}

var (
	numeric    = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$`)
	identifier = regexp.MustCompile(`^#?[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$`)
	currencies = []string{"usd", "dollar", "dollars", "eur", "euro", "euros"}
)

// number takes the next number of the text: money first for what sounds like it,
// last for what does not.
func (m *imagination) number(name string, s schema, whole bool) json.RawMessage {
	from := []*[]string{&m.numbers, &m.money}
	if has(name, "amount", "usd", "eur", "price", "cost", "total", "budget", "value") {
		slices.Reverse(from)
	}
	n := "1"
	if s.Minimum != nil {
		n = s.Minimum.String()
	}
	for _, list := range from {
		if len(*list) > 0 {
			n, *list = (*list)[0], (*list)[1:]
			break
		}
	}
	if whole {
		n, _, _ = strings.Cut(n, ".")
	}
	return json.RawMessage(n)
}

// word makes a string for a property of a name. Nothing is made up that would do
// harm if it was run.
func (m *imagination) word(name, format string) string {
	switch {
	case format == "date" || has(name, "date", "day"):
		return "2026-04-26"
	case format == "date-time" || has(name, "time", "when"):
		return "2026-04-26T15:48:12Z"
	case format == "email" || has(name, "email"):
		return "ada@example.com"
	case format == "uri" || has(name, "url", "uri", "link"):
		return "https://example.com/"
	case has(name, "command", "cmd", "script", "code"):
		return "echo hello"
	case has(name, "path", "file", "filename"):
		return "README.md"
	case has(name, "city", "location", "place", "country"):
		return m.place()
	case has(name, "currency"):
		return "USD"
	case has(name, "language", "locale"):
		return "en"
	case has(name, "id", "order", "number", "ref", "reference", "invoice", "ticket", "customer", "account"):
		if len(m.names) > 0 {
			next := m.names[0]
			m.names = m.names[1:]
			return next
		}
		if len(m.numbers) > 0 {
			next := m.numbers[0]
			m.numbers = m.numbers[1:]
			return next
		}
		return name + "_1"
	}
	if m.text == "" {
		return "hello"
	}
	return shorten(strings.Join(strings.Fields(m.text), " "), 200)
}

// place is the first name of the text that might be one.
func (m *imagination) place() string {
	for i, f := range strings.Fields(m.text) {
		f = strings.Trim(f, `.,;:!?"'()`)
		if i > 0 && len(f) > 2 && 'A' <= f[0] && f[0] <= 'Z' {
			return f
		}
	}
	return "Paris"
}

// has reports whether one of the words of a name is among some.
func has(name string, some ...string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool { return slices.Contains(some, w) })
}
