package translate

import "github.com/rungate/rungate/provider/internal/wire"

// format reads which form the answer is to have.
func (t *messagesWriter) format(o entries) {
	const field = "response_format"
	value := o.take(field)
	if value == nil {
		return
	}
	before := len(t.arena)
	defer func() { t.arena = t.arena[:before] }()
	outer := t.open(field, value)
	switch string(word(outer.take("type"))) {
	case "text":
	case "json_object":
		t.object = true
		t.note(field, "asked for in the system prompt")
	case "json_schema":
		inner := t.open(field+".json_schema", outer.take("json_schema"))
		inner.take("name")
		inner.take("description")
		inner.take("strict") // it is held to either way
		t.form = inner.take("schema")
		t.restIn(field+".json_schema", inner)
		switch {
		case t.form == nil:
			t.refuse(field+".json_schema.schema", "a schema is wanted")
		case !t.can.structured || !t.can.vendors: // compatible servers do not read the member
			t.refuse(field, "the model cannot be held to a schema; ask for JSON in words, or use a newer model")
		}
	default:
		t.refuse(field, "a format of this type has no like at the other API; it is text, json_object or json_schema")
	}
	t.restIn(field, outer)
}

// output writes which form the answer is to have, and with what effort it is made.
func (t *messagesWriter) output(effort string) {
	if t.form == nil && effort == "" {
		return
	}
	t.key("output_config")
	t.out = append(t.out, '{')
	if effort != "" {
		t.key("effort")
		t.out = wire.AppendString(t.out, effort)
	}
	if t.form != nil {
		t.key("format")
		t.out = append(t.out, `{"type":"json_schema","schema":`...)
		t.answerSchema("response_format.json_schema.schema", t.form)
		t.out = append(t.out, '}')
	}
	t.out = append(t.out, '}')
}
