package provider

import (
	"fmt"
	"strings"
)

// A Request is a call as an agent sent it: the bytes, and the facts that the
// gateway needs, read from them once by [Dialect.Parse].
type Request struct {
	Endpoint Endpoint
	Body     []byte // one JSON object; empty for a request without a body

	Model  string   // as the agent names it; empty if the endpoint takes none
	Others []string // further models that the call may run: fallbacks, advisors
	Stream bool     // the answer is asked for as a stream

	// How the call asks to be served, where that moves the price; see [Usage] for
	// what the words mean. Empty is the ordinary.
	ServiceTier, InferenceGeo, Speed string

	// Background says that the answer is made after the call has ended, and is
	// fetched by another.
	Background bool

	// Billing are the members by which the call would have somebody else pay for it,
	// such as "workspace_id"; nil if there is none.
	Billing []string

	// Tools are those that the call declares or names, in the order of the body,
	// wherever in it they are; nil if there are none. One that is declared twice is
	// there twice.
	Tools []Tool

	// HiddenTools says that the call may have further tools, which the provider
	// keeps: with a prompt, or from earlier in a conversation that the body only
	// refers to.
	HiddenTools bool

	// MaxOutput is the largest of the output limits that the call names and its
	// endpoint knows, in tokens for one choice; 0 if it names none.
	MaxOutput int64
	Choices   int64 // answers asked for; at least 1 after Parse

	// Input is the estimate of the call's input in tokens. It is made to be
	// rather too high than too low.
	Input int64

	// MaxInput is what the call's input can come to at most, in tokens, with any
	// tokenizer whose tokens are a byte or more, if Unbounded is empty.
	MaxInput int64

	// Unbounded says why the body does not tell what the call can consume at most:
	// the first member, type of tool or kind of content that brings in what is not
	// in the body, such as "previous_response_id", or that is billed beyond
	// MaxOutput, such as "prediction". It is empty if there is none.
	Unbounded string

	// Bound is what in the call only the provider knows that the conversation has been
	// with, such as "previous_response_id", "container" or "file_id": the first member
	// or kind of content that refers to what a provider keeps. It is empty if there is
	// nothing like it.
	Bound string

	// Signed says that the history holds what its provider has signed or encrypted,
	// such as thinking: any other one has to do without it.
	Signed bool

	// LongCache says that wherever the call asks for its input to be cached, it
	// asks for an hour.
	LongCache bool

	// Directives is the raw value of the member "rungate", nil if there is none.
	Directives []byte

	// Where the body may have to be changed. The zero Edit is none.
	CutDirectives Edit // takes the member "rungate" out
	AskUsage      Edit // makes a stream report its usage, where it would not
	modelAt       Edit // the model's name, with its quotes
}

// SetModelSpan notes where in Body the value of "model" stands, from its first
// quote to after its last.
func (r *Request) SetModelSpan(from, to int) { r.modelAt = Edit{From: from, To: to} }

// UseModel returns the edit that makes the request name another model. It is
// the zero Edit if the request names none, or already that one.
func (r *Request) UseModel(name string) Edit {
	if r.modelAt.To == 0 || name == r.Model {
		return Edit{}
	}
	e := r.modelAt
	e.With = quote(name)
	return e
}

// An Edit replaces Body[From:To] by With. The zero Edit changes nothing.
type Edit struct {
	From, To int
	With     string
}

// before reports whether e comes before o. What is inserted where another edit
// begins comes first.
func (e Edit) before(o Edit) bool { return e.From < o.From || e.From == o.From && e.To < o.To }

// Splice returns body with edits made, in any order, and every other byte as it
// was. Without any it returns body itself. Edits must not overlap.
func Splice(body []byte, edits ...Edit) []byte {
	n, some := len(body), false
	for i, e := range edits {
		some = some || e != (Edit{})
		n += len(e.With) - (e.To - e.From)
		for j := i; j > 0 && edits[j].before(edits[j-1]); j-- { // few: insertion sort
			edits[j-1], edits[j] = edits[j], edits[j-1]
		}
	}
	if !some {
		return body
	}
	out, at := make([]byte, 0, n), 0
	for _, e := range edits {
		if e == (Edit{}) {
			continue
		}
		out = append(out, body[at:e.From]...)
		out = append(out, e.With...)
		at = e.To
	}
	return append(out, body[at:]...)
}

// quote writes s as a JSON string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// A SyntaxError says where a body cannot be read for sure, and why.
type SyntaxError struct {
	Offset int    // of the byte at fault, from 0
	Path   string // of the value that is being read, such as "messages.3"; empty at the top
	Reason string
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("%s (byte %d): %s", e.Path, e.Offset, e.Reason)
}
