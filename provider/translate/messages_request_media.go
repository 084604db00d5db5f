package translate

import "github.com/rungate/rungate/internal/jsonscan"

// parts writes blocks as the parts of a message, those that it can have.
func (c *chatWriter) parts(blocks []block) {
	c.put(`[`)
	for i := range blocks {
		b := &blocks[i]
		switch b.kind {
		case textContent:
			if b.main.to-b.main.from > uint32(len(`""`)) {
				c.part()
				c.put(`{"type":"text","text":`)
				c.b = append(c.b, c.raw(b.main)...)
				c.mark(b)
				c.put(`}`)
			}
		case toldContent:
			if b.main.to-b.main.from > uint32(len(`""`)) {
				c.part()
				c.put(`{"type":"text","text":"<system>\n`)
				c.b = append(c.b, contents(c.raw(b.main))...)
				c.put(`\n</system>"}`)
			}
		case searchContent:
			c.part()
			c.put(`{"type":"text","text":"`)
			c.searchResult(b)
			c.put(`"`)
			c.mark(b)
			c.put(`}`)
		case imageContent, documentContent:
			c.part()
			c.show(b)
		}
	}
	c.put(`]`)
}

// part begins a part of a message.
func (c *chatWriter) part() {
	if c.b[len(c.b)-1] != '[' {
		c.put(`,`)
	}
}

// show writes an image or a document as a part, or as more of them.
func (c *chatWriter) show(b *block) {
	src := c.source(b)
	switch {
	case c.err != nil:
	case b.kind == imageContent:
		c.image(b, src)
	case src.kind == "base64":
		c.file(b, src)
	default:
		var images []block
		c.put(`{"type":"text","text":"`)
		c.document(b, src, func(m *block) {
			c.put(`[The image is below]`)
			images = append(images, *m)
		})
		c.put(`"`)
		c.mark(b)
		c.put(`}`)
		for i := range images {
			c.part()
			c.show(&images[i])
		}
	}
}

// A source is where a block has its image or its document from.
type source struct {
	kind, media        string
	data, url, content span
}

// source reads the source of a block.
func (c *chatWriter) source(b *block) (src source) {
	if !c.begins(b.main, '{') {
		c.refuse(b.at()+".source", "an object is wanted")
		return src
	}
	at := func() string { return b.at() + ".source" }
	var s jsonscan.Scanner
	s.Reset(c.raw(b.main))
	s.Object(func(name []byte) {
		from, to := s.Skip()
		v := span{b.main.from + uint32(from), b.main.from + uint32(to)}
		switch string(name) {
		case "type":
			src.kind = string(c.text(v))
		case "media_type":
			src.media = string(c.text(v))
		case "data":
			src.data = v
		case "url":
			src.url = v
		case "content":
			src.content = v
		case "file_id":
		default:
			c.unknown(at(), "messages.source", name)
		}
	})
	wants := func(s span, name string) {
		if !c.begins(s, '"') {
			c.refuse(at()+"."+name, "a text is wanted")
		}
	}
	switch src.kind {
	case "base64":
		wants(src.data, "data")
	case "text":
		if src.media != "text/plain" {
			c.refuse(at()+".media_type", "%.80q is no text", src.media)
		}
		wants(src.data, "data")
	case "url":
		wants(src.url, "url")
	case "content":
	case "file":
		c.refuse(at(), "a file that Anthropic keeps cannot be read there; send its content")
	default:
		c.refuse(at()+".type", "%.80q is not known", src.kind)
	}
	return src
}

// image writes an image as a part.
func (c *chatWriter) image(b *block, src source) {
	if !c.can.images {
		c.refuse(b.at(), "the model %q sees no images; leave them out, or ask another one", c.model)
		return
	}
	c.transformed(b)
	c.put(`{"type":"image_url","image_url":{"url":`)
	switch src.kind {
	case "base64":
		switch src.media {
		case "image/png", "image/jpeg", "image/gif", "image/webp":
		default:
			c.refuse(b.at()+".source.media_type", "%.80q is none of the images that the model sees: png, jpeg, gif, webp", src.media)
			return
		}
		c.put(`"data:` + src.media + `;base64,`)
		c.b = append(c.b, contents(c.raw(src.data))...)
		c.put(`"`)
	case "url":
		c.b = append(c.b, c.raw(src.url)...)
	default:
		c.refuse(b.at()+".source.type", "an image is not of the type %.80q", src.kind)
		return
	}
	c.put(`}`)
	c.mark(b)
	c.put(`}`)
}

// transformed judges what is to become of an image that is too large.
func (c *chatWriter) transformed(b *block) {
	if b.extra.none() {
		return
	}
	path := b.at() + ".transformations"
	c.object(c.raw(b.extra), path, func(name, value []byte) {
		switch {
		case string(name) != "oversized_image":
			c.unknown(path, "messages.image.transformations", name)
		case string(word(value)) != "downsize": // which is what happens there
			c.lacks(path, "messages.image.transformations", "an image that is too large is made smaller there; leave it out")
		}
	})
}
