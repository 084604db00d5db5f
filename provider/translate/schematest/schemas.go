// Package schematest holds what OpenAI and Anthropic publish of the shapes of their
// APIs, as JSON Schemas, and proves on recorded exchanges that translations have
// them.
package schematest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// A Set is the schemas of one version of an API.
type Set string

// The sets. A beta is what Anthropic's API takes and gives with "anthropic-beta".
const (
	OpenAI            Set = "openai"
	Anthropic2023     Set = "anthropic-2023-06-01"
	Anthropic2023Beta Set = "anthropic-2023-06-01-beta"
	Anthropic2026     Set = "anthropic-2026-10-21"
	Anthropic2026Beta Set = "anthropic-2026-10-21-beta"
)

// The names of the schemas in a set: the first three in OpenAI's, the next three in
// Anthropic's, and then those that are in each.
const (
	ChatRequest = "ChatRequest"
	ChatAnswer  = "ChatAnswer"
	ChatChunk   = "ChatChunk"

	MessagesRequest = "MessagesRequest"
	MessagesAnswer  = "MessagesAnswer"
	MessagesEvent   = "MessagesEvent"

	ErrorAnswer = "ErrorAnswer"
	ModelsEntry = "ModelsEntry" // of the list of models
)

//go:embed schemas/*.json.gz
var files embed.FS

var (
	mu       sync.Mutex
	compiled = map[string]*jsonschema.Schema{}
)

// Validate returns what is wrong with a JSON text by a schema: nothing, or one line for
// each fault, sorted, such as "messages.#.content: lacks type". Elements have no numbers in it, so
// that faults of one kind are one line. It panics if there is no such schema.
func Validate(set Set, name string, text []byte) []string {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []string{"no JSON: " + err.Error()}
	}
	err = schema(set, name).Validate(v)
	if err == nil {
		return nil
	}
	found := map[string]bool{}
	collect(err.(*jsonschema.ValidationError), found) //nolint:errorlint // It is never wrapped.
	faults := slices.Sorted(maps.Keys(found))
	// Of an object with a fault no member counts as known.
	return slices.DeleteFunc(faults, func(unknown string) bool {
		at, ok := strings.CutSuffix(unknown, notKnown)
		return ok && slices.ContainsFunc(faults, func(f string) bool { return strings.Count(f, ".") > strings.Count(at, ".") })
	})
}

const notKnown = ": is not known"

func schema(set Set, name string) *jsonschema.Schema {
	mu.Lock()
	defer mu.Unlock()
	url := "https://schemas.invalid/" + string(set)
	key := url + "#/$defs/" + name
	if s := compiled[key]; s != nil {
		return s
	}
	packed, err := files.ReadFile("schemas/" + string(set) + ".json.gz")
	if err != nil {
		panic(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(err)
	}
	doc, err := jsonschema.UnmarshalJSON(z)
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(url, doc); err != nil {
		panic(err)
	}
	compiled[key] = c.MustCompile(key)
	return compiled[key]
}

// collect adds the faults at the ends of a tree of them. Of alternatives it follows
// the one that was meant: whose kind, role or type the value has, or else the one with
// the least faults.
func collect(e *jsonschema.ValidationError, found map[string]bool) {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		var best map[string]bool
		bestAt := -1
		for _, cause := range e.Causes {
			faults := map[string]bool{}
			collect(cause, faults)
			at := weigh(cause, len(e.InstanceLocation))
			if best == nil || at < bestAt || at == bestAt && len(faults) < len(best) {
				best, bestAt = faults, at
			}
		}
		if best != nil {
			maps.Copy(found, best)
			return
		}
	}
	if len(e.Causes) == 0 {
		found[where(e.InstanceLocation)+what(e.ErrorKind)] = true
		return
	}
	for _, cause := range e.Causes {
		collect(cause, found)
	}
}

// weigh says how far an alternative is from what was meant: 2 if the value is of
// another type of JSON, 1 if it is another kind of object, 0 if it is a faulty one of that kind.
func weigh(e *jsonschema.ValidationError, depth int) int {
	w := 0
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		if len(e.InstanceLocation) == depth {
			w = 2
		}
	case *kind.Const, *kind.Enum:
		if n := len(e.InstanceLocation); n == depth || n == depth+1 && tells(e.InstanceLocation[depth]) {
			w = 1
		}
	case *kind.Required:
		for _, m := range k.Missing {
			if len(e.InstanceLocation) == depth && tells(m) {
				w = 1
			}
		}
	}
	for _, cause := range e.Causes {
		w = max(w, weigh(cause, depth))
	}
	return w
}

func tells(member string) bool { return member == "type" || member == "role" || member == "object" }

// where writes a path without the numbers of elements.
func where(path []string) string {
	if len(path) == 0 {
		return "the whole"
	}
	steps := slices.Clone(path)
	for i, s := range steps {
		if strings.Trim(s, "0123456789") == "" {
			steps[i] = "#"
		}
	}
	return strings.Join(steps, ".")
}

// what tells a fault without values, which differ from case to case.
func what(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Required:
		return ": lacks " + strings.Join(slices.Sorted(slices.Values(k.Missing)), ", ")
	case *kind.AdditionalProperties:
		return ": has " + strings.Join(slices.Sorted(slices.Values(k.Properties)), ", ")
	case *kind.Type:
		return fmt.Sprintf(": is %s, not %s", k.Got, strings.Join(k.Want, " or "))
	case *kind.Enum:
		return fmt.Sprintf(": is %v", k.Got)
	case *kind.Const:
		return fmt.Sprintf(": is %v, not %v", k.Got, k.Want)
	case *kind.FalseSchema:
		return notKnown
	}
	return ": " + strings.Join(k.KeywordPath(), "/")
}
