package translate

import (
	"bytes"
	"strconv"

	"github.com/rungate/rungate/provider/internal/wire"
)

// A use is a call of a tool, in the turn of an assistant.
type use struct {
	id       string
	fit      string // the id as it is sent
	function string // the name, for a function_call, which has no id; else empty
	answered bool
}

// assistant translates what an assistant has said: its text, then its calls.
func (t *messagesWriter) assistant(o entries) {
	t.answers = true
	if o.take("audio") != nil {
		t.refuse("audio", "sound that the other provider keeps cannot be heard there; send the transcript as text")
		return
	}
	for _, name := range []string{"reasoning_content", "reasoning", "reasoning_details"} { // of compatible servers
		if thought := o.take(name); thought != nil && (!begins(thought, '"') || !blank(thought)) {
			t.note(name, "dropped")
		}
	}
	if notes := o.take("annotations"); notes != nil && string(notes) != "[]" {
		t.note("annotations", "dropped")
	}
	o.take("parsed") // the content once more, of an SDK
	t.content(o, asAssistant)
	if refusal := o.take("refusal"); begins(refusal, '"') && !blank(refusal) {
		t.text(refusal, asAssistant, "")
		t.note("refusal", "as text")
	}
	calls, legacy := o.take("tool_calls"), o.take("function_call")
	t.rest(o)
	if calls != nil {
		t.list("tool_calls", calls, t.toolCall)
	}
	if legacy != nil && t.err == nil {
		id := "call_" + strconv.Itoa(t.message) // by its place, the same in each turn
		t.function(legacy, "function_call", id, true)
	}
}

// toolCall translates a call.
func (t *messagesWriter) toolCall(i int, value []byte) {
	field := "tool_calls." + strconv.Itoa(i)
	before := len(t.arena)
	o := t.open(field, value)
	kind, id, function := word(o.take("type")), word(o.take("id")), o.take("function")
	o.take("index")                     // of a stream that has been put together
	if o.take("extra_content") != nil { // signed for Gemini alone
		t.note("tool_calls.extra_content", "dropped")
	}
	switch {
	case t.err != nil:
	case kind != nil && string(kind) != "function":
		t.refuse(field, "a call of this type has no like at the other API")
	case len(id) == 0:
		t.refuse(field+".id", "an id is wanted")
	default:
		t.restIn(field, o)
		t.function(function, field+".function", string(id), false)
	}
	t.arena = t.arena[:before]
}

// function translates the function of a call.
func (t *messagesWriter) function(value []byte, field, id string, legacy bool) {
	before := len(t.arena)
	o := t.open(field, value)
	name, arguments := string(word(o.take("name"))), o.take("arguments")
	o.take("parsed_arguments") // the arguments once more, of an SDK
	t.restIn(field, o)
	t.arena = t.arena[:before]
	switch {
	case t.err != nil:
		return
	case name == "":
		t.refuse(field+".name", "a name is wanted")
		return
	}
	if _, again := t.ids[id]; again {
		t.refuse(field, "another call has the same id, "+strconv.Quote(cleaned([]byte(id)))+"; give each its own")
		return
	}
	if t.ids == nil {
		t.ids = map[string]int{}
	}
	t.ids[id] = len(t.calls)
	c := use{id: id, fit: fitting(id)}
	if legacy {
		c.function = name
	}
	t.calls = append(t.calls, c)

	t.inTurn(assistant)
	t.out = append(t.out, `{"type":"tool_use","id":`...)
	t.out = wire.AppendString(t.out, c.fit)
	t.key("name")
	t.out = wire.AppendString(t.out, fitting(name))
	t.key("input")
	input := bytes.TrimSpace(word(arguments))
	if len(input) == 0 && (arguments == nil || begins(arguments, '"')) || string(input) == "null" { // some servers write that for none
		input = []byte("{}")
	}
	if object(input) != nil {
		t.refuse(field+".arguments", "a JSON object is wanted, since the other API takes nothing else; mend the arguments")
		return
	}
	t.misread(field+".arguments", unique(input))
	t.out = append(t.out, input...)
	t.out = append(t.out, '}')
}
