package wire

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
)

// thread reads the conversation that the call goes on with, or begins.
func (p *parser) thread() {
	if p.scan.Kind() != jsonscan.Object {
		if !p.scan.Null() {
			p.kept("thread")
		}
		return
	}
	begins := false
	p.scan.Object(func(key []byte) {
		if string(key) == "type" {
			begins = string(p.name()) == "create"
		}
	})
	if !begins {
		p.kept("thread")
	}
}

// contextManagement reads what becomes of a conversation that grows long. A
// compaction reads it once more.
func (p *parser) contextManagement() {
	edits := func() {
		p.scan.Array(func(int) {
			Members(&p.scan, func(key []byte) {
				if string(key) == "type" && bytes.HasPrefix(p.name(), []byte("compact")) {
					p.unbounded("context_management")
				}
			})
		})
	}
	if p.scan.Kind() == jsonscan.Array {
		edits()
		return
	}
	Members(&p.scan, func(key []byte) {
		if string(key) == "edits" && p.scan.Kind() == jsonscan.Array {
			edits()
		}
	})
}
