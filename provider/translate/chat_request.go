package translate

import (
	"errors"
	"strconv"
	"strings"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A messagesWriter is one that a Chat request becomes. The first refusal ends it:
// from there on its methods do nothing that matters.
type messagesWriter struct {
	ask *provider.Request
	to  *Options
	can abilities

	out   []byte
	notes Notes
	err   *RefusedError
	back  toChat

	arena []entry // of the objects that are being read

	message, part int // that is being read; -1 is none

	conversation
	tooling
	form   []byte // the schema of the answer; nil if there is none
	object bool   // the answer is to be a JSON object of any form
	marks  int    // cache breakpoints that have been set
}

// chatToMessages translates a Chat request.
func chatToMessages(r *provider.Request, o *Options) (*Translation, error) {
	t := &messagesWriter{ask: r, to: o, can: abilitiesOf(provider.Messages, o.Model), message: -1, part: -1}
	t.out = make([]byte, 0, len(r.Body)+len(r.Body)/4+1024)
	t.request(r.Body)
	if t.err != nil {
		return nil, t.err
	}
	return &Translation{Endpoint: provider.Messages, Body: t.out, Notes: t.notes, back: &t.back}, nil
}

// request translates the body.
func (t *messagesWriter) request(body []byte) {
	o := t.open("", body)
	o.take("model")
	o.take("rungate")
	t.out = append(t.out, '{')
	t.key("model")
	t.out = wire.AppendString(t.out, t.to.Model)
	limit := t.limit(o)
	t.streaming(o)
	temperature, topP := o.take("temperature"), o.take("top_p")
	t.stops(o)
	t.onlyText(o)
	t.leftOut(o)
	t.user(o)
	t.tier(o)
	t.format(o)
	caching := t.caching(o)
	effort := o.take("reasoning_effort")
	t.tools(o)
	t.choice(o)
	messages := o.take("messages")
	t.rest(o)
	if t.err != nil {
		return
	}
	t.messages(messages)
	word, thinks := t.thinking(effort, limit)
	t.sampling(temperature, topP, thinks)
	t.output(word)
	if caching && t.marks == 0 && t.can.vendors && (t.declared > 0 || t.answers) {
		t.key("cache_control") // OpenAI caches by itself
		t.out = append(t.out, `{"type":"ephemeral"}`...)
	}
	t.out = append(t.out, '}')
}

// refuse ends the translation, because of a member of what is being read.
func (t *messagesWriter) refuse(field, reason string) {
	if t.err != nil {
		return
	}
	path := ""
	if t.message >= 0 {
		path = "messages." + strconv.Itoa(t.message)
	}
	if t.part >= 0 {
		path += ".content." + strconv.Itoa(t.part)
	}
	if path != "" && field != "" {
		path += "."
	}
	t.err = &RefusedError{Path: path + field, Reason: reason}
}

// note notes what became of a member of what is being read. The elements of lists are
// not told apart, so that a long history does not make for a long list.
func (t *messagesWriter) note(field, what string) {
	var path []string
	if t.message >= 0 {
		path = append(path, "messages")
	}
	if t.part >= 0 {
		path = append(path, "content")
	}
	for name := range strings.SplitSeq(field, ".") {
		if _, err := strconv.Atoi(name); err != nil && name != "" {
			path = append(path, name)
		}
	}
	if len(path) == 0 { // of a name that says nothing
		path = []string{"unknown"}
	}
	t.notes.Add(strings.Join(path, "."), what)
}

// unknown refuses what is not known, or leaves it out and notes that.
func (t *messagesWriter) unknown(field, reason string) {
	if t.to.Lenient {
		t.note(field, "dropped")
	} else {
		t.refuse(field, reason)
	}
}

// An entry is a member of an object of a request, as it stands there.
type entry struct {
	name  []byte // escapes resolved
	value []byte
	taken bool // somebody has read it
}

// Entries are all of an object. Whoever reads it takes what he knows; what is then left
// is not known.
type entries []entry

// take returns the value of the member of that name; nil if there is none, or null.
func (o entries) take(name string) []byte {
	for i := range o {
		if string(o[i].name) == name {
			o[i].taken = true
			if o[i].value[0] == 'n' {
				return nil
			}
			return o[i].value
		}
	}
	return nil
}

// maxMembers is how many members an object may have that is read. None is known that has
// half as many.
const maxMembers = 100

// open reads an object. Its members are valid until the arena is cut back.
func (t *messagesWriter) open(field string, value []byte) entries {
	if !begins(value, '{') {
		t.refuse(field, "an object is wanted")
		return nil
	}
	from := len(t.arena)
	t.misread(field, members(value, func(name, value []byte) error {
		if len(t.arena)-from == maxMembers {
			return &jsonscan.Error{Reason: "there are more than 100 members; leave out what is not known"}
		}
		t.arena = append(t.arena, entry{name: name, value: value})
		return nil
	}))
	if t.err != nil {
		return nil
	}
	return entries(t.arena[from:])
}

// misread refuses what cannot be read for sure, if that is what the error says.
func (t *messagesWriter) misread(field string, err error) {
	var at *jsonscan.Error
	if errors.As(err, &at) {
		t.refuse(field, at.Reason)
	}
}

// rest sees to what of an object nobody has taken.
func (t *messagesWriter) rest(o entries) { t.restIn("", o) }

// restIn does the same for an object that is the member of that name.
func (t *messagesWriter) restIn(field string, o entries) {
	for _, m := range o {
		if m.taken || m.value[0] == 'n' {
			continue
		}
		name := cleaned(m.name)
		if field != "" {
			name = field + "." + name
		}
		t.unknown(name, notKnown)
	}
}

// list visits the elements of a list.
func (t *messagesWriter) list(field string, value []byte, visit func(i int, element []byte)) {
	i := 0
	err := elements(value, func(element []byte) error {
		if t.err == nil {
			visit(i, element)
		}
		i++
		return nil
	})
	if err != nil {
		t.refuse(field, "a list is wanted")
	}
}

// key begins a member.
func (t *messagesWriter) key(name string) {
	t.comma()
	t.out = append(t.out, '"')
	t.out = append(t.out, name...)
	t.out = append(t.out, `":`...)
}

// comma parts what comes next from what came before, if there is anything.
func (t *messagesWriter) comma() {
	if c := t.out[len(t.out)-1]; c != '{' && c != '[' {
		t.out = append(t.out, ',')
	}
}
