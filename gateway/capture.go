package gateway

import (
	"context"
	"unicode/utf8"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// Capture says what of prompts and answers is kept, in the audit trail beside the
// decisions about them: as entries "call.request", before the call is allowed or
// refused, and "call.answer", before it has ended. Headers are never kept. The zero
// Capture keeps nothing.
type Capture struct {
	// Bytes is how much is kept at most of each, from its beginning; "cut" and
	// "bytes" in the entry then say that, and how long it was. 0 keeps nothing.
	Bytes int

	// Redact returns what is to be kept in the place of the content; nil keeps
	// nothing of it. It has to be given: who wants everything returns what comes. It
	// is given no more than Bytes, may change that, and is called by many goroutines
	// at once, in the course of the calls.
	Redact func(ctx context.Context, kind ContentKind, content []byte) []byte
}

// A ContentKind says what a content is.
type ContentKind string

// The kinds of contents.
const (
	RequestContent ContentKind = "request" // the body of a request, unpacked
	AnswerContent  ContentKind = "answer"  // the body of an answer, or the events of a stream
)

// captured is what is kept of a call.
type captured struct {
	request bool // is written
	answer  []byte
	total   int64
}

// captures reports whether contents are kept.
func (c *call) captures() bool { return c.g.scribe != nil && c.g.cfg.Capture.Bytes > 0 }

// captureRequest writes down the request of an agent, if that is wanted, once.
func (c *call) captureRequest() error {
	k := &c.recorded.capture
	if !c.captures() || k.request || c.agent == nil || len(c.req.Body) == 0 {
		return nil
	}
	k.request = true
	e := c.content(audit.CallRequest, RequestContent, c.req.Body, int64(len(c.req.Body)))
	if e == nil {
		return nil
	}
	r := e.record(c.team(), c.entryID(audit.CallRequest))
	return c.writeDown(func() *budget.Record { return r })
}

// gather notes a piece of the answer, if that is to be kept.
func (c *call) gather(p []byte) {
	if !c.captures() {
		return
	}
	k := &c.recorded.capture
	k.total += int64(len(p))
	k.answer = append(k.answer, p[:min(len(p), max(0, c.g.cfg.Capture.Bytes-len(k.answer)))]...)
}

// captureAnswer writes down what was gathered.
func (c *call) captureAnswer() {
	k := &c.recorded.capture
	if k.total == 0 {
		return
	}
	if e := c.content(audit.CallAnswer, AnswerContent, k.answer, k.total); e != nil {
		c.g.scribe.note(c.settling, e.record(c.team(), c.entryID(audit.CallAnswer)))
	}
	k.answer, k.total = nil, 0
}

// content is an entry with what is kept of a content that begins so and has that many
// bytes; nil where nothing is.
func (c *call) content(kind string, of ContentKind, begin []byte, total int64) entry {
	limit := c.g.cfg.Capture.Bytes
	begin = append([]byte(nil), beginning(begin, limit)...)
	kept := c.g.cfg.Capture.Redact(c.settling, of, begin)
	if kept == nil {
		return nil
	}
	cut := int64(len(begin)) < total || len(kept) > limit
	e := c.entry(kind)
	e = appendJSON(e.key("content"), string(beginning(kept, limit)))
	if cut {
		e = e.truth("cut", true).number("bytes", total)
	}
	return e
}

// beginning is what a text begins with, up to a limit, and no part of a character.
func beginning(text []byte, limit int) []byte {
	if len(text) <= limit {
		return text
	}
	end := limit
	for back := 0; end > 0 && back < utf8.UTFMax && !utf8.RuneStart(text[end]); back++ {
		end--
	}
	return text[:end]
}
