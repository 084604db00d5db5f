package sse

import (
	"bytes"
	"errors"
)

// ErrTooLong means that an event has outgrown [Splitter.Max].
var ErrTooLong = errors.New("sse: event too long")

const (
	// defaultMax fits the images that come in one event of base64.
	defaultMax = 32 << 20

	// maxKept is how many bytes of memory are kept for later events.
	maxKept = 64 << 10
)

// A Splitter cuts a stream of server-sent events behind the blank line that
// ends each. It copies nothing but events that it is fed in several pieces. The
// Raws of all events, and then Rest, are the stream itself, byte by byte.
//
// Lines end with LF, CR or CRLF. A CR that is the last byte fed so far ends its
// line at once, and maybe its event; the LF that may follow is still no blank
// line, but is the first byte of the next event then. A byte order mark at the
// beginning of the stream is passed over. So are lines that are neither "event"
// nor "data", though an event may consist of them.
//
// The zero Splitter is ready for the beginning of a stream. It serves one
// goroutine.
type Splitter struct {
	// Max is how many bytes of an event that is not complete are kept for more
	// to come; 0 is 32 MiB. The memory used is about that of the longest event
	// and the longest Feed, twice.
	Max int

	in   []byte // what is being cut: the argument of Feed, or buf
	own  bool   // it is buf
	buf  []byte // an event that goes on over several Feeds, and what came with its end
	at   int    // where the event begins that is being read
	line int    // where its line begins that is being read
	lf   int    // no LF is from line to here
	cr   int    // no CR is from line to here

	started bool // the first line has been read
	cut     bool // the last line ended with a CR, and an LF may still belong to it

	// Of the event that is being read:
	begun bool // it has a line that is not blank
	name  span
	data  span   // the first "data" line's value
	more  bool   // there are further ones: the event's Data is joined
	join  []byte // the joined Data of this event and others of the same Feed
	from  int    // where this event's begins
}

// Feed takes the next bytes of the stream. It is to be called when Next has
// returned false. The caller must not change p before Next has done so again,
// and may then: from there on, p is not used any more.
//
// It returns ErrTooLong, and takes nothing, if more than Max bytes are waiting
// for the end of their event already.
func (s *Splitter) Feed(p []byte) error {
	limit := s.Max
	if limit == 0 {
		limit = defaultMax
	}
	if len(s.Rest()) > limit {
		return ErrTooLong
	}
	if s.from > 0 { // only what belongs to the event that is being read is still needed
		s.join = append(s.join[:0], s.join[s.from:]...)
		s.from = 0
	}
	if len(s.Rest()) == 0 {
		if cap(s.buf)+cap(s.join) > maxKept {
			s.buf, s.join = nil, nil
		}
		s.in, s.own, s.at, s.line, s.lf, s.cr = p, false, 0, 0, 0, 0
		return nil
	}
	s.keep()
	s.buf = append(s.buf, p...)
	s.in = s.buf
	return nil
}

// Rest is what was fed and is not part of an event that Next has returned: after
// Next has returned false, the beginning of an event that is not complete. It is
// valid until the next Feed.
func (s *Splitter) Rest() []byte { return s.in[s.at:] }

// keep copies the rest to the beginning of buf, and goes on there.
func (s *Splitter) keep() {
	if s.own && s.at == 0 {
		return
	}
	s.buf = append(s.buf[:0], s.Rest()...)
	s.in, s.own = s.buf, true
	s.line -= s.at
	s.at, s.lf, s.cr = 0, 0, 0
}

// Next returns the next event that is complete, or false if there is none until
// more is fed. The event's slices are valid until the next Feed, and as long as
// the argument of the last one is not changed.
func (s *Splitter) Next() (Event, bool) {
	for {
		if s.cut && s.line < len(s.in) {
			s.cut = false
			if s.in[s.line] == '\n' {
				s.line++
			}
		}
		s.lf = find(s.in, max(s.lf, s.line), '\n')
		s.cr = find(s.in, max(s.cr, s.line), '\r')
		end := min(s.lf, s.cr)
		if end == len(s.in) {
			s.pause()
			return Event{}, false
		}
		from := s.line
		s.line = end + 1
		if end == s.cr {
			if s.line == len(s.in) {
				s.cut = true
			} else if s.in[s.line] == '\n' {
				s.line++
			}
		}
		if !s.started {
			s.started = true
			if bytes.HasPrefix(s.in[from:end], []byte("\xEF\xBB\xBF")) {
				from += 3
			}
		}
		if from < end {
			s.begun = true
			s.field(from, end)
		} else if s.begun {
			return s.event(), true
		}
	}
}

// find returns the offset of the first c at or after i, or len(b).
func find(b []byte, i int, c byte) int {
	if n := bytes.IndexByte(b[i:], c); n >= 0 {
		return i + n
	}
	return len(b)
}

// pause lets go of what was fed, since no complete event is left in it.
func (s *Splitter) pause() {
	switch {
	case s.own: // its events are still in use
	case len(s.Rest()) > 0:
		s.keep()
	default:
		s.in, s.at, s.line, s.lf, s.cr = nil, 0, 0, 0, 0
	}
}

// field takes the line in[from:end] of the event, which is not blank.
func (s *Splitter) field(from, end int) {
	line := s.in[from:end]
	if i := value(line, "data"); i >= 0 {
		v := span{from + i - s.at, end - s.at, true}
		if !s.data.is {
			s.data = v
			return
		}
		if !s.more {
			s.more, s.from = true, len(s.join)
			s.join = append(s.join, s.data.of(s.Rest())...)
		}
		s.join = append(s.join, '\n')
		s.join = append(s.join, line[i:]...)
		return
	}
	if i := value(line, "event"); i >= 0 {
		s.name = span{from + i - s.at, end - s.at, true}
	}
}

// event returns the event that ends before line, and begins the next one.
func (s *Splitter) event() Event {
	raw := s.in[s.at:s.line]
	e := Event{Raw: raw, Name: s.name.of(raw), Data: s.data.of(raw)}
	if s.more {
		e.Data = s.join[s.from:len(s.join):len(s.join)]
		s.from = len(s.join)
	}
	s.at = s.line
	s.begun, s.name, s.data, s.more = false, span{}, span{}, false
	return e
}
