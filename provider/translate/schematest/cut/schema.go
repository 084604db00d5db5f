package main

import (
	"fmt"
	"slices"
	"strings"
)

// Keywords that are kept as they stand, and those that a validator has no use for.
var (
	kept = []string{
		"type", "const", "enum", "required", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
		"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems", "not",
	}
	dropped = []string{
		"description", "title", "default", "example", "examples", "deprecated", "format", "discriminator", "nullable",
		"$schema", "$comment", "$recursiveAnchor", "readOnly",
	}
)

// A cutter makes a definition of a published schema.
type cutter struct {
	need   func(name string) // of a definition that is referred to
	merged map[string]bool   // the definitions that are merged into others by allOf
	closes bool              // an object that does not say so has no other members than those it names
}

// schema returns s without what is not needed. Merging says that s is a part of an
// object, which is closed as a whole.
func (c *cutter) schema(s object, merging bool) (object, error) {
	out := object{}
	for k, v := range s {
		var err error
		switch {
		case k == "$ref":
			name := v.(string)[strings.LastIndexByte(v.(string), '/')+1:]
			out[k] = "#/$defs/" + name
			c.need(name)
			if merging {
				c.merged[name] = true
			}
		case k == "properties":
			out[k], err = c.members(v.(object))
		case k == "items", k == "additionalProperties":
			out[k] = v
			if sub, ok := v.(object); ok {
				out[k], err = c.schema(sub, false)
			}
		case k == "allOf":
			out[k], err = c.list(v.([]any), true)
		case k == "anyOf", k == "oneOf":
			out[k], err = c.list(v.([]any), merging)
		case slices.Contains(kept, k):
			out[k] = v
		case !slices.Contains(dropped, k) && !strings.HasPrefix(k, "x-"):
			err = fmt.Errorf("the keyword %q is not known", k)
		}
		if err != nil {
			return nil, err
		}
	}
	_, members := s["properties"]
	_, parts := s["allOf"]
	if _, said := s["additionalProperties"]; c.closes && !said && !merging && (members || parts && s["type"] == nil) {
		out["unevaluatedProperties"] = false
	}
	if s["nullable"] == true {
		return nullable(out), nil
	}
	return out, nil
}

// nullable returns s, which allows null besides.
func nullable(s object) object {
	kind, ok := s["type"].(string)
	if !ok {
		return object{"anyOf": []any{s, object{"type": "null"}}}
	}
	s["type"] = []any{kind, "null"}
	if values, ok := s["enum"].([]any); ok {
		s["enum"] = append(slices.Clone(values), nil)
	}
	return s
}

func (c *cutter) members(of object) (object, error) {
	out := object{}
	for name, s := range of {
		cut, err := c.schema(s.(object), false)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = cut
	}
	return out, nil
}

func (c *cutter) list(of []any, merging bool) ([]any, error) {
	var out []any
	for _, s := range of {
		cut, err := c.schema(s.(object), merging)
		if err != nil {
			return nil, err
		}
		out = append(out, cut)
	}
	return out, nil
}
