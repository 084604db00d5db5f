package translate

// assistants writes what the assistant says. Turns are made one message if there are
// tool calls in them, since all the results follow the last.
func (c *chatWriter) assistants(group []chatTurn, last bool) {
	c.blocks = c.blocks[:0]
	for _, t := range group {
		c.blocks = c.readContent(c.blocks, t)
	}
	uses := 0
	for i := range c.blocks {
		c.assistantBlock(&c.blocks[i], &uses)
	}
	if c.err != nil || len(c.blocks) == 0 {
		return
	}
	if b := &c.blocks[len(c.blocks)-1]; last && b.kind == hostedContent {
		c.refuse(b.at(), "the turn has paused for a tool of Anthropic's, which alone can go on with it")
	}
	if uses > 0 {
		c.assistant(c.blocks, uses)
		return
	}
	for from := 0; from < len(c.blocks); {
		to := from + 1
		for to < len(c.blocks) && c.blocks[to].message == c.blocks[from].message {
			to++
		}
		c.assistant(c.blocks[from:to], 0)
		from = to
	}
}

// assistantBlock judges a block of the assistant. One that is of no use any more becomes unknown.
func (c *chatWriter) assistantBlock(b *block, uses *int) {
	switch b.kind {
	case textContent:
		if !c.speaks(b) {
			b.kind = unknownContent
		} else if *uses > 0 {
			c.notes.Add("messages.text", "moved before the tool calls")
		}
	case useContent:
		c.cachedBlock(b)
		*uses++
	case thinkingContent: // signed for Anthropic alone
		c.notes.Add("messages.thinking", "dropped")
	case hostedContent:
		c.notes.Add("messages.server_tools", "dropped")
	case compactionContent: // holds in place of what was said before
		if c.begins(b.content, '"') {
			b.kind, b.main = textContent, b.content
			c.notes.Add("messages.compaction", "as text")
		}
	case changeContent:
		c.refuse(b.at(), "tools cannot change within a conversation there; declare them all at the top")
	default:
		c.refuse(b.at(), "Chat Completions takes only texts and tool calls from an assistant; have the user say it")
	}
}

// assistant writes a message of the assistant.
func (c *chatWriter) assistant(blocks []block, uses int) {
	texts, marked := 0, false
	for i := range blocks {
		if b := &blocks[i]; b.kind == textContent {
			texts++
			marked = marked || c.marked(b)
		}
	}
	switch {
	case texts == 0 && uses == 0:
		return
	case texts == 0:
		c.message("assistant")
		c.put(`null`)
	case marked:
		c.message("assistant")
		c.parts(blocks)
	default:
		c.message("assistant")
		c.put(`"`)
		c.concatenate(blocks)
		c.put(`"`)
	}
	if uses > 0 {
		c.put(`,"tool_calls":[`)
		c.callTools(blocks)
		c.put(`]`)
	}
	c.put(`}`)
}

// concatenate writes the texts among blocks as the contents of a string. Those of one
// turn are a text that has been cut for its citations.
func (c *chatWriter) concatenate(blocks []block) {
	last := (*block)(nil)
	for i := range blocks {
		b := &blocks[i]
		if b.kind != textContent {
			continue
		}
		if last != nil && last.message != b.message {
			c.put(`\n\n`)
		}
		last = b
		c.b = append(c.b, contents(c.raw(b.main))...)
	}
}
