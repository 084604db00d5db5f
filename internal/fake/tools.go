package fake

import (
	"slices"
	"strings"
)

// propose returns the tool calls that the prompt asks for, if any: of the tools
// that it names; else of the one whose name it comes closest to; else of the
// first, as long as no tool was called before.
func (p *prompt) propose() []toolCall {
	must := p.choose.must || p.choose.only != ""
	if len(p.tools) == 0 || p.choose.none || len(p.results) > 0 && !must {
		return nil
	}
	var chosen []tool
	if p.choose.only != "" {
		for _, t := range p.tools {
			if t.name == p.choose.only {
				chosen = []tool{t}
			}
		}
	} else {
		chosen = p.mentioned()
	}
	if len(chosen) == 0 && (must || !p.before) {
		chosen = p.tools[:1]
	}
	if p.choose.single && len(chosen) > 1 {
		chosen = chosen[:1]
	}
	calls := make([]toolCall, len(chosen))
	for i, t := range chosen {
		calls[i] = toolCall{t.name, string(imagine(t.schema, p.said))}
	}
	return calls
}

// mentioned returns the tools that the user names, or the one with most words of
// its name in what the user said; of several, the one that comes first there.
func (p *prompt) mentioned() []tool {
	said := words(p.said)
	text := " " + strings.Join(said, " ") + " "
	var named []tool
	var best tool
	most, first := 0, 0
	for _, t := range p.tools {
		name := words(t.name)
		if strings.Contains(text, " "+strings.Join(name, " ")+" ") {
			named = append(named, t)
			continue
		}
		hits, at := 0, len(said)
		for _, w := range name {
			if i := slices.IndexFunc(said, func(s string) bool { return alike(s, w) }); i >= 0 {
				hits++
				at = min(at, i)
			}
		}
		if hits > most || hits == most && hits > 0 && at < first {
			best, most, first = t, hits, at
		}
	}
	if len(named) == 0 && most > 0 {
		named = []tool{best}
	}
	return named
}

// alike reports whether two words are the same but for an ending.
func alike(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) >= 4 && strings.HasPrefix(b, a)
}

// words are the words of a text or of a name, in small letters: "issue_refund"
// and "issueRefund" are two.
func words(s string) []string {
	var b strings.Builder
	small := false
	for _, r := range s {
		upper := 'A' <= r && r <= 'Z'
		switch {
		case upper && small:
			b.WriteByte(' ')
			fallthrough
		case upper, 'a' <= r && r <= 'z', '0' <= r && r <= '9', r > 127:
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
		small = 'a' <= r && r <= 'z'
	}
	return strings.Fields(strings.ToLower(b.String()))
}
