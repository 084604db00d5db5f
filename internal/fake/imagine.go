package fake

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// imagine makes a JSON value that a schema allows, plausible for a text: the
// numbers and the names in it are used where the schema wants some. Keys stand in
// the schema's order. It knows the keywords that tools use; no schema, and one
// that is none, is an object.
func imagine(raw json.RawMessage, text string) json.RawMessage {
	m := imagination{text: text, root: raw}
	m.read(text)
	s, _ := parseSchema(raw)
	if m.resolve(s).kind() != "object" {
		return json.RawMessage(`{}`)
	}
	return m.value("", s, 0)
}

// anyObject is the schema of a JSON answer for which none is given.
var anyObject = json.RawMessage(`{"type":"object","properties":{"answer":{"type":"string"}}}`)

type imagination struct {
	text    string
	root    json.RawMessage
	made    int      // values, so far
	money   []string // numbers with a currency
	numbers []string // the others
	names   []string // things like ord_2H4p and INV-17
}

type schema struct {
	Type       json.RawMessage   `json:"type"` // a string or an array of strings
	Enum       []json.RawMessage `json:"enum"`
	Const      json.RawMessage   `json:"const"`
	Default    json.RawMessage   `json:"default"`
	Properties properties        `json:"properties"`
	Required   []string          `json:"required"`
	Items      json.RawMessage   `json:"items"`
	MinItems   int               `json:"minItems"`
	Minimum    *json.Number      `json:"minimum"`
	Format     string            `json:"format"`
	Ref        string            `json:"$ref"`
	AnyOf      []json.RawMessage `json:"anyOf"`
	OneOf      []json.RawMessage `json:"oneOf"`
	AllOf      []json.RawMessage `json:"allOf"`
}

func parseSchema(raw json.RawMessage) (schema, bool) {
	var s schema
	return s, json.Unmarshal(raw, &s) == nil
}

// properties are the properties of an object, in order.
type properties []property

type property struct {
	name   string
	schema json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *properties) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		var s json.RawMessage
		if err := dec.Decode(&s); err != nil {
			return err
		}
		*p = append(*p, property{name.(string), s})
	}
	return nil
}

// value makes a value for the property of a name, depth levels down.
func (m *imagination) value(name string, s schema, depth int) json.RawMessage {
	const deepest, most = 8, 1000 // schemas may hold themselves
	m.made++
	s = m.resolve(s)
	switch {
	case m.made > most:
		return json.RawMessage("null")
	case s.Const != nil:
		return s.Const
	case len(s.Enum) > 0:
		for _, e := range s.Enum {
			var word string
			if json.Unmarshal(e, &word) == nil && word != "" && strings.Contains(strings.ToLower(m.text), strings.ToLower(word)) {
				return e
			}
		}
		return s.Enum[0]
	case s.Default != nil:
		return s.Default
	}
	switch kind := s.kind(); {
	case kind == "object" && depth < deepest:
		return m.object(s, depth)
	case kind == "array" && depth < deepest:
		return m.array(name, s, depth)
	case kind == "number", kind == "integer":
		return m.number(name, s, kind == "integer")
	case kind == "boolean":
		return json.RawMessage("true")
	case kind == "string", kind == "":
		return encode(m.word(name, s.Format))
	}
	return json.RawMessage("null")
}

// resolve follows a reference or takes the first alternative that is not null.
func (m *imagination) resolve(s schema) schema {
	for range 8 {
		var next json.RawMessage
		switch {
		case s.Ref != "":
			next = m.lookUp(s.Ref)
		case len(s.AnyOf) > 0:
			next = firstNotNull(s.AnyOf)
		case len(s.OneOf) > 0:
			next = firstNotNull(s.OneOf)
		case len(s.AllOf) > 0:
			next = s.AllOf[0]
		default:
			return s
		}
		s, _ = parseSchema(next)
	}
	return schema{}
}

func firstNotNull(of []json.RawMessage) json.RawMessage {
	for _, raw := range of {
		if s, ok := parseSchema(raw); ok && string(s.Type) != `"null"` {
			return raw
		}
	}
	return of[0]
}

// lookUp finds what a reference such as "#/$defs/address" refers to.
func (m *imagination) lookUp(ref string) json.RawMessage {
	at := m.root
	for key := range strings.SplitSeq(strings.TrimPrefix(ref, "#"), "/") {
		if key == "" {
			continue
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(at, &object) != nil {
			return nil
		}
		at = object[key]
	}
	return at
}

// kind is the type of the values that a schema allows, the first that is not
// null if there are several, and empty if it does not say.
func (s schema) kind() string {
	var kinds []string
	var one string
	if json.Unmarshal(s.Type, &one) == nil {
		kinds = []string{one}
	} else if json.Unmarshal(s.Type, &kinds) != nil && len(s.Properties) > 0 {
		return "object"
	}
	kind := ""
	for _, kind = range kinds {
		if kind != "null" {
			break
		}
	}
	return kind
}

// object makes the required properties, or all if none is.
func (m *imagination) object(s schema, depth int) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, p := range s.Properties {
		if len(s.Required) > 0 && !slices.Contains(s.Required, p.name) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(encode(p.name))
		b.WriteByte(':')
		of, _ := parseSchema(p.schema)
		b.Write(m.value(p.name, of, depth+1))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func (m *imagination) array(name string, s schema, depth int) json.RawMessage {
	if s.Items == nil {
		return json.RawMessage("[]")
	}
	of, _ := parseSchema(s.Items)
	items := make([][]byte, max(1, min(s.MinItems, 10)))
	for i := range items {
		items[i] = m.value(strings.TrimSuffix(name, "s"), of, depth+1)
	}
	return slices.Concat([]byte("["), bytes.Join(items, []byte(",")), []byte("]"))
}
