package wire

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
)

// directives reads the member that is meant for the gateway.
func (p *parser) directives() {
	s := &p.scan
	kind := s.Kind()
	from := s.Pos()
	if kind == jsonscan.Object {
		s.Object(ignore)
	} else {
		s.Skip() // who reads it says what is wrong with it
	}
	if s.Err() != nil {
		return
	}
	to := s.Pos()
	p.req.Directives = p.req.Body[from:to:to]
	p.req.CutDirectives = cut(p.req.Body, s.KeyPos(), to)
}

// cut returns the edit that takes a member out of the object that it is in: the
// member and the comma after it, or, if it is the last, the comma before it. Of
// the white space around it only that between the two goes.
func cut(body []byte, from, to int) provider.Edit {
	const white = " \t\r\n"
	after := bytes.TrimLeft(body[to:], white) // empty if the body breaks off
	if len(after) > 0 && after[0] == ',' {
		return provider.Edit{From: from, To: len(body) - len(after) + 1}
	}
	before := bytes.TrimRight(body[:from], white)
	if before[len(before)-1] == ',' {
		return provider.Edit{From: len(before) - 1, To: to}
	}
	return provider.Edit{From: from, To: to}
}

// The pieces that ask for usage.
const (
	includeUsage  = `"include_usage":true`
	streamOptions = `"stream_options":{` + includeUsage + `},`
)

// streamOptions reads the options of a stream and notes how they would be made
// to ask for usage.
func (p *parser) streamOptions() {
	s := &p.scan
	p.hasOptions = true
	if s.Kind() == jsonscan.Null {
		from := s.Pos()
		s.Skip()
		p.ask = provider.Edit{From: from, To: s.Pos(), With: "{" + includeUsage + "}"}
		return
	}
	p.ask = provider.Edit{From: s.Pos() + 1, To: s.Pos() + 1, With: includeUsage}
	first := true
	s.Object(func(key []byte) {
		if first {
			first = false
			p.ask.With = includeUsage + ","
		}
		if string(key) != "include_usage" {
			return
		}
		if kind, from := s.Kind(), s.Pos(); kind == jsonscan.Bool && s.Bool() {
			p.ask = provider.Edit{}
		} else {
			if kind != jsonscan.Bool {
				s.Skip()
			}
			p.ask = provider.Edit{From: from, To: s.Pos(), With: "true"}
		}
	})
}

// askUsage returns the edit that makes a stream report its usage.
func (p *parser) askUsage() provider.Edit {
	if p.hasOptions {
		return p.ask
	}
	open := bytes.IndexByte(p.req.Body, '{') + 1
	return provider.Edit{From: open, To: open, With: streamOptions}
}
