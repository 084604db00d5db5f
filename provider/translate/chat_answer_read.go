package translate

import (
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A chatPart is what a whole answer of Chat Completions holds, or a chunk of one.
// Its slices are parts of what it was read from.
type chatPart struct {
	id, model []byte
	failed    bool // it tells of an error
	chosen    bool // it holds a choice

	texts   [][]byte // each what is between the quotes of a JSON string
	refusal []byte   // likewise
	calls   []callPart
	weight  int64 // bytes that the model has written

	reason []byte // why it has finished; empty if it has not
	counts chatCounts
}

// A callPart is a call, or a part of one.
type callPart struct {
	index    int
	id, name []byte
	args     []byte // a JSON string; nil if there are none
}

// legacyCall is the index of a call that is no tool's but a function's, of which
// there is only one.
const legacyCall = -1

// read reads a body or a chunk, of which a choice holds the member "message" or
// "delta". What was read before of anything but usage is forgotten.
func (p *chatPart) read(data []byte, member string, notes *Notes) error {
	*p = chatPart{texts: p.texts[:0], calls: p.calls[:0], counts: p.counts}
	var s jsonscan.Scanner
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "id":
			p.id = wordIn(&s)
		case "model":
			p.model = wordIn(&s)
		case "object":
			p.failed = p.failed || string(wordIn(&s)) == "error"
		case "error":
			p.failed = p.failed || !s.Null()
		case "usage":
			p.counts.read(&s)
		case "choices":
			wire.List(&s, func(int) { p.choice(&s, data, member, notes) })
		}
	})
	s.End()
	return s.Err()
}

// choice reads a choice. There is one, since no more are asked for.
func (p *chatPart) choice(s *jsonscan.Scanner, data []byte, member string, notes *Notes) {
	if p.chosen {
		s.Fail("a second choice")
		return
	}
	p.chosen = true
	var read, other bool
	s.Object(func(key []byte) {
		switch string(key) {
		case "index":
			if s.Kind() == jsonscan.Number && s.Int() != 0 {
				s.Fail("a second choice")
			}
		case "finish_reason":
			p.reason = wire.Text(s)
		case "delta", "message":
			if string(key) == member {
				read = true
				wire.Fields(s, func(key []byte) { p.member(key, s, data, notes) })
			} else {
				other = !s.Null()
			}
		}
	})
	if other && !read { // or else it tells the same once more
		s.Fail("a choice of another kind of answer")
	}
}

// member reads a member of a message.
func (p *chatPart) member(key []byte, s *jsonscan.Scanner, data []byte, notes *Notes) {
	switch string(key) {
	case "role":
	case "content":
		if s.Kind() == jsonscan.Array { // as some servers have it that think
			s.Array(func(int) { p.contentPart(s, data, notes) })
			return
		}
		if text := p.text(s, data); len(text) > 0 {
			p.texts = append(p.texts, text)
		}
	case "refusal":
		p.refusal = p.text(s, data)
	case "tool_calls":
		wire.List(s, func(i int) { p.call(s, data, i) })
	case "function_call":
		if !s.Null() {
			p.calls = append(p.calls, callPart{index: legacyCall})
			s.Object(func(key []byte) { p.function(key, s, data) })
		}
	case "audio":
		if !s.Null() {
			s.Fail("an answer in sound")
		}
	default:
		from, to := s.Skip()
		if value := data[from:to]; len(value) > len(`""`) && string(value) != "null" {
			p.weight += int64(to - from - len(`""`))
			noteDropped(notes, key, "message")
		}
	}
}

// text reads a text and returns what is between its quotes.
func (p *chatPart) text(s *jsonscan.Scanner, data []byte) []byte {
	if s.Null() {
		return nil
	}
	raw := quoted(s, data)
	if len(raw) == 0 {
		return nil
	}
	p.weight += int64(len(raw) - len(`""`))
	return contents(raw)
}

// contentPart reads an element of a content that is a list.
func (p *chatPart) contentPart(s *jsonscan.Scanner, data []byte, notes *Notes) {
	var kind, text []byte
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			kind = wordIn(s)
		case "text":
			if s.Kind() == jsonscan.String {
				text = p.text(s, data)
			}
		}
	})
	switch {
	case string(kind) != "text":
		noteDropped(notes, kind, "content")
	case len(text) > 0:
		p.texts = append(p.texts, text)
	}
}

// call reads a call, of which i is the place in its list.
func (p *chatPart) call(s *jsonscan.Scanner, data []byte, i int) {
	p.calls = append(p.calls, callPart{index: i})
	s.Object(func(key []byte) {
		c := &p.calls[len(p.calls)-1]
		switch string(key) {
		case "index":
			if n := wire.Count(s); n != wire.Unreported {
				c.index = int(n)
			}
		case "id":
			c.id = wire.Text(s)
		case "function":
			wire.Fields(s, func(key []byte) { p.function(key, s, data) })
		case "custom":
			if !s.Null() {
				s.Fail("a call of a tool without a schema")
			}
		}
	})
	if c := &p.calls[len(p.calls)-1]; s.Err() == nil && len(c.id)+len(c.name)+len(c.args) == 0 {
		p.calls = p.calls[:len(p.calls)-1]
	}
}

// function reads a member of what the last call calls.
func (p *chatPart) function(key []byte, s *jsonscan.Scanner, data []byte) {
	c := &p.calls[len(p.calls)-1]
	switch string(key) {
	case "name":
		c.name = wire.Text(s)
	case "arguments":
		switch s.Kind() {
		case jsonscan.Null:
			return
		case jsonscan.String:
			c.args = quoted(s, data)
		default: // as some servers have it
			from, to := s.Skip()
			c.args = wire.AppendString(nil, string(data[from:to]))
		}
		p.weight += int64(max(len(c.args)-len(`""`), 0))
	}
}

func (p *chatPart) hasText() bool { return len(p.texts)+len(p.refusal) > 0 }
