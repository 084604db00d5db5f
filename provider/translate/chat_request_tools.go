package translate

import (
	"bytes"
	"strconv"

	"github.com/rungate/rungate/provider/internal/wire"
)

// tooling is what is known of the tools of a request.
type tooling struct {
	declared int // tools that the request has
	stricts  int // of them, those that hold the model to their schema
	limits   schemaCounts
	known    map[string]bool // by the names that they are sent under
	allowed  map[string]bool // those that may be called; nil is all
	forced   bool            // one is to be called
}

// tools translates the tools of a request, and functions, which are tools of old. It
// may have none while the history has calls: that is taken as it is.
func (t *messagesWriter) tools(o entries) {
	tools, functions := o.take("tools"), o.take("functions")
	t.allow(o)
	switch {
	case t.err != nil, tools == nil && functions == nil:
		return
	case tools != nil && functions != nil:
		t.refuse("functions", "there are tools as well; declare all as tools")
		return
	}
	list, field := tools, "tools"
	if functions != nil {
		list, field = functions, "functions"
		t.back.legacy = true
	}
	t.list(field, list, func(i int, value []byte) {
		before := len(t.arena)
		t.declare(field+"."+strconv.Itoa(i), value, functions != nil)
		t.arena = t.arena[:before]
	})
	if t.declared > 0 {
		t.out = append(t.out, ']')
	}
}

// declare translates the declaration of a tool.
func (t *messagesWriter) declare(field string, value []byte, legacy bool) {
	if !legacy {
		o := t.open(field, value)
		kind := word(o.take("type"))
		if t.err == nil && string(kind) != "function" {
			t.refuse(field, "a tool of this type has no like at the other API; declare a function")
			return
		}
		value = o.take("function")
		t.restIn(field, o)
		field += ".function"
	}
	o := t.open(field, value)
	name, description := string(word(o.take("name"))), o.take("description")
	parameters, strict := o.take("parameters"), begins(o.take("strict"), 't')
	t.restIn(field, o)
	switch {
	case t.err != nil || t.allowed != nil && !t.allowed[name]:
		return
	case name == "":
		t.refuse(field+".name", "a name is wanted")
		return
	case t.known[fitting(name)]:
		t.refuse(field+".name", "another tool has the same name; give each its own")
		return
	}
	if t.known == nil {
		t.known = map[string]bool{}
		t.key("tools")
		t.out = append(t.out, '[')
	}
	t.known[fitting(name)] = true
	t.declared++
	t.comma()
	t.out = append(t.out, `{"name":`...)
	t.out = wire.AppendString(t.out, t.back.names.fit(name))
	if begins(description, '"') && !blank(description) {
		t.key("description")
		t.out = append(t.out, description...)
	}
	if strict && t.strict(parameters) {
		t.out = append(t.out, `,"strict":true`...)
	} else if strict {
		t.note(field+".strict", "dropped")
	}
	t.key("input_schema")
	t.parameters(field+".parameters", parameters)
	t.out = append(t.out, '}')
}

// parameters writes the schema of a tool's input, which says of itself that it is one
// of an object.
func (t *messagesWriter) parameters(field string, schema []byte) {
	if schema == nil {
		schema = []byte(`{}`)
	}
	o := t.open(field, schema)
	for _, name := range []string{"anyOf", "oneOf", "allOf"} {
		if o.take(name) != nil {
			t.refuse(field, "the other API takes no "+strconv.Quote(name)+" at the root of a schema; put it into a property")
			return
		}
	}
	t.misread(field, unique(schema))
	kind := o.take("type")
	switch {
	case t.err != nil:
	case len(o) == 0:
		t.out = append(t.out, `{"type":"object","properties":{}}`...)
	case kind == nil && !declares(o, "type"):
		t.out = append(t.out, `{"type":"object",`...)
		t.out = append(t.out, bytes.TrimLeft(schema[1:], " \t\r\n")...)
	case string(word(kind)) != "object":
		t.refuse(field, `the other API takes objects only; let the schema's type be "object"`)
	default:
		t.out = append(t.out, schema...)
	}
}

// declares reports whether an object has a member, be it null.
func declares(o entries, name string) bool {
	for _, m := range o {
		if string(m.name) == name {
			return true
		}
	}
	return false
}
