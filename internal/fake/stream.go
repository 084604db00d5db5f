package fake

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// A stream sends events, each flushed. Once the client has left, it sends none.
type stream struct {
	c     *call
	flush *http.ResponseController
	begun bool
	gone  bool
}

// stream begins a stream of events.
func (c *call) stream(status int) *stream {
	h := c.w.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
	}
	h.Set("Cache-Control", "no-cache")
	c.w.WriteHeader(status)
	return &stream{c: c, flush: http.NewResponseController(c.w)}
}

// write sends one event with its blank line.
func (s *stream) write(event string) {
	var wait time.Duration
	if s.begun {
		wait = s.c.delay
	}
	s.begun = true
	if s.gone = s.gone || !pause(s.c.r.Context(), wait); s.gone {
		return
	}
	if _, err := s.c.w.Write([]byte(event)); err != nil {
		s.gone = true
		return
	}
	if err := s.flush.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.gone = true
	}
}

// data sends an event without a name, as Chat Completions does.
func (s *stream) data(v any) { s.write("data: " + string(encode(v)) + "\n\n") }

// event sends an event that is named as its type, as Responses does.
func (s *stream) event(name string, v any) {
	s.write("event: " + name + "\ndata: " + string(encode(v)) + "\n\n")
}

// padded sends an event as Messages does, with blanks before the last brace that
// hide how long the content is.
func (s *stream) padded(name string, v any) {
	b := encode(v)
	last := len(b) - 1
	s.write("event: " + name + "\ndata: " + string(b[:last]) + strings.Repeat(" ", len(b)*7%16) + string(b[last:]) + "\n\n")
}
