package translate

import (
	"strconv"

	"github.com/rungate/rungate/provider/internal/wire"
)

// allow reads a choice that allows some of the tools only. The others are not sent
// then.
func (t *messagesWriter) allow(o entries) {
	choice := o.take("tool_choice")
	if !begins(choice, '{') {
		return
	}
	before := len(t.arena)
	outer := t.open("tool_choice", choice)
	if string(word(outer.take("type"))) == "allowed_tools" {
		inner := t.open("tool_choice.allowed_tools", outer.take("allowed_tools"))
		t.allowed = map[string]bool{}
		const field = "tool_choice.allowed_tools.tools"
		t.list(field, inner.take("tools"), func(_ int, tool []byte) {
			o := t.open(field, tool)
			if function := o.take("function"); string(word(o.take("type"))) == "function" {
				t.allowed[string(word(t.open(field, function).take("name")))] = true
			} else {
				t.refuse(field, "a tool of this type has no like at the other API; declare a function")
			}
		})
		t.note("tools", "only those that are allowed")
	}
	t.arena = t.arena[:before]
}

// choice translates which tool is to be called, and whether several may be.
func (t *messagesWriter) choice(o entries) {
	choice, legacy := o.take("tool_choice"), o.take("function_call")
	single := string(o.take("parallel_tool_calls")) == "false"
	if t.back.legacy {
		choice = legacy
		single = true // an answer has room for one function_call
	} else if legacy != nil {
		t.refuse("function_call", "there are no functions that it could be about; use tool_choice")
	}
	kind, name := t.chosen(choice)
	switch {
	case t.err != nil:
		return
	case t.declared == 0:
		if kind == "any" || kind == "tool" {
			t.refuse("tool_choice", "there is no tool that could be called; declare it")
		}
		return
	case kind == "" && single:
		kind = "auto"
	case kind == "":
		return
	}
	t.forced = kind == "any" || kind == "tool"
	t.key("tool_choice")
	t.out = append(t.out, `{"type":"`...)
	t.out = append(t.out, kind...)
	t.out = append(t.out, '"')
	if kind == "tool" {
		t.key("name")
		t.out = wire.AppendString(t.out, fitting(name))
	}
	if single && kind != "none" {
		t.out = append(t.out, `,"disable_parallel_tool_use":true`...)
	}
	t.out = append(t.out, '}')
}

// chosen says which type a choice becomes, and of what name.
func (t *messagesWriter) chosen(choice []byte) (kind, name string) {
	if choice == nil {
		return "", ""
	}
	mode := string(word(choice))
	if choice[0] == '{' {
		before := len(t.arena)
		defer func() { t.arena = t.arena[:before] }()
		o := t.open("tool_choice", choice)
		switch typ := string(word(o.take("type"))); {
		case t.err != nil:
			return "", ""
		case typ == "allowed_tools":
			mode = string(word(t.open("tool_choice.allowed_tools", o.take("allowed_tools")).take("mode")))
		case typ == "function" || typ == "" && t.back.legacy:
			if !t.back.legacy {
				o = t.open("tool_choice.function", o.take("function"))
			}
			if name = string(word(o.take("name"))); name == "" || !t.known[fitting(name)] {
				t.refuse("tool_choice", "the request declares no tool "+strconv.Quote(cleaned([]byte(name))))
			}
			return "tool", name
		}
	}
	switch mode {
	case "none", "auto":
		return mode, ""
	case "required":
		return "any", ""
	}
	t.refuse("tool_choice", "a choice of this type has no like at the other API; it is none, auto, required or a function")
	return "", ""
}
