package translate

// cached reads a breakpoint of the prompt cache. Path is that of what it is in.
func (c *chatWriter) cached(control []byte, path string) {
	if path != "" {
		path += "."
	}
	path += "cache_control"
	c.object(control, path, func(name, value []byte) {
		switch string(name) {
		case "type":
			if word := string(word(value)); word != "ephemeral" {
				c.lacks(path+".type", "cache_control.type", "%.80q is not known", word)
			}
		case "ttl":
			if string(word(value)) == "1h" {
				c.notes.Add("cache_control.ttl", "30 minutes") // OpenAI's
			}
		case "scope": // who shares what is cached
		default:
			c.unknown(path, "cache_control", name)
		}
	})
}

// mark writes a breakpoint of the prompt cache into the part of a message that a block
// has become, if it has one and the model knows them.
func (c *chatWriter) mark(b *block) {
	if c.marked(b) {
		c.marks++
		c.put(`,"prompt_cache_breakpoint":{"mode":"explicit"}`)
	}
}

func (c *chatWriter) marked(b *block) bool {
	return !b.cache.none() && c.can.breakpoint && c.marks < maxMarks
}
