// Cut makes the schemas of this module out of the published descriptions of the APIs:
//
//	go run ./cut openai openapi.json schemas/openai.json.gz
//	go run ./cut anthropic generated.json schemas/anthropic-2023-06-01.json.gz
//
// The first reads OpenAI's OpenAPI document, the second what ts-json-schema-generator
// makes of the types of Anthropic's SDK for TypeScript. What a validator has no use for
// is left out. The same description gives the same file, byte for byte.
package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
)

type object = map[string]any

// The names that the definitions of OpenAI have here, and in its document.
var openaiRoots = map[string]string{
	"ChatRequest":  "CreateChatCompletionRequest",
	"ChatAnswer":   "CreateChatCompletionResponse",
	"ChatChunk":    "CreateChatCompletionStreamResponse",
	"ErrorAnswer":  "ErrorResponse",
	"ModelsAnswer": "ListModelsResponse",
	"ModelsEntry":  "Model",
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: cut openai|anthropic <description> <file.json.gz>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "cut:", err)
		os.Exit(1)
	}
}

func run(kind, source, target string) error {
	raw, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	var doc object
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	var defs object
	switch kind {
	case "openai":
		defs, err = openai(doc)
	case "anthropic":
		defs, err = anthropic(doc)
	default:
		err = fmt.Errorf("%q is neither openai nor anthropic", kind)
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(object{"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": defs})
	if err != nil {
		return err
	}
	return write(target, text)
}

// write packs text without a name or a time, which would differ from run to run.
func write(target string, text []byte) (err error) {
	f, err := os.Create(target)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text); err != nil {
		return err
	}
	return z.Close()
}

// openai returns what the roots need of an OpenAPI document.
func openai(doc object) (object, error) {
	components, _ := doc["components"].(object)
	all, _ := components["schemas"].(object)
	defs := object{}
	var open []string
	need := func(name string) { open = append(open, name) }
	for as, name := range openaiRoots {
		defs[as] = object{"$ref": "#/$defs/" + name}
		need(name)
	}
	merged := map[string]bool{} // by allOf, which another schema closes
	for len(open) > 0 {
		name := open[len(open)-1]
		open = open[:len(open)-1]
		if _, ok := defs[name]; ok {
			continue
		}
		s, ok := all[name].(object)
		if !ok {
			return nil, fmt.Errorf("there is no schema %q", name)
		}
		c := cutter{need: need, merged: merged, closes: true}
		cut, err := c.schema(s, false)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defs[name] = cut
	}
	for name := range merged {
		delete(defs[name].(object), "unevaluatedProperties")
	}
	amendOpenAI(defs)
	return defs, nil
}

// anthropic returns the definitions of a generated schema.
func anthropic(doc object) (object, error) {
	all, _ := doc["definitions"].(object)
	if all == nil {
		return nil, fmt.Errorf("there are no definitions")
	}
	defs := object{}
	c := cutter{need: func(string) {}, merged: map[string]bool{}}
	for name, s := range all {
		cut, err := c.schema(s.(object), false)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defs[name] = cut
	}
	amendAnthropic(defs)
	return defs, nil
}
