package translate

import (
	"errors"
	"fmt"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

func messagesToChat(r *provider.Request, o *Options) (*Translation, error) {
	c := chatWriter{
		of:      r,
		in:      r.Body,
		model:   o.Model,
		limit:   o.MaxOutput,
		lenient: o.Lenient,
		can:     abilitiesOf(provider.Chat, o.Model),
		b:       make([]byte, 0, len(r.Body)+len(r.Body)/4+1024),
	}
	c.read()
	if c.err == nil {
		c.write()
	}
	if c.err != nil {
		return nil, c.err
	}
	return &Translation{
		Endpoint: provider.Chat,
		Body:     c.b,
		Notes:    c.notes,
		back:     &toMessages{input: r.Input, names: c.names},
	}, nil
}

// A chatWriter is a Chat request that is made of a Messages request. Its body is
// written once from front to back; the values of the other one are spans of its body.
type chatWriter struct {
	of      *provider.Request
	in      []byte // the body that is read
	model   string
	limit   int64 // of the model's output
	lenient bool
	can     abilities

	top [numMembers]span // its members

	b     []byte // the body that is written
	notes Notes
	names names
	err   *RefusedError // the first

	blocks, inner []block        // of the turns that are being written, and of what is in one of them
	calls         []openCall     // of the latest assistant turn, which wait for their results
	ids           map[string]int // of all calls, by their place among all
	tools         map[string]bool
	media         []medium // of the results that are being written
	marks         int      // breakpoints of the prompt cache that are written
}

// A span is a value in the body. The zero span is none, or null.
type span struct{ from, to uint32 }

func (s span) none() bool { return s.to == 0 }

func (c *chatWriter) raw(s span) []byte { return c.in[s.from:s.to:s.to] }

// begins reports whether the value is there and begins with a byte.
func (c *chatWriter) begins(s span, with byte) bool { return !s.none() && c.in[s.from] == with }

// object visits the members of the object at path that are not null.
func (c *chatWriter) object(raw []byte, path string, visit func(name, value []byte)) {
	err := members(raw, func(name, value []byte) error {
		if !begins(value, 'n') {
			visit(name, value)
		}
		return nil
	})
	if err != nil {
		c.broken(path, err)
	}
}

// list visits the elements of the list at path.
func (c *chatWriter) list(raw []byte, path string, visit func(i int, element []byte)) {
	i := 0
	err := elements(raw, func(element []byte) error {
		visit(i, element)
		i++
		return nil
	})
	if err != nil {
		c.broken(path, err)
	}
}

// text is what a string means, or nil.
func (c *chatWriter) text(s span) []byte {
	if s.none() {
		return nil
	}
	return word(c.raw(s))
}

// write writes the body.
func (c *chatWriter) write() {
	c.put(`{"model":`)
	c.b = wire.AppendString(c.b, c.model)
	c.put(`,"messages":[`)
	c.conversation()
	c.put(`]`)
	c.maxTokens()
	c.sampling()
	c.stop()
	c.declareTools()
	c.chooseTool()
	config := c.outputConfig()
	c.format(config.format)
	c.reasoning(config.effort)
	c.identify()
	c.tier()
	if s := c.top[memberCacheControl]; !s.none() {
		c.cached(c.raw(s), "") // there the end of the prompt is cached without being asked
	}
	if c.of.Stream {
		c.put(`,"stream":true,"stream_options":{"include_usage":true}`) // the Messages stream needs it
	}
	c.put(`}`)
}

func (c *chatWriter) put(s string) { c.b = append(c.b, s...) }

// broken says that the value at path cannot be read for sure.
func (c *chatWriter) broken(path string, err error) {
	var at *jsonscan.Error // whose place is within the value
	if errors.As(err, &at) {
		c.refuse(path, "%s", at.Reason)
		return
	}
	c.refuse(path, "%v", err)
}

// refuse says why the request cannot be translated. The first reason counts.
func (c *chatWriter) refuse(path, reason string, args ...any) {
	if c.err == nil {
		if len(args) > 0 {
			reason = fmt.Sprintf(reason, args...)
		}
		c.err = &RefusedError{Path: path, Reason: reason}
	}
}

// lacks says that there is nothing like the value at path, for a reason: it is refused,
// or left out and noted by the name of the field.
func (c *chatWriter) lacks(path, field, reason string, args ...any) {
	if c.lenient {
		c.notes.Add(field, "dropped")
		return
	}
	c.refuse(path, reason, args...)
}

// unknown says that the member of that name is not known. Where is that of what it is
// in, and field the same without indices.
func (c *chatWriter) unknown(where, field string, name []byte) {
	if field != "" {
		where, field = where+".", field+"."
	}
	member := cleaned(name)
	c.lacks(where+member, field+member, notKnown)
}
