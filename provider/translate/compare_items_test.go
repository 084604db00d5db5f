package translate_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tells reports whether there is a note on an item: one of its path, or one of its kind
// without the numbers.
func (c *comparison) tells(i item) (yes bool) {
	for _, n := range c.notes {
		if about(n.Field, i) {
			c.used[n], yes = true, true
		}
	}
	return yes
}

// also are what the dialects call the kinds of items.
var also = map[string][]string{
	"call":              {"tool_use", "tool_calls", "function_call", "arguments", "function", "input", "caller"},
	"result":            {"tool_result", "content", "is_error", "image", "document", "search_result", "text", "role", "tool"},
	"text":              {"citations", "refusal", "role", "name", "system"},
	"image":             {"image_url", "detail", "tool_result"},
	"document":          {"file", "title", "context", "filename", "tool_result"},
	"redacted_thinking": {"thinking"},
	"plain":             {"document", "source", "title", "context"},
}

func about(field string, i item) bool {
	path, words := strings.Split(field, "."), strings.Split(i.at, ".")
	if !strings.Contains(path[0], i.kind) && path[0] != words[0] && (words[0] != "message" || path[0] != words[1]) {
		return false // of an answer, the note does not say that it is about content
	}
	at := 0
	for _, step := range path {
		if step == "*" {
			continue
		}
		if _, err := strconv.Atoi(step); err == nil {
			n := slices.IndexFunc(words[at:], func(w string) bool { return w[0] <= '9' })
			if n < 0 || words[at+n] != step {
				return false
			}
			at += n + 1
			continue
		}
		if step != i.kind && !slices.Contains(words, step) && !slices.Contains(also[i.kind], step) {
			return false
		}
	}
	return true
}

// hoist puts what is not text in a result where the other dialect has it, behind the
// results of the turn.
func hoist(items []item) (out []item) {
	var behind []item
	flush := func() { out, behind = append(out, behind...), nil }
	for _, i := range items {
		if i.kind != "result" {
			flush()
		}
		if i.failed {
			i.failed, i.text = false, "Error: "+i.text
		}
		for _, w := range i.within {
			w.role, w.at = "user", i.at
			behind = append(behind, w)
		}
		out = append(out, i)
	}
	flush()
	return out
}

// common are the kinds that both dialects know.
var common = []string{"text", "image", "document", "plain", "call", "result"}

func (c *comparison) items(want, got []item) {
	// What only one dialect knows is gone.
	want = slices.DeleteFunc(want, func(i item) bool { return !slices.Contains(common, i.kind) && c.tells(i) })
	want, got = settle(c.textFirst(want)), settle(got)
	// Both may have images in results. Then they are there, and not behind them.
	kept := map[string]bool{}
	for _, g := range got {
		for _, w := range g.within {
			kept[g.id+" "+w.text] = true
		}
	}
	g := 0
	for w := 0; w < len(want); w++ {
		i := want[w]
		if g < len(got) && c.same(i, got[g]) {
			g++
			continue
		}
		moved := i.kind != "result" && i.role == "user" && slices.ContainsFunc(want[:w], func(r item) bool { return r.at == i.at && r.kind == "result" })
		if moved && slices.ContainsFunc(want[:w], func(r item) bool { return r.at == i.at && kept[c.ids[r.id]+" "+i.text] }) {
			continue
		}
		if moved && g+1 < len(got) && got[g].kind == "text" && c.same(i, got[g+1]) { // after a line that says whose it is
			g += 2
			continue
		}
		if g < len(got) && got[g].role == "system" && c.noted("response_format") { // a line that asks for JSON
			if i.role == "system" && strings.HasPrefix(got[g].text, i.text+"\n\n") {
				g++
				continue
			}
			g, w = g+1, w-1
			continue
		}
		switch {
		case !c.tells(i):
			c.fault("want %s, have %s", i, shownAt(got, g))
			return
		case g < len(got) && got[g].kind != "call" && i.text != "" && strings.Contains(got[g].text, strings.TrimRight(i.text, " \t\r\n")):
			g++
		}
	}
	for ; g < len(got); g++ {
		if got[g].role != "system" || !c.noted("response_format") {
			c.fault("too much: %s", got[g])
		}
	}
}

// textFirst moves texts of a message before its calls, if a note says so.
func (c *comparison) textFirst(items []item) []item {
	message := func(i item) string {
		words := strings.SplitN(i.at, ".", 3)
		return strings.Join(words[:min(2, len(words))], ".")
	}
	for n, i := range items {
		late := n
		for late > 0 && items[late-1].kind == "call" && message(items[late-1]) == message(i) {
			late--
		}
		if late < n && i.role == "assistant" && i.kind == "text" && c.tells(i) {
			copy(items[late+1:n+1], items[late:n])
			items[late] = i
		}
	}
	return items
}

func shownAt(items []item, i int) string {
	if i < len(items) {
		return items[i].String()
	}
	return "nothing more"
}

// same reports whether two items say the same.
func (c *comparison) same(want, got item) bool {
	switch want.kind {
	case "plain":
		return want.role == got.role && (got.kind == "text" && strings.Contains(got.text, want.text) || got.kind == "plain" && got.text == want.text)
	case "document":
		return got.kind == "document" && got.role == want.role && got.text == want.text &&
			(got.name == want.name || want.name == "" && got.name == "document.pdf")
	case "call":
		if got.kind != "call" || got.text != want.text || !c.sameName(want.name, got.name) {
			return false
		}
		if strings.HasSuffix(got.at, ".function_call") {
			return true // which has no id
		}
		if fits(want.id) && got.id != want.id || !fits(got.id) {
			return false
		}
		if c.ids[want.id] != "" && c.ids[want.id] != got.id {
			return false
		}
		c.ids[want.id] = got.id
		return true
	case "result":
		if got.kind != "result" || c.ids[want.id] != got.id {
			return false
		}
		if slices.ContainsFunc(want.pieces, func(p string) bool { return !strings.Contains(got.text, p) }) {
			return false
		}
		return got.text == want.text || len(want.within)+len(want.pieces) > 0 && strings.Contains(got.text, want.text)
	}
	return want.role == got.role && want.kind == got.kind && want.text == got.text
}

var fitting = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func fits(id string) bool { return fitting.MatchString(id) }

// sameName reports whether a tool of one name may have the other.
func (c *comparison) sameName(want, got string) bool {
	if fits(want) {
		return got == want
	}
	if c.names[want] == "" {
		c.names[want] = got
	}
	return fits(got) && c.names[want] == got
}
