package policy

import (
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/provider"
)

// appendNames appends what a declared tool goes by, in lower case: its name, its
// type, that without its version, its kind and its address. The types that only
// say that the agent runs the tool are left out, since every glob that begins
// like them would match.
func appendNames(names []string, t *provider.Tool) []string {
	names = append(names, strings.ToLower(t.Name))
	if t.Type != "function" && t.Type != "custom" {
		names = appendType(names, t.Type)
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
	if call.Hosted {
		names = appendType(names, call.Type)
	}
	if call.Server != "" {
		names = append(names, strings.ToLower(call.Server))
	}
	for i := range declared {
		if t := &declared[i]; declares(t, call) {
			names = appendNames(names, t)
		}
	}
	return names
}

// declares reports whether a tool that is called is declared by t, which may be
// the server of it.
func declares(t *provider.Tool, call *provider.ToolCall) bool {
	return strings.EqualFold(t.Name, call.Name) || t.Name != "" && strings.EqualFold(t.Name, call.Server)
}

// appendType appends a type, if there is one, and what it comes to without its
// version and altogether, where that is another.
func appendType(names []string, typ string) []string {
	if typ == "" {
		return names
	}
	typ = strings.ToLower(typ)
	names = append(names, typ)
	unversioned, kind := provider.ToolKind(typ)
	if unversioned != typ {
		names = append(names, unversioned)
	}
	if kind != unversioned {
		names = append(names, kind)
	}
	return names
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
	unversioned, _ := provider.ToolKind(t.Type)
	return t.URL != "" && l.admits(t.URL) || l.admits(t.Type) || l.admits(unversioned)
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
