package translate

import (
	"bytes"
	"fmt"
)

// A definition is a tool of the request, by the JSON texts of its members.
type definition struct {
	typ, name, description, schema, examples []byte
	strict                                   bool
	unknown                                  [][]byte // names of members
}

// declareTools writes the tools.
func (c *chatWriter) declareTools() {
	s := c.top[memberTools]
	if s.none() {
		return
	}
	begun := len(c.b)
	c.put(`,"tools":[`)
	c.list(c.raw(s), "tools", func(i int, tool []byte) {
		if c.err == nil {
			c.declare(fmt.Sprintf("tools.%d", i), tool)
		}
	})
	if len(c.tools) > maxCalls && c.can.vendors {
		c.refuse("tools", "there are %d, and OpenAI takes no more than %d", len(c.tools), maxCalls)
	}
	if len(c.tools) == 0 {
		c.b = c.b[:begun] // an empty list is refused there
		return
	}
	c.put(`]`)
}

// declare writes a tool.
func (c *chatWriter) declare(path string, tool []byte) {
	var d definition
	if !c.define(&d, path, tool) {
		return
	}
	name := c.fitting(d.name, &c.names)
	switch {
	case c.tools[string(name)]:
		c.refuse(path+".name", "%.80s is declared already", name)
		return
	case c.tools == nil:
		c.tools = make(map[string]bool)
	default:
		c.put(`,`)
	}
	c.tools[string(name)] = true
	c.put(`{"type":"function","function":{"name":`)
	c.b = append(c.b, name...)
	c.describe(&d, path)
	c.put(`,"parameters":`)
	c.b = append(c.b, d.schema...)
	if d.strict {
		if c.can.structured && strictSchema(d.schema) {
			c.put(`,"strict":true`)
		} else {
			c.notes.Add("tools.strict", "dropped")
		}
	}
	c.put(`}}`)
}

// define reads a tool, and reports whether it can be declared.
func (c *chatWriter) define(d *definition, path string, tool []byte) bool {
	c.object(tool, path, func(name, value []byte) {
		switch string(name) {
		case "type":
			d.typ = value
		case "name":
			d.name = value
		case "description":
			d.description = value
		case "input_schema":
			d.schema = value
		case "input_examples":
			d.examples = value
		case "strict":
			d.strict = value[0] == 't'
		case "defer_loading":
			if value[0] == 't' {
				c.notes.Add("tools.defer_loading", "dropped")
			}
		case "allowed_callers":
			if string(value) != `["direct"]` {
				c.notes.Add("tools.allowed_callers", "dropped")
			}
		case "eager_input_streaming":
			c.notes.Add("tools.eager_input_streaming", "dropped")
		case "cache_control":
			c.cached(value, path) // the tools come before all messages: none can be marked there
		default:
			d.unknown = append(d.unknown, bytes.Clone(name))
		}
	})
	if typ := string(word(d.typ)); d.typ != nil && typ != "custom" {
		c.refuse(path+".type", "a tool of the type %.80q is known to Anthropic only; declare one of your own, with an input_schema", typ)
	}
	for _, name := range d.unknown {
		c.unknown(path, "tools", name)
	}
	switch {
	case c.err != nil:
	case !begins(d.name, '"') || len(contents(d.name)) == 0:
		c.refuse(path+".name", "it is missing")
	case !begins(d.schema, '{'):
		c.refuse(path+".input_schema", "an object is wanted")
	case d.description != nil && !begins(d.description, '"'):
		c.refuse(path+".description", "a text is wanted")
	default:
		c.schema(d.schema, path+".input_schema")
	}
	return c.err == nil
}

// describe writes the description of a tool, with the examples of its input.
func (c *chatWriter) describe(d *definition, path string) {
	if d.description == nil && d.examples == nil {
		return
	}
	c.put(`,"description":"`)
	if d.description != nil {
		c.b = append(c.b, contents(d.description)...)
	}
	if d.examples != nil {
		c.list(d.examples, path+".input_examples", func(i int, example []byte) {
			if i == 0 {
				c.put(`\n\nExamples of the input:`)
			}
			c.put(`\n`)
			c.b = appendQuoted(c.b, example)
		})
	}
	c.put(`"`)
}

// chooseTool writes which tool is to be called, and whether several can be at once.
func (c *chatWriter) chooseTool() {
	const path = "tool_choice"
	s := c.top[memberToolChoice]
	if s.none() {
		return
	}
	var typ, name []byte
	single := false
	c.object(c.raw(s), path, func(member, value []byte) {
		switch string(member) {
		case "type":
			typ = word(value)
		case "name":
			name = value
		case "disable_parallel_tool_use":
			single = value[0] == 't'
		default:
			c.unknown(path, path, member)
		}
	})
	choice := ""
	switch string(typ) {
	case "auto":
		choice = `"auto"`
	case "none":
		choice, single = `"none"`, false
	case "any":
		choice = `"required"`
	case "tool":
		if !begins(name, '"') {
			c.refuse(path+".name", "it is missing")
			return
		}
		chosen := c.fitting(name, &c.names)
		if !c.tools[string(chosen)] {
			c.refuse(path+".name", "the request declares no tool %.80s", chosen)
		}
		choice = `{"type":"function","function":{"name":` + string(chosen) + `}}`
	default:
		c.refuse(path+".type", "%.80q is not known", typ)
	}
	switch {
	case len(c.tools) > 0: // without any, neither member is taken
		c.put(`,"tool_choice":` + choice)
		if single && c.can.parallel {
			c.put(`,"parallel_tool_calls":false`)
		} else if single {
			c.notes.Add("tool_choice.disable_parallel_tool_use", "dropped")
		}
	case choice == `"required"`:
		c.refuse(path, "there is no tool that could be called; declare it")
	}
}
