package translate

import "slices"

// format writes the format that the answer is bound to, if there is one.
func (c *chatWriter) format(format []byte) {
	const path = "output_config.format"
	if format == nil {
		return
	}
	var schema []byte
	c.object(format, path, func(name, value []byte) {
		switch string(name) {
		case "type":
			if typ := string(word(value)); typ != "json_schema" {
				c.refuse(path+".type", "%.80q is not known", typ)
			}
		case "schema":
			schema = value
		default:
			c.unknown(path, path, name)
		}
	})
	switch {
	case !begins(schema, '{'):
		c.refuse(path+".schema", "an object is wanted")
	case !c.can.structured:
		c.refuse(path, "the model %q cannot be held to a schema; ask for it in a message, and check the answer", c.model)
	}
	if c.err != nil {
		return
	}
	c.schema(schema, path+".schema")
	c.put(`,"response_format":{"type":"json_schema","json_schema":{"name":"output","strict":`)
	if strictSchema(schema) {
		c.put(`true`)
	} else {
		c.put(`false`)
		c.notes.Add(path, "not strict")
	}
	c.put(`,"schema":`)
	c.b = append(c.b, schema...)
	c.put(`}}`)
}

// schema makes sure that an object is a schema that Chat Completions takes at all.
func (c *chatWriter) schema(schema []byte, path string) {
	typ := []byte(nil)
	c.object(schema, path, func(name, value []byte) {
		switch string(name) {
		case "type":
			typ = word(value)
		case "anyOf", "oneOf", "allOf", "not", "enum":
			c.refuse(path+"."+string(name), "OpenAI does not take it at the top of a schema; put it in a property")
		}
	})
	switch {
	case string(typ) != "object":
		c.refuse(path+".type", `it is to be "object"`)
	default:
		if err := unique(schema); err != nil {
			c.broken(path, err)
		}
	}
}

// What OpenAI's strict mode takes of a schema.
const (
	maxSchemaDepth = 10   // objects one in another
	maxProperties  = 5000 // of all objects

	maxSchemas = 32 // one in another, of any kind: no more are looked into
)

// strictSchema reports whether OpenAI can hold an answer strictly to a schema: in all its
// objects every property is required and none is additional, and there are no words in it
// but those that are taken. What is doubtful is not.
func strictSchema(schema []byte) bool {
	s := strictness{ok: true}
	s.schema(schema, 1)
	return s.ok
}

// A strictness judges a schema.
type strictness struct {
	ok         bool
	properties int
	within     int // schemas that are being judged
}

func (s *strictness) schema(raw []byte, depth int) {
	if !s.ok || depth > maxSchemaDepth || s.within == maxSchemas || !begins(raw, '{') {
		s.ok = false
		return
	}
	s.within++
	defer func() { s.within-- }()
	var names, required []string
	object, closed, tells := false, false, false
	err := members(raw, func(name, value []byte) error {
		switch string(name) {
		case "type":
			tells = true
			object = string(word(value)) == "object" || slices.Contains(words(value), "object")
		case "$ref", "enum", "const":
			tells = true
		case "anyOf":
			tells = true
			s.each(value, depth)
		case "items":
			s.schema(value, depth)
		case "properties":
			names = s.named(value, depth)
		case "$defs", "definitions":
			s.named(value, 0)
		case "required":
			required = words(value)
		case "additionalProperties":
			closed = string(value) == "false"
		case "format":
			s.ok = s.ok && slices.Contains(strictFormats, string(word(value)))
		case "$schema", "$id", "title", "description", "pattern", "multipleOf", "minimum", "maximum",
			"exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems":
		default:
			s.ok = false
		}
		return nil
	})
	s.properties += len(names)
	s.ok = s.ok && err == nil && tells && s.properties <= maxProperties
	if object || names != nil {
		slices.Sort(names)
		slices.Sort(required)
		s.ok = s.ok && closed && slices.Equal(names, required)
	}
}

// strictFormats are those of texts.
var strictFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}

// named judges schemas by name, one level deeper, and returns the names.
func (s *strictness) named(raw []byte, depth int) (names []string) {
	err := members(raw, func(name, value []byte) error {
		names = append(names, string(name))
		s.schema(value, depth+1)
		return nil
	})
	s.ok = s.ok && err == nil
	return names
}

// each judges the schemas of a list.
func (s *strictness) each(raw []byte, depth int) {
	err := elements(raw, func(value []byte) error {
		s.schema(value, depth)
		return nil
	})
	s.ok = s.ok && err == nil
}

// words are the texts in a list.
func words(list []byte) (words []string) {
	_ = elements(list, func(element []byte) error {
		words = append(words, string(word(element)))
		return nil
	})
	return words
}
