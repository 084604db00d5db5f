package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/provider"
)

// document reads the configuration itself.
func (l *loader) document(path string, d *document) {
	l.dirs = append(l.dirs, l.dir)
	data, err := l.read(path)
	if err != nil {
		l.add("", err)
		return
	}
	var tree any
	if isJSON(path) {
		err = strict.JSON(data, &tree)
	} else {
		err = decodeYAML(data, &tree)
	}
	if err != nil {
		l.add("", err)
		return
	}
	l.add("", strict.Tree(l.expand("", tree), d))
}

// isJSON reports whether a file is in JSON, by its name. All others are in YAML.
func isJSON(file string) bool { return strings.EqualFold(filepath.Ext(file), ".json") }

// decode reads a document other than the configuration into *v.
func decode(file string, data []byte, v any) error {
	if isJSON(file) {
		return strict.JSON(data, v)
	}
	var tree any
	if err := decodeYAML(data, &tree); err != nil {
		return err
	}
	return strict.Tree(tree, v)
}

func decodeYAML(data []byte, tree *any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(tree); err != nil && !errors.Is(err, io.EOF) {
		var several *yaml.TypeError
		if !errors.As(err, &several) {
			return err
		}
		var errs strict.Errors
		for _, e := range several.Errors {
			errs = append(errs, strict.Error{Reason: e})
		}
		return errs
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one document in the file")
	}
	if *tree == nil {
		return errors.New("the file is empty")
	}
	return nil
}

// variable is a name in braces, and also what looks as if it were meant to be
// one.
var variable = regexp.MustCompile(`\$\{([^}]*)\}?`)

// expand replaces ${NAME} in the strings of a tree. What comes from the
// environment is not expanded again.
func (l *loader) expand(path string, tree any) any {
	switch t := tree.(type) {
	case string:
		return variable.ReplaceAllStringFunc(t, func(ref string) string {
			name := variable.FindStringSubmatch(ref)[1]
			if name == "" || !strings.HasSuffix(ref, "}") {
				l.fail(path, "%q: want ${NAME}", ref)
				return ref
			}
			v, _ := l.env(name)
			if v == "" {
				l.fail(path, "the environment variable %s is not set, or empty", name)
			}
			return v
		})
	case []any:
		for i := range t {
			t[i] = l.expand(fmt.Sprintf("%s[%d]", path, i), t[i])
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(t)) {
			t[name] = l.expand(strings.TrimPrefix(path+"."+name, "."), t[name])
		}
	}
	return tree
}

// secret puts the content of the file into a secret that names one.
func (l *loader) secret(path string, s *provider.Secret) {
	name, ok := strings.CutPrefix(s.Reveal(), "file:")
	if !ok {
		return
	}
	data, err := l.read(l.file(name))
	if err != nil {
		l.add(path, err)
		return
	}
	if *s = provider.Secret(strings.TrimSpace(string(data))); *s == "" {
		l.fail(path, "the file %s is empty", name)
	}
}

// file is where a name in the configuration leads to.
func (l *loader) file(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.dir, name)
}

func (l *loader) read(path string) ([]byte, error) {
	if dir := filepath.Dir(path); !slices.Contains(l.dirs, dir) {
		l.dirs = append(l.dirs, dir)
	}
	data, err := os.ReadFile(path)
	fmt.Fprintf(l.sum, "%s %d ", path, len(data))
	l.sum.Write(data)
	return data, err
}

func (l *loader) fail(path, format string, args ...any) {
	l.add(path, strict.Error{Reason: fmt.Sprintf(format, args...)})
}

// add notes errors at path. Of those at the same place the first counts.
func (l *loader) add(path string, err error) {
	for _, e := range strict.At(path, err) {
		if e.Path == "" || !slices.ContainsFunc(l.errs, func(o strict.Error) bool { return o.Path == e.Path }) {
			l.errs = append(l.errs, e)
		}
	}
}

// in notes errors in another file of the configuration.
func (l *loader) in(file string, err error) {
	if rel, err := filepath.Rel(l.dir, file); err == nil {
		file = rel
	}
	var found strict.Errors
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			found = append(found, strict.At("", err)...)
		}
	} else {
		found = strict.At("", err)
	}
	for _, e := range found {
		at := file + e.Path // such as policies.json[0].name
		if e.Path != "" && e.Path[0] != '[' {
			at = file + ": " + e.Path
		}
		l.errs = append(l.errs, strict.Error{Path: at, Reason: e.Reason})
	}
}
