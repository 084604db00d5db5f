package depstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/rungate/rungate"

// root is the module's folder, seen from this one.
const root = "../.."

// A pkg is a folder with Go files.
type pkg struct {
	dir   string // below root, with slashes
	fset  *token.FileSet
	files map[string]*ast.File // without tests, by name
	tests map[string]*ast.File
}

func (p *pkg) path() string { return module + "/" + p.dir }

// public reports whether users can import the package.
func (p *pkg) public() bool { return !strings.Contains("/"+p.dir+"/", "/internal/") }

// packages reads the module's source. Nested modules are not part of it.
func packages(t *testing.T) []*pkg {
	t.Helper()
	var all []*pkg
	err := filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "examples" || has(dir, "go.mod")) {
			return filepath.SkipDir
		}
		below, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		p := &pkg{dir: filepath.ToSlash(below), fset: token.NewFileSet(), files: map[string]*ast.File{}, tests: map[string]*ast.File{}}
		if err := p.read(dir); err != nil {
			return err
		}
		if len(p.files)+len(p.tests) > 0 {
			all = append(all, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages below %s: this is not the module", len(all), root)
	}
	return all
}

func has(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func (p *pkg) read(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := parser.ParseFile(p.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, "_test.go") {
			p.tests[filepath.Base(name)] = f
		} else {
			p.files[filepath.Base(name)] = f
		}
	}
	return nil
}

// imports lists what some files import, without duplicates.
func imports(files map[string]*ast.File) map[string]bool {
	all := map[string]bool{}
	for _, f := range files {
		for _, spec := range f.Imports {
			all[strings.Trim(spec.Path.Value, `"`)] = true
		}
	}
	return all
}

// topLevel is all that the module's folder holds, apart from dot files and what
// git ignores.
var topLevel = map[string]bool{
	"gateway/": true, "provider/": true, "policy/": true, "run/": true, "budget/": true, "roundtrip/": true,
	"examples/": true, "internal/": true,
	"go.mod": true, "go.sum": true, "README.md": true, "LICENSE": true,
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") || ignored(t, name) {
			continue
		}
		if e.IsDir() {
			name += "/"
		}
		found[name] = true
		if !topLevel[name] {
			t.Errorf("%s stands at the top level, where it does not belong", name)
		}
	}
	for name := range topLevel {
		if !found[name] {
			t.Errorf("%s is missing at the top level", name)
		}
	}
}

// ignored reports whether git leaves a file at the top level alone.
func ignored(t *testing.T, name string) bool {
	t.Helper()
	lines, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if ok, err := path.Match(strings.Trim(strings.TrimSpace(line), "/"), name); ok && err == nil {
			return true
		}
	}
	return false
}
