package wire

import "github.com/rungate/rungate/internal/jsonscan"

// bound notes what only the provider knows that the conversation has been with.
func (p *parser) bound(what string) {
	if p.req.Bound == "" {
		p.req.Bound = what
	}
}

// keeps reads a member that holds ids, or one, of what the provider keeps, and returns
// how many bytes they are.
func (p *parser) keeps(key []byte) int64 {
	kind := p.scan.Kind()
	n := p.size()
	if kind == jsonscan.String && n > 0 || kind == jsonscan.Array && n > int64(len("[]")) {
		p.bound(string(key))
	}
	return n
}

// given reads a member of a tool's definition by which it is given what the provider
// keeps: files, stores, containers, skills.
func (p *parser) given(key []byte) {
	s := &p.scan
	switch string(key) {
	case "container_id", "file_ids", "vector_store_ids", "skill_id":
		p.keeps(key)
	case "container":
		if s.Kind() == jsonscan.String {
			p.keeps(key)
		} else {
			Members(s, p.given)
		}
	case "skills":
		if s.Kind() == jsonscan.Array {
			s.Array(func(int) { Members(s, p.given) })
		}
	}
}

// seal reads what only the provider that has made it can check or read. Signatures
// are noted of thinking alone. What else is encrypted has been found by a hosted tool,
// or stands for what was before: no other provider could go on with it.
func (p *parser) seal(key []byte, b *block) {
	text := p.scan.Kind() == jsonscan.String
	n := p.size()
	p.load.Text += n
	if text && n > 0 {
		b.sealed = true
		if string(key) == "encrypted_content" {
			p.bound("encrypted_content")
		}
	}
}

// binds notes a turn's own part that only its provider can vouch for. Without its
// thinking a conversation goes on elsewhere; without what was compacted it does not,
// and reasoning that is kept or encrypted is refused elsewhere and cannot be left out.
func (p *parser) binds(b *block) {
	switch b.kind {
	case thinking:
		p.req.Signed = p.req.Signed || b.sealed
	case redacted:
		p.req.Signed = true
	case reasoning:
		p.req.Signed = p.req.Signed || b.sealed
		if b.sealed || b.id {
			p.bound("reasoning")
		}
	case compaction:
		p.bound("compaction")
	}
}
