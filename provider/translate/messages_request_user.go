package translate

import "bytes"

// system writes instructions, as texts of their own if one of them is a breakpoint of
// the prompt cache.
func (c *chatWriter) system(t chatTurn) {
	if t.content.none() {
		return
	}
	c.blocks = c.readContent(c.blocks[:0], t)
	texts, marked := 0, false
	for i := range c.blocks {
		b := &c.blocks[i]
		switch b.kind {
		case textContent:
			switch {
			case t.index < 0 && c.bills(b):
				b.kind = unknownContent
				c.notes.Add("system.billing", "dropped")
			case c.speaks(b):
				texts++
				marked = marked || c.marked(b)
			}
		case changeContent:
			c.refuse(b.at(), "tools cannot change within a conversation there; declare them all at the top")
		default:
			c.refuse(b.at(), "instructions can only be texts")
		}
	}
	if texts == 0 || c.err != nil {
		return
	}
	if c.can.developer {
		c.message("developer")
	} else {
		c.message("system")
	}
	if marked {
		c.parts(c.blocks)
		c.put(`}`)
		return
	}
	c.put(`"`)
	c.join(c.blocks, `\n\n`)
	c.put(`"}`)
}

// bills reports whether a text is a line for Anthropic's accounts, which Claude Code
// begins its instructions with. It is another one in each call, so that nothing after it
// could be read from a cache.
func (c *chatWriter) bills(b *block) bool {
	text := c.raw(b.main)
	return bytes.HasPrefix(text, []byte(`"x-anthropic-billing-header:`)) && !bytes.Contains(text, []byte(`\n`))
}

// join writes the texts among blocks as the contents of a string.
func (c *chatWriter) join(blocks []block, between string) {
	first := true
	for i := range blocks {
		b := &blocks[i]
		if b.kind != textContent || len(c.raw(b.main)) <= len(`""`) {
			continue
		}
		if !first {
			c.put(between)
		}
		first = false
		c.b = append(c.b, contents(c.raw(b.main))...)
	}
}

// speaks judges a block of text, and reports whether there is any in it. Citations are
// of documents as Anthropic has numbered them.
func (c *chatWriter) speaks(b *block) bool {
	if !c.begins(b.main, '"') {
		c.refuse(b.at()+".text", "a text is wanted")
		return false
	}
	if !b.citations.none() && string(c.raw(b.citations)) != "[]" {
		c.notes.Add("messages.text.citations", "dropped")
	}
	c.cachedBlock(b)
	return b.main.to-b.main.from > uint32(len(`""`))
}

// cachedBlock judges the breakpoint of the prompt cache in a block.
func (c *chatWriter) cachedBlock(b *block) {
	if !b.cache.none() {
		c.cached(c.raw(b.cache), b.at())
	}
}

// users writes what the user says: the results of tools first, as Chat Completions
// demands, then the media in them, and then the rest.
func (c *chatWriter) users(group []chatTurn) {
	c.blocks = c.blocks[:0]
	for _, t := range group {
		from := len(c.blocks)
		c.blocks = c.readContent(c.blocks, t)
		if t.told {
			c.tell(c.blocks[from:])
		}
	}
	c.results(c.blocks)
	if !c.can.vendors { // templates want turns by turns
		c.user(c.blocks)
		return
	}
	for from := 0; from < len(c.blocks) && c.err == nil; {
		to := from + 1
		for to < len(c.blocks) && c.blocks[to].message == c.blocks[from].message {
			to++
		}
		c.user(c.blocks[from:to])
		from = to
	}
}

// tell makes the blocks of the system's ones of a turn of the user.
func (c *chatWriter) tell(blocks []block) {
	for i := range blocks {
		b := &blocks[i]
		switch b.kind {
		case textContent:
			b.kind = toldContent
		case changeContent: // is refused with those of the user
		default:
			c.refuse(b.at(), "instructions can only be texts")
		}
	}
}

// user writes a message of the user, but for the results of tools in it.
func (c *chatWriter) user(blocks []block) {
	n, only := 0, (*block)(nil)
	for i := range blocks {
		b := &blocks[i]
		switch b.kind {
		case textContent, toldContent:
			if !c.speaks(b) {
				continue
			}
		case imageContent, documentContent, searchContent:
			c.cachedBlock(b)
		case resultContent:
			continue
		case uploadContent:
			c.refuse(b.at(), "a container is kept by Anthropic; send what is in the file")
		case changeContent:
			c.refuse(b.at(), "tools cannot change within a conversation there; declare them all at the top")
		case hostedContent:
			c.notes.Add("messages.server_tools", "dropped")
			continue
		default:
			c.refuse(b.at(), "a user cannot say what is of that type")
		}
		n++
		only = b
	}
	switch {
	case n == 0 || c.err != nil:
	case n == 1 && only.kind == textContent && !c.marked(only):
		c.message("user")
		c.b = append(c.b, c.raw(only.main)...)
		c.put(`}`)
	default:
		c.message("user")
		c.parts(blocks)
		c.put(`}`)
	}
}
