package depstest

import (
	"slices"
	"strings"
	"testing"
)

// levels is the order of the packages, by the folders that they are in. A
// package may import those of the levels before its own, and those of its own
// folder. The most exact folder counts.
var levels = [][]string{
	{"internal"},
	{"provider"},
	{"budget"},
	{"run"},
	{"internal/outbox"},
	{"policy"},
	{"gateway/audit"},
	{"gateway/memstore", "gateway/storetest", "gateway/notify"},
	{"gateway"},
	{"roundtrip"},
}

// modules are all that the library depends on; testModules its tests besides.
// What needs more is a module of its own.
var (
	modules     = []string{"github.com/tidwall/gjson", "github.com/tidwall/sjson", "golang.org/x/time"}
	testModules = []string{"github.com/stretchr/testify"}
)

// within reports whether a path is outer or lies below it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '/')
}

// place returns the level of a package, -1 if it has none, and its folder.
func place(dir string) (level int, folder string) {
	level = -1
	for i, folders := range levels {
		for _, f := range folders {
			if within(dir, f) && len(f) > len(folder) {
				level, folder = i, f
			}
		}
	}
	return level, folder
}

// may says why a package may not import another; empty if it may.
func may(from, to string) string {
	here, folder := place(from)
	there, other := place(to)
	switch {
	case here < 0:
		return from + " has no place in the order of packages"
	case there < 0:
		return to + " has no place in the order of packages"
	case folder == other || there < here:
		return ""
	case there == here:
		return folder + " and " + other + " stand side by side"
	}
	return folder + " stands before " + other
}

func TestImportOrder(t *testing.T) {
	for _, p := range packages(t) {
		if level, _ := place(p.dir); level < 0 {
			t.Errorf("%s has no place in the order of packages", p.dir)
		}
		for path := range imports(p.files) {
			if !within(path, module) {
				continue
			}
			if why := may(p.dir, strings.TrimPrefix(path, module+"/")); why != "" {
				t.Errorf("%s imports %s: %s", p.dir, path, why)
			}
		}
	}
}

func TestModules(t *testing.T) {
	used := map[string]bool{}
	check := func(dir, path string, allowed []string) {
		first, _, _ := strings.Cut(path, "/")
		if within(path, module) || !strings.Contains(first, ".") {
			return // ours, or the standard library's
		}
		i := slices.IndexFunc(allowed, func(m string) bool { return within(path, m) })
		if i < 0 {
			t.Errorf("%s imports %s; allowed are %s", dir, path, strings.Join(allowed, ", "))
			return
		}
		used[allowed[i]] = true
	}
	for _, p := range packages(t) {
		for path := range imports(p.files) {
			check(p.dir, path, modules)
		}
		for path := range imports(p.tests) {
			check(p.dir+" (tests)", path, slices.Concat(modules, testModules))
		}
	}
	for _, m := range slices.Concat(modules, testModules) {
		if !used[m] {
			t.Logf("%s is allowed, but not used", m)
		}
	}
}

// The rules themselves, by examples.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"run", "budget", true},
		{"budget", "run", false},
		{"budget", "internal/strict", true},
		{"internal/strict", "budget", false},
		{"internal/strict", "internal/glob", true},
		{"provider/openai", "provider", true},
		{"provider/openai", "provider/internal/wire", true},
		{"provider", "budget", false},
		{"policy", "gateway/memstore", false},
		{"gateway/memstore", "policy", true},
		{"gateway/memstore", "gateway", false},
		{"gateway/memstore", "gateway/storetest", false},
		{"gateway/storetest", "gateway/memstore", false},
		{"gateway", "gateway/memstore", true},
		{"gateway", "gateway/notify", true},
		{"gateway/notify", "gateway/memstore", false},
		{"gateway/webhook", "gateway/notify", true},
		{"gateway/admin", "gateway", true},
		{"gateway", "roundtrip", false},
		{"roundtrip", "gateway", true},
		{"runner", "run", false},
	} {
		if got := may(tt.from, tt.to) == ""; got != tt.want {
			t.Errorf("%s may import %s: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
