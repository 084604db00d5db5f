package wire

import "github.com/rungate/rungate/internal/jsonscan"

// messages reads a conversation: a text, or a list of messages and other items.
func (p *parser) messages(name string) {
	if p.scan.Kind() != jsonscan.Array {
		p.load.Counted += perMessage
		p.load.Text += p.size()
		return
	}
	p.scan.Array(func(i int) {
		p.load.Counted += perMessage
		p.block()
		p.at(name, i)
	})
}

// content reads what a message or a block holds: a text, a block, or a list of
// them.
func (p *parser) content(name string) {
	if p.scan.Kind() != jsonscan.Array {
		p.block()
		return
	}
	p.scan.Array(func(i int) {
		p.block()
		if name != "" {
			p.at(name, i)
		}
	})
}

// cacheControl reads a cache breakpoint.
func (p *parser) cacheControl() {
	if p.scan.Kind() != jsonscan.Object {
		return
	}
	hour := false
	p.scan.Object(func(key []byte) {
		if string(key) == "ttl" {
			hour = string(p.name()) == "1h"
		}
	})
	if hour {
		p.longCache = true
	} else {
		p.shortCache = true
	}
}
