package policy

import (
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/provider"
)

// appendNames appends what a declared tool goes by, in lower case: its name, its
// type, that without the date at its end, and its address. The types that only
// say that the agent runs the tool are left out, since every glob that begins
// like them would match.
func appendNames(names []string, t *provider.Tool) []string {
	names = append(names, strings.ToLower(t.Name))
	if t.Type != "function" && t.Type != "custom" && t.Type != "" {
		kind := strings.ToLower(t.Type)
		names = append(names, kind)
		if bare := undated(kind); bare != kind {
			names = append(names, bare)
		}
	}
	if t.URL != "" {
		names = append(names, strings.ToLower(t.URL))
	}
	return names
}

// appendCallNames does the same for a call, which is known, too, by all that the
// tool, or the server of tools, goes by which is declared under its name.
func appendCallNames(names []string, call *provider.ToolCall, declared []provider.Tool) []string {
	names = append(names, strings.ToLower(call.Name))
	if call.Hosted && call.Type != "" {
		names = append(names, strings.ToLower(call.Type))
	}
	if call.Server != "" {
		names = append(names, strings.ToLower(call.Server))
	}
	for i := range declared {
		if t := &declared[i]; strings.EqualFold(t.Name, call.Name) || t.Name != "" && strings.EqualFold(t.Name, call.Server) {
			names = appendNames(names, t)
		}
	}
	return names
}

// undated takes the date off the type of a tool, such as "web_search_20250305".
func undated(kind string) string {
	i := strings.LastIndexByte(kind, '_')
	if i < 0 || len(kind)-i != len("_20250305") || strings.Trim(kind[i+1:], "0123456789") != "" {
		return kind
	}
	return kind[:i]
}

// denies reports whether Deny, which is in lower case, matches one of names.
func (l *List) denies(names []string) bool {
	for _, g := range l.Deny {
		for _, n := range names {
			if glob.Match(g, n) {
				return true
			}
		}
	}
	return false
}

// admits reports whether Allow matches a name, or is not there.
func (l *List) admits(name string) bool {
	return len(l.Allow) == 0 || slices.ContainsFunc(l.Allow, func(g string) bool { return glob.Match(g, name) })
}

// admitsTool reports whether Allow admits a declared tool. A tool that the agent
// runs is what its name says. One that the provider runs is what its type or its
// address says: the agent could name it as it likes.
func (l *List) admitsTool(t *provider.Tool) bool {
	if !t.Hosted && t.URL == "" {
		return l.admits(t.Name)
	}
	return t.URL != "" && l.admits(t.URL) || l.admits(t.Type) || l.admits(undated(t.Type))
}

// admitsCall reports whether Allow admits a call. Those that the provider makes
// may be called otherwise than the tool that was declared and admitted.
func (l *List) admitsCall(call *provider.ToolCall, declared []provider.Tool) bool {
	return call.Hosted && slices.ContainsFunc(declared, func(t provider.Tool) bool { return t.Hosted || t.URL != "" }) ||
		l.admits(call.Name)
}

// shown is the name of a declared tool by which a list refuses it.
func shown(t *provider.Tool) string {
	switch {
	case t.URL != "":
		return t.URL
	case t.Hosted || t.Name == "":
		return t.Type
	}
	return t.Name
}
