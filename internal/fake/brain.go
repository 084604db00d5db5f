package fake

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// A prompt is what the model gets to see, whatever the dialect.
type prompt struct {
	said    string   // by the user, last
	images  int      // shown with it
	results []result // of tools, since then
	before  bool     // some tool has been called earlier, too
	tools   []tool
	choose  choice
	format  json.RawMessage // the schema of a JSON answer; nil is plain text
	limit   int             // of the output in tokens; 0 is none
	stop    []string
	input   int // tokens
}

type tool struct {
	name   string
	schema json.RawMessage // of the arguments
}

type result struct {
	tool, text string
	failed     bool
}

// A choice says whether tools may be called.
type choice struct {
	none, must bool
	only       string // the one that must be called
	single     bool   // not more than one call
}

// A thought is what the model answers.
type thought struct {
	text   string
	calls  []toolCall
	end    end
	stop   string // the sequence that ended the text
	output int    // tokens
}

type toolCall struct{ name, arguments string }

// An end is why an answer is over.
type end uint8

const (
	endTurn end = iota
	endTools
	endLimit
	endStop
)

// think answers a prompt. Variant tells apart several answers to one prompt.
func (p *prompt) think(variant int) thought {
	t := thought{calls: p.propose()}
	switch {
	case len(t.calls) > 0:
		t.end = endTools
	case p.format != nil:
		t.text = string(imagine(p.format, p.said))
	default:
		t.text = p.say(variant)
	}
	for _, s := range p.stop {
		if i := strings.Index(t.text, s); i >= 0 && s != "" {
			t.text, t.stop, t.end = t.text[:i], s, endStop
		}
	}
	t.cut(p.limit)
	return t
}

// cut keeps the answer within a limit of tokens, and counts them.
func (t *thought) cut(limit int) {
	t.output = tokens(t.text)
	for _, c := range t.calls {
		t.output += tokens(c.name) + tokens(c.arguments)
	}
	if limit <= 0 || t.output <= limit {
		return
	}
	t.output, t.end, t.stop = limit, endLimit, ""
	left := 4 * limit // bytes
	t.text = shorten(t.text, left)
	left -= len(t.text)
	for i := range t.calls {
		c := &t.calls[i]
		if left -= len(c.name); left <= 0 {
			t.calls = t.calls[:i]
			return
		}
		c.arguments = shorten(c.arguments, left)
		left -= len(c.arguments)
	}
}

// shorten cuts s to at most n bytes, between characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tokens counts as a rule of thumb does: four bytes each.
func tokens(s string) int { return (len(s) + 3) / 4 }

// imageTokens is what an image costs, of whatever size.
const imageTokens = 500

// say is an answer in words.
func (p *prompt) say(variant int) string {
	var b strings.Builder
	for _, r := range p.results {
		verb := "returned"
		if r.failed {
			verb = "failed with"
		}
		fmt.Fprintf(&b, "%s %s %s. ", r.tool, verb, quoted(r.text))
	}
	if b.Len() > 0 {
		b.WriteString("Anything else?")
		return b.String()
	}
	switch p.images {
	case 0:
	case 1:
		b.WriteString("I see an image. ")
	default:
		fmt.Fprintf(&b, "I see %d images. ", p.images)
	}
	said := quoted(p.said)
	if p.said == "" {
		return b.String() + "Hello! What can I do for you?"
	}
	hash := fnv.New32a()
	hash.Write([]byte(p.said))
	switch (hash.Sum32() + uint32(variant)) % 3 {
	case 0:
		b.WriteString("You said " + said + ". I am the built-in demonstration model: no key, no network, and the same answer every time.")
	case 1:
		b.WriteString("A real model would have much to say about " + said + ". I am here to show tokens, cost and policy at work.")
	default:
		b.WriteString("Noted: " + said + ". My answers are made up, but they are counted, priced and governed like any other.")
	}
	return b.String()
}

// quoted is s on one line, not too long.
func quoted(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if short := shorten(s, 120); short != s {
		s = short + "..."
	}
	return `"` + s + `"`
}
