package translate

import "github.com/rungate/rungate/provider/internal/wire"

// result translates what a tool has answered.
func (t *messagesWriter) result(o entries, role speaker) {
	c := t.answered(o, role)
	o.take("name") // the call has it
	content := o.take("content")
	t.rest(o)
	if t.err != nil {
		return
	}
	if len(t.later) > 0 {
		t.note("", "moved before other messages")
	}
	t.inTurn(user)
	t.results = true
	t.out = append(t.out, `{"type":"tool_result","tool_use_id":`...)
	t.out = wire.AppendString(t.out, c.fit)
	switch {
	case content == nil:
	case begins(content, '"'):
		if !blank(content) {
			t.key("content")
			t.out = append(t.out, content...)
		}
	case begins(content, '['):
		before := len(t.out)
		t.key("content")
		t.out = append(t.out, '[')
		t.parts(content, asResult)
		if t.out[len(t.out)-1] == '[' {
			t.out = t.out[:before]
		} else {
			t.out = append(t.out, ']')
		}
	default:
		t.refuse("content", "a text or a list of parts is wanted")
	}
	t.out = append(t.out, '}')
}

// answered finds the call that a message answers.
func (t *messagesWriter) answered(o entries, role speaker) *use {
	field, at := "tool_call_id", -1
	if role == "function" { // which is about the last call, and has its name
		field = "name"
		if i := len(t.calls) - 1; i >= t.asked && t.calls[i].function == string(word(o.take(field))) {
			at = i
		}
	} else if i, ok := t.ids[string(word(o.take(field)))]; ok && i >= t.asked && t.calls[i].function == "" {
		at = i
	}
	switch {
	case at < 0:
		t.refuse(field, "this answers no call of the assistant message before it; send the call as well, or leave the answer out")
		return nil
	case t.calls[at].answered:
		t.refuse(field, "the call has been answered before; send one answer for each call")
	}
	t.calls[at].answered = true
	return &t.calls[at]
}
