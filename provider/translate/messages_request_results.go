package translate

import "strconv"

// A medium is what a result holds and a tool message cannot.
type medium struct {
	block
	call   int // whose result it is of
	number int // among those of the result
}

// results writes the results among blocks as tool messages, in the order of the calls,
// and after the last of them the media that they hold.
func (c *chatWriter) results(blocks []block) {
	first := len(c.ids) - len(c.calls)
	for i := range blocks {
		b := &blocks[i]
		if b.kind != resultContent {
			continue
		}
		if len(c.text(b.id)) == 0 {
			c.refuse(b.at()+".tool_use_id", "it is missing")
			return
		}
		id := c.fitting(c.raw(b.id), nil)
		n, ok := c.ids[string(id)]
		switch n -= first; {
		case !ok || n < 0:
			c.refuse(b.at()+".tool_use_id", "the turn before has no call %.80s", id)
			return
		case c.calls[n].result >= 0:
			c.refuse(b.at()+".tool_use_id", "the call %.80s has a result already", id)
			return
		}
		c.calls[n].result = i
	}
	c.settled()
	c.media = c.media[:0]
	for n := range c.calls {
		if c.err == nil {
			c.result(n, &blocks[c.calls[n].result])
		}
	}
	if len(c.media) > 0 && c.err == nil {
		c.message("user")
		c.put(`[`)
		for i := range c.media {
			c.medium(&c.media[i])
		}
		c.put(`]}`)
	}
	c.calls = c.calls[:0]
}

// settled makes sure that every call has a result.
func (c *chatWriter) settled() {
	for i := range c.calls {
		if k := &c.calls[i]; k.result < 0 {
			c.refuse(k.at(), "the call %.80s has no result in the message after it; send one, be it an error", k.id)
			return
		}
	}
}

// result writes the result of call n.
func (c *chatWriter) result(n int, b *block) {
	if !b.toolset.none() {
		c.refuse(b.at()+".toolset_name", "a toolset is known to Anthropic only")
		return
	}
	c.cachedBlock(b)
	if c.b[len(c.b)-1] != '[' {
		c.put(`,`)
	}
	c.put(`{"role":"tool","tool_call_id":`)
	c.b = append(c.b, c.calls[n].id...)
	c.put(`,"content":`)
	marked := c.marked(b)
	if marked {
		c.put(`[{"type":"text","text":`)
	}
	c.put(`"`)
	if c.failed(b) {
		c.put(`Error: `) // Chat Completions has no flag
	}
	c.inResult(n, b)
	c.put(`"`)
	if marked {
		c.mark(b)
		c.put(`}]`)
	}
	c.put(`}`)
}

// failed reports whether a result is an error.
func (c *chatWriter) failed(b *block) bool {
	switch {
	case c.begins(b.extra, 't'):
		return true
	case !b.extra.none() && !c.begins(b.extra, 'f'):
		c.refuse(b.at()+".is_error", "true or false is wanted")
	}
	return false
}

// inResult writes what is in the result of call n as the contents of a string, and keeps
// the media.
func (c *chatWriter) inResult(n int, b *block) {
	if b.content.none() {
		return
	}
	c.inner = c.readInner(c.inner[:0], b.content, b)
	number, start := 0, len(c.b)
	keep := func(m *block) {
		number++
		c.media = append(c.media, medium{block: *m, call: n, number: number})
		c.put(`[` + noun(m) + ` ` + strconv.Itoa(number) + ` of this result is in the next message of the user]`)
	}
	for i := range c.inner {
		m := &c.inner[i]
		before := len(c.b)
		if before > start {
			c.put(`\n`)
		}
		after := len(c.b)
		switch m.kind {
		case textContent:
			if c.speaks(m) {
				c.b = append(c.b, contents(c.raw(m.main))...)
			}
		case searchContent:
			c.searchResult(m)
		case imageContent:
			keep(m)
		case documentContent:
			if src := c.source(m); src.kind == "base64" {
				keep(m)
			} else {
				c.document(m, src, keep)
			}
		case referenceContent:
			c.refuse(m.at(), "tools cannot be found within a conversation there; declare them all at the top")
		default:
			c.refuse(m.at(), "a result cannot hold what is of that type")
		}
		if len(c.b) == after {
			c.b = c.b[:before]
		}
	}
}

// noun is what a medium is called.
func noun(b *block) string {
	if b.kind == imageContent {
		return "Image"
	}
	return "Document"
}

// medium writes what a result holds and whose it is as parts of a message.
func (c *chatWriter) medium(m *medium) {
	k := &c.calls[m.call]
	c.part()
	c.put(`{"type":"text","text":"[` + noun(&m.block) + ` ` + strconv.Itoa(m.number) + ` of the result of the call `)
	c.b = append(c.b, contents(k.id)...)
	c.put(` of `)
	c.b = append(c.b, contents(k.name)...)
	c.put(`]"}`)
	c.part()
	c.show(&m.block)
}
