package translate_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rungate/rungate/provider/translate"
)

// A comparison looks for what a translation has changed without a note.
type comparison struct {
	notes  translate.Notes
	used   map[translate.Note]bool
	faults []string
	ids    map[string]string // of calls: there, by here
	names  map[string]string // of tools
}

// compare returns what got says otherwise than want and no note tells, and the notes
// that tell of nothing.
func compare(want, got meaning, notes translate.Notes) (faults []string, idle translate.Notes) {
	c := comparison{notes: notes, used: map[translate.Note]bool{}, ids: map[string]string{}, names: map[string]string{}}
	c.tools(want.tools, got.tools)
	c.items(hoist(settle(want.items)), got.items)
	c.options(want.options, got.options)
	for _, n := range notes {
		if !c.used[n] && !unread.MatchString(n.Field) && !strings.HasPrefix(n.What, "moved") {
			idle = append(idle, n)
		}
	}
	return c.faults, idle
}

// unread are the fields that are not part of a meaning as it is read here.
var unread = regexp.MustCompile(`(cache|display$|detail$|title$|context$|citations$|filename$|refusal$|^stream_options|^tools$|^temperature$|^top_p$|\.name$)`)

func (c *comparison) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// noted reports whether there is a note on any of the fields or what is in them.
func (c *comparison) noted(fields ...string) (yes bool) {
	for _, n := range c.notes {
		for _, f := range fields {
			if n.Field == f || strings.HasPrefix(n.Field, f+".") {
				c.used[n], yes = true, true
			}
		}
	}
	return yes
}

func (c *comparison) tools(want, got []tool) {
	if len(want) != len(got) && !c.noted("tools", "functions", "tool_choice") {
		c.fault("want %d tools, have %d", len(want), len(got))
		return
	}
	for n, w := range want {
		i := n
		if len(got) != len(want) {
			i = slices.IndexFunc(got, func(g tool) bool { return g.name == w.name })
		}
		if i < 0 || !c.sameName(w.name, got[i].name) {
			if !c.noted(w.at, "tools") {
				c.fault("want a tool %q (%s)", w.name, w.at)
			}
			continue
		}
		g := got[i]
		if g.description != w.description && !strings.HasPrefix(g.description, w.description) {
			c.fault("%s: want the description %q, have %q", w.at, w.description, g.description)
		}
		if g.schema != w.schema && !c.noted(w.at, "tools", "functions") {
			c.fault("%s: want the schema %s, have %s", w.at, w.schema, g.schema)
		}
		if g.strict != w.strict && !c.noted(w.at, "tools") {
			c.fault("%s: want strict %v, have %v", w.at, w.strict, g.strict)
		}
	}
}

// odd are the bytes that cannot stand in a note.
var odd = regexp.MustCompile(`(?s)[^a-zA-Z0-9_.-]`)

// fieldsOf are the members that an option is in, where they have other names.
var fieldsOf = map[string][]string{
	"max":      {"max_tokens", "max_completion_tokens"},
	"stop":     {"stop", "stop_sequences"},
	"choice":   {"tool_choice", "function_call"},
	"parallel": {"parallel_tool_calls", "tool_choice"},
	"strict":   {"response_format", "output_config", "output_format"},
	"format":   {"response_format", "output_config", "output_format"},
	"effort":   {"reasoning_effort", "thinking", "output_config"},
	"user":     {"user", "safety_identifier", "metadata"},
}

func (c *comparison) options(want, got map[string]string) {
	names := map[string]bool{}
	for n := range want {
		names[n] = true
	}
	for n := range got {
		names[n] = true
	}
	for name := range names {
		w, g := want[name], got[name]
		switch name {
		case "budget":
			continue
		case "parallel":
			if want["choice"] == `" none"` {
				continue
			}
		case "service_tier":
			if w == `"standard only"` && g == "" {
				continue // there is only one at most servers
			}
		case "strict":
			if w == "" {
				continue
			}
		case "effort":
			if w+g != "" {
				for _, n := range c.notes { // it may say how many tokens that is
					field, _, _ := strings.Cut(n.Field, ".")
					c.used[n] = c.used[n] || slices.Contains(fieldsOf[name], field)
				}
			}
			if w, g = class(w), class(g); w == "" && g == "none" || w == "none" && g == "" || w == "as it sees fit" && g != "" && g != "none" {
				continue
			}
		case "choice":
			if other := c.names[strings.Trim(w, `"`)]; other != "" {
				w = `"` + other + `"`
			}
		case "max":
			if w == "" || got["budget"] != "" && atoi(g) > atoi(w) {
				continue // the answers of Messages have a limit, and it has to hold the thinking as well
			}
		}
		fields := fieldsOf[name]
		if fields == nil {
			fields = []string{odd.ReplaceAllString(name, "_"), "unknown"}
		}
		if w != g && !c.noted(fields...) {
			c.fault("%s: want %s, have %s", name, w, g)
		}
	}
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// class is how hard a model is to think, as both dialects can say it.
func class(effort string) string {
	switch word := strings.Trim(effort, `"`); word {
	case "minimal":
		return "low"
	case "xhigh", "max":
		return "high"
	default:
		return word
	}
}
