package strict

import (
	"strconv"
	"strings"
)

// An Error is one thing that is wrong with a document.
type Error struct {
	Path   string // such as "policies[0].budgets[1].limit_usd"; empty is the document
	Reason string
}

func (e Error) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Errors are all things that are wrong with a document.
type Errors []Error

// Error gives one line to each error.
func (es Errors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// Unwrap returns each error.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// At locates err at path: an Error or Errors below it, any other error at it.
// For nil it is nil.
func At(path string, err error) Errors {
	switch e := err.(type) { //nolint:errorlint // what wraps one has more to say than it
	case nil:
		return nil
	case Error:
		return Errors{{Path: join(path, e.Path), Reason: e.Reason}}
	case Errors:
		out := make(Errors, len(e))
		for i := range e {
			out[i] = Error{Path: join(path, e[i].Path), Reason: e[i].Reason}
		}
		return out
	}
	return Errors{{Path: path, Reason: err.Error()}}
}

func join(path, rest string) string {
	if path == "" || rest == "" || rest[0] == '[' {
		return path + rest
	}
	return path + "." + rest
}

// member is the path of a named value below path.
func member(path, name string) string {
	plain := name != ""
	for _, c := range name {
		plain = plain && (c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
	}
	if !plain {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return join(path, name)
}

// element is the path of the i-th value below path.
func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// within reports whether a path is outer or lies below it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (outer == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}
