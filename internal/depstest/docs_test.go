package depstest

import (
	"go/ast"
	"go/doc"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// articles may stand before the name that a comment is about.
var articles = []string{"A ", "An ", "The "}

// plain are methods that say all by their name, since every Go programmer knows
// what they are for.
var plain = []string{"Error", "Unwrap"}

// about reports whether a comment begins with the name that it is about.
func about(comment, name string) bool {
	for _, a := range articles {
		comment = strings.TrimPrefix(comment, a)
	}
	rest, ok := strings.CutPrefix(comment, name)
	return ok && (rest == "" || !isWord(rest[0]))
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		var comments []string
		for name, f := range p.files {
			if f.Doc != nil {
				comments = append(comments, name)
				if !strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ") && f.Name.Name != "main" {
					t.Errorf("%s/%s: the package comment does not begin with %q", p.dir, name, "Package "+f.Name.Name)
				}
			}
		}
		if len(p.files) > 0 && len(comments) != 1 {
			t.Errorf("%s has %d package comments, want one: %q", p.dir, len(comments), comments)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if !p.public() || len(p.files) == 0 {
			continue
		}
		var files []*ast.File
		for _, f := range p.files {
			files = append(files, f)
		}
		d, err := doc.NewFromFiles(p.fset, files, p.path())
		if err != nil {
			t.Fatal(err)
		}
		check := func(name, comment string, at token.Pos) {
			switch last := name[strings.LastIndex(name, ".")+1:]; {
			case comment == "":
				t.Errorf("%v: %s has no comment", p.fset.Position(at), name)
			case !about(comment, last):
				t.Errorf("%v: the comment on %s does not begin with its name", p.fset.Position(at), name)
			}
		}
		values := func(all []*doc.Value) {
			for _, v := range all {
				checkValue(v, check)
			}
		}
		funcs := func(all []*doc.Func, of string) {
			for _, f := range all {
				if of == "" || f.Doc != "" || !slices.Contains(plain, f.Name) {
					check(of+f.Name, f.Doc, f.Decl.Pos())
				}
			}
		}
		values(d.Consts)
		values(d.Vars)
		funcs(d.Funcs, "")
		for _, typ := range d.Types {
			check(typ.Name, typ.Doc, typ.Decl.Pos())
			values(typ.Consts)
			values(typ.Vars)
			funcs(typ.Funcs, "")
			funcs(typ.Methods, typ.Name+".")
		}
	}
}

// checkValue checks constants or variables. In a group, a comment on the whole
// or beside a name is enough, and one above a name is about that.
func checkValue(v *doc.Value, check func(name, comment string, at token.Pos)) {
	if !v.Decl.Lparen.IsValid() {
		check(v.Names[0], v.Doc, v.Decl.Pos())
		return
	}
	for _, spec := range v.Decl.Specs {
		s := spec.(*ast.ValueSpec)
		name := s.Names[0].Name
		switch {
		case !s.Names[0].IsExported():
		case s.Doc != nil:
			check(name, s.Doc.Text(), s.Pos())
		case s.Comment == nil && v.Doc == "":
			check(name, "", s.Pos())
		}
	}
}
