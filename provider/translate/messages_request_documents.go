package translate

import "bytes"

// file writes a document that is a file as a part, after its context.
func (c *chatWriter) file(b *block, src source) {
	switch {
	case src.media != "application/pdf":
		c.refuse(b.at()+".source.media_type", "%.80q is none of the files that Chat Completions takes: application/pdf", src.media)
	case !c.can.pdfs:
		c.refuse(b.at(), "the model %q reads no PDF files; send their text", c.model)
	}
	c.cites(b)
	title, context := c.titled(b)
	if c.err != nil {
		return
	}
	if context != nil {
		c.put(`{"type":"text","text":"`)
		c.b = append(c.b, context...)
		c.put(`"},`)
	}
	c.put(`{"type":"file","file":{"filename":"`)
	const suffix = ".pdf"
	if title == nil {
		c.put(`document`)
	} else if end := len(title) - len(suffix); end >= 0 && bytes.EqualFold(title[end:], []byte(suffix)) {
		title = title[:end]
	}
	c.b = append(c.b, title...)
	c.put(suffix + `","file_data":"data:application/pdf;base64,`)
	c.b = append(c.b, contents(c.raw(src.data))...)
	c.put(`"}`)
	c.mark(b)
	c.put(`}`)
}

// titled returns the title and the context of a document, without quotes; nil if there
// is none, or nothing in it.
func (c *chatWriter) titled(b *block) (title, context []byte) {
	words := func(s span, name string) []byte {
		if s.none() {
			return nil
		}
		if !c.begins(s, '"') {
			c.refuse(b.at()+"."+name, "a text is wanted")
			return nil
		}
		if in := contents(c.raw(s)); len(in) > 0 {
			return in
		}
		return nil
	}
	return words(b.name, "title"), words(b.extra, "context")
}

// document writes a document that is text as the contents of a string, with its title
// and context above. Image is called for each image in it.
func (c *chatWriter) document(b *block, src source, image func(*block)) {
	c.cites(b)
	title, context := c.titled(b)
	if c.err != nil {
		return
	}
	if title != nil {
		c.put(`Document: `)
		c.b = append(c.b, title...)
		c.put(`\n`)
	}
	if context != nil {
		c.b = append(c.b, context...)
		c.put(`\n`)
	}
	if title != nil || context != nil {
		c.put(`\n`)
	}
	switch src.kind {
	case "text":
		c.b = append(c.b, contents(c.raw(src.data))...)
	case "content":
		c.texts(b, src.content, image)
	case "url":
		c.refuse(b.at()+".source.url", "Chat Completions fetches no documents; send what is in it")
	}
}

// texts writes the texts of a content that is within b, each in lines of its own, as
// the contents of a string.
func (c *chatWriter) texts(b *block, content span, image func(*block)) {
	for i, m := range c.readInner(nil, content, b) {
		if i > 0 {
			c.put(`\n`)
		}
		switch {
		case m.kind == textContent && c.speaks(&m):
			c.b = append(c.b, contents(c.raw(m.main))...)
		case m.kind == textContent:
		case m.kind == imageContent && image != nil:
			image(&m)
		default:
			c.refuse(b.at(), "there is more in it than texts and images")
		}
	}
}

// searchResult writes a search result as the contents of a string.
func (c *chatWriter) searchResult(b *block) {
	c.cites(b)
	c.cachedBlock(b)
	title, _ := c.titled(b)
	if title != nil {
		c.b = append(c.b, title...)
		c.put(`\n`)
	}
	if !c.begins(b.main, '"') {
		c.refuse(b.at()+".source", "a text is wanted")
		return
	}
	c.b = append(c.b, contents(c.raw(b.main))...)
	c.put(`\n\n`)
	c.texts(b, b.content, nil)
}

// cites judges whether a document or a search result is to be cited.
func (c *chatWriter) cites(b *block) {
	if b.citations.none() {
		return
	}
	path := b.at() + ".citations"
	c.object(c.raw(b.citations), path, func(name, value []byte) {
		switch {
		case string(name) != "enabled":
			c.unknown(path, "messages.citations", name)
		case !begins(value, 'f'):
			c.lacks(path, "messages.citations", "Chat Completions cites no documents; leave it out")
		}
	})
}
