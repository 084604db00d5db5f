package translate

import "github.com/rungate/rungate/provider/internal/wire"

// An openCall is a call of a tool that waits for its result.
type openCall struct {
	blockPlace
	id, name []byte // as they are written, with their quotes
	result   int    // its place among the blocks of the user; -1 is none yet
}

// callTools writes the tool calls among blocks.
func (c *chatWriter) callTools(blocks []block) {
	c.calls = c.calls[:0]
	for i := range blocks {
		if b := &blocks[i]; b.kind == useContent && c.err == nil {
			c.callTool(b)
		}
	}
	if len(c.calls) > maxCalls && c.can.vendors {
		c.refuse(c.calls[0].at(), "there are more than %d tool calls in a turn, which OpenAI does not take", maxCalls)
	}
}

// maxCalls is how many tool calls OpenAI takes in a message, and tools in a request.
const maxCalls = 128

func (c *chatWriter) callTool(b *block) {
	switch {
	case !b.toolset.none():
		c.refuse(b.at()+".toolset_name", "a toolset is known to Anthropic only")
	case !c.direct(b.extra): // then its result goes to code in a container
		c.refuse(b.at()+".caller", "only the model itself calls tools there")
	case !c.begins(b.main, '{'):
		c.refuse(b.at()+".input", "an object is wanted")
	case len(c.text(b.id)) == 0:
		c.refuse(b.at()+".id", "it is missing")
	case len(c.text(b.name)) == 0:
		c.refuse(b.at()+".name", "it is missing")
	}
	if c.err != nil {
		return
	}
	if err := unique(c.raw(b.main)); err != nil {
		c.broken(b.at()+".input", err)
		return
	}
	k := openCall{id: c.fitting(c.raw(b.id), nil), name: c.fitting(c.raw(b.name), &c.names), blockPlace: b.blockPlace, result: -1}
	if c.ids == nil {
		c.ids = make(map[string]int)
	}
	if _, again := c.ids[string(k.id)]; again {
		c.refuse(b.at()+".id", "%.80s is that of an earlier call, too; give each call its own", k.id)
		return
	}
	c.ids[string(k.id)] = len(c.ids)
	if len(c.calls) > 0 {
		c.put(`,`)
	}
	c.calls = append(c.calls, k)
	c.put(`{"id":`)
	c.b = append(c.b, k.id...)
	c.put(`,"type":"function","function":{"name":`)
	c.b = append(c.b, k.name...)
	c.put(`,"arguments":"`)
	c.b = appendQuoted(c.b, c.raw(b.main))
	c.put(`"}}`)
}

// direct reports whether it is the model itself that calls a tool.
func (c *chatWriter) direct(caller span) bool {
	if !c.begins(caller, '{') {
		return caller.none()
	}
	direct := false
	c.object(c.raw(caller), "", func(name, value []byte) {
		if string(name) == "type" {
			direct = string(word(value)) == "direct"
		}
	})
	return direct
}

// fitting returns the name or id that a string is as both APIs take it, with quotes. If it
// has to be another one, changed keeps that.
func (c *chatWriter) fitting(raw []byte, changed *names) []byte {
	if fits(contents(raw)) {
		return raw
	}
	own := string(word(raw))
	if changed != nil {
		return wire.AppendString(nil, changed.fit(own))
	}
	return wire.AppendString(nil, fitting(own))
}
