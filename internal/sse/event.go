package sse

// An Event is one event of a stream.
type Event struct {
	// Raw is every byte of the event: blank lines before it, and the one that
	// ends it. The next event's Raw of the same Feed follows it in memory, so
	// that raw[:len(raw)+len(next.Raw)] is both, to be written at once.
	Raw []byte

	// Name is the value of the last "event" line, nil if there is none.
	Name []byte

	// Data is the values of the "data" lines, joined by line feeds. It is nil
	// if there is no such line, as in a comment.
	Data []byte
}

// A span is a part of an event, from its first byte on.
type span struct {
	from, to int
	is       bool // the zero span is none
}

// of returns the bytes of the span, nil for none. Appending to them does not
// write to the event.
func (p span) of(event []byte) []byte {
	if !p.is {
		return nil
	}
	return event[p.from:p.to:p.to]
}

// value returns the offset of the field's value in line, or -1 if it is a line
// of another field.
func value(line []byte, field string) int {
	n := len(field)
	switch {
	case len(line) < n || string(line[:n]) != field:
		return -1
	case len(line) == n:
		return n
	case line[n] != ':':
		return -1
	case len(line) > n+1 && line[n+1] == ' ':
		return n + 2
	}
	return n + 1
}
