package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A schema is what has been read of a JSON Schema, as far as it matters to whether a
// model can be held to it.
type schema struct {
	scan jsonscan.Scanner
	schemaCounts
	outside string   // the first keyword that it cannot be held to; empty is none
	narrow  []string // keywords that it cannot be held to either, and is the same without but for allowing more
	free    bool     // there is an object with members that the schema does not name
	edits   []edit   // that close objects which may as well be closed, and cut out what is narrow

	definition  string              // that is being read
	definitions int                 // that have been read
	refs        map[string][]string // definitions, and which others they refer to
	joined      int                 // schemas that are being read within an allOf
}

// An edit puts a text in the place of another one.
type edit struct {
	from, to int
	text     string
}

// maxDefinitions is how many definitions of a schema are looked into.
const maxDefinitions = 1000

// schemaCounts are how much of that schemas use.
type schemaCounts struct{ optional, unions int }

// readSchema reads a schema.
func readSchema(value []byte) (*schema, error) {
	c := &schema{refs: map[string][]string{}}
	c.scan.Reset(value)
	c.read()
	c.scan.End()
	if c.recursive() {
		c.fault("$ref")
	}
	slices.SortFunc(c.edits, func(a, b edit) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	return c, c.scan.Err()
}

// fault notes a keyword.
func (c *schema) fault(keyword string) {
	if c.outside == "" {
		c.outside = keyword
	}
}

// read reads the schema that comes next.
func (c *schema) read() {
	s := &c.scan
	if s.Kind() != jsonscan.Object {
		c.fault("true")
		s.Skip()
		return
	}
	var (
		begin             = s.Pos() + 1
		isObject, told    bool
		members, required int
		cut               = edit{from: -1} // the members before this one that are cut out
		kept              = begin          // where the last one ends that is not
	)
	s.Object(func(key []byte) {
		if c.narrows(key) {
			if cut.from < 0 {
				cut.from = s.KeyPos()
			}
			_, cut.to = s.Skip()
			return
		}
		if cut.from >= 0 {
			cut.to = s.KeyPos()
			c.edits = append(c.edits, cut)
			cut.from = -1
		}
		defer func() { kept = s.Pos() }()
		switch string(key) {
		case "type":
			isObject = c.types() || isObject
		case "properties":
			isObject = true
			s.Object(func([]byte) {
				members++
				c.read()
			})
		case "required":
			s.Array(func(int) { required++ })
		case "additionalProperties":
			told = true
			if s.Kind() != jsonscan.Bool || s.Bool() {
				c.free = true
			}
		case "items":
			c.read()
		case "anyOf":
			c.unions++
			s.Array(func(int) { c.read() })
		case "allOf":
			c.joined++
			s.Array(func(int) { c.read() })
			c.joined--
		case "$defs", "definitions":
			s.Object(func(name []byte) {
				if c.definitions++; c.definitions > maxDefinitions {
					c.fault("$defs")
					return
				}
				outer := c.definition
				c.definition = string(name)
				c.read()
				c.definition = outer
			})
		case "$ref":
			c.ref(string(s.Str()))
		case "enum":
			s.Array(func(int) {
				if k := s.Kind(); k == jsonscan.Object || k == jsonscan.Array {
					c.fault("enum")
				}
			})
		case "minItems": // 0 or 1
			s.Int()
		case "const", "format", "pattern", "default", "title", "description", "examples", "$schema", "$id", "$comment", "deprecated":
			s.Skip()
		default:
			c.fault(cleaned(key))
			s.Skip()
		}
	})
	if cut.from >= 0 { // with the comma before them
		c.edits = append(c.edits, edit{from: kept, to: cut.to})
	}
	c.optional += max(0, members-required)
	switch {
	case !isObject || told:
	case members == 0:
		c.free = true
	case c.joined > 0: // closed, the parts of an allOf would shut each other out
		c.fault("allOf")
	default:
		c.edits = append(c.edits, edit{begin, begin, `"additionalProperties":false,`})
	}
}

// narrows reports whether a member only allows less of a number, a text or a list than
// its type does.
func (c *schema) narrows(key []byte) bool {
	keyword := string(key)
	switch keyword {
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems", "uniqueItems":
	case "minItems":
		if few := c.scan; few.Int() <= 1 {
			return false
		}
	case "format":
		if of := c.scan; slices.Contains(textFormats, string(of.Str())) {
			return false
		}
	default:
		return false
	}
	if !slices.Contains(c.narrow, keyword) {
		c.narrow = append(c.narrow, keyword)
	}
	return true
}

// textFormats are the formats of texts that a model can be held to.
var textFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

// types reads the type of a schema, or its types, and reports whether that may be an
// object.
func (c *schema) types() (isObject bool) {
	s := &c.scan
	if s.Kind() != jsonscan.Array {
		return string(s.Str()) == "object"
	}
	n := 0
	s.Array(func(int) {
		n++
		isObject = string(s.Str()) == "object" || isObject
	})
	if n > 1 {
		c.unions++
	}
	return isObject
}

// ref notes a reference to a definition.
func (c *schema) ref(to string) {
	for _, at := range []string{"#/$defs/", "#/definitions/"} {
		if name, ok := strings.CutPrefix(to, at); ok && !strings.Contains(name, "/") {
			c.refs[c.definition] = append(c.refs[c.definition], name)
			return
		}
	}
	c.fault("$ref") // to itself, or to something that is not here
}

// recursive reports whether a definition refers to itself, be it by way of others.
func (c *schema) recursive() bool {
	const open, done = 1, 2
	state := map[string]int{}
	var visit func(name string) bool
	visit = func(name string) bool {
		switch state[name] {
		case open:
			return true
		case done:
			return false
		}
		state[name] = open
		if slices.ContainsFunc(c.refs[name], visit) {
			return true
		}
		state[name] = done
		return false
	}
	for name := range c.refs {
		if visit(name) {
			return true
		}
	}
	return false
}
