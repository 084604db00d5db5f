package translate

// content translates the content of a message, whose other members it takes as well.
func (t *messagesWriter) content(o entries, as place) {
	if o.take("name") != nil {
		t.note("name", "dropped")
	}
	content := o.take("content")
	switch {
	case content == nil:
	case begins(content, '"'):
		t.text(content, as, "")
	case begins(content, '['):
		t.parts(content, as)
	default:
		t.refuse("content", "a text or a list of parts is wanted")
	}
}

// parts translates a list of parts.
func (t *messagesWriter) parts(list []byte, as place) {
	t.list("content", list, func(i int, part []byte) {
		t.part = i
		before := len(t.arena)
		if o := t.open("", part); t.err == nil {
			t.piece(o, as)
			t.rest(o)
		}
		t.arena = t.arena[:before]
	})
	if t.err == nil {
		t.part = -1
	}
}

// piece translates one part.
func (t *messagesWriter) piece(o entries, as place) {
	mark := t.mark(o)
	switch kind := string(word(o.take("type"))); {
	case kind == "text":
		t.text(o.take("text"), as, mark)
	case kind == "refusal" && as == asAssistant:
		t.text(o.take("refusal"), as, mark)
		t.note("refusal", "as text")
	case kind == "input_audio", kind == "audio":
		t.refuse("", "the other API takes no sound; send a transcript")
	case as != asUser && as != asResult && (kind == "image_url" || kind == "file"):
		t.refuse("", "the other API takes nothing but text here; send it in a user message")
	case kind == "image_url":
		t.image(o, as, mark)
	case kind == "file":
		t.file(o, as, mark)
	default:
		for i := range o { // it goes as a whole
			o[i].taken = true
		}
		t.unknown("", "a part of this type has no like at the other API; leave it out")
	}
}

// text writes a string as a block of text. There is no such thing as an empty one.
func (t *messagesWriter) text(value []byte, as place, mark string) {
	switch {
	case !begins(value, '"'):
		t.refuse("", "a text is wanted")
		return
	case len(value) == len(`""`):
		return
	case blank(value):
		t.note("", "white space dropped")
		return
	}
	t.beginBlock(as, "text", mark)
	t.key("text")
	if as == asAssistant {
		t.lastText = len(t.out)
	}
	if as == asTagged {
		t.out = append(t.out, `"<system>\n`...)
		t.out = append(t.out, value[1:len(value)-1]...)
		t.out = append(t.out, `\n</system>"}`...)
		return
	}
	t.out = append(t.out, value...)
	t.out = append(t.out, '}')
}

// maxMarks is how many breakpoints of the prompt cache either API takes.
const maxMarks = 4

// mark reads whether the prompt is to be cached up to the end of a part, and returns how
// Messages says that; empty if it is not. Clients that know which model they ask say it
// in that way themselves.
func (t *messagesWriter) mark(o entries) string {
	const field = "cache_control"
	control := o.take(field)
	if o.take("prompt_cache_breakpoint") == nil && control == nil {
		return ""
	}
	ttl := ""
	if control != nil {
		before := len(t.arena)
		inner := t.open(field, control)
		inner.take("type") // there is one
		ttl = string(word(inner.take("ttl")))
		t.restIn(field, inner)
		t.arena = t.arena[:before]
	}
	if ttl == "1h" {
		return `{"type":"ephemeral","ttl":"1h"}`
	}
	return `{"type":"ephemeral"}`
}

// beginBlock begins a block of a type, with a breakpoint of the prompt cache if there is
// a mark. Whatever follows comes after that, so that a text is the last in its block.
func (t *messagesWriter) beginBlock(as place, kind string, mark string) {
	if as == asResult {
		t.comma()
	} else {
		t.inTurn(as.turn())
	}
	t.out = append(t.out, `{"type":"`...)
	t.out = append(t.out, kind...)
	t.out = append(t.out, '"')
	switch {
	case mark == "":
	case t.marks == maxMarks:
		t.note("prompt_cache_breakpoint", "dropped")
	default:
		t.marks++
		t.key("cache_control")
		t.out = append(t.out, mark...)
	}
}
