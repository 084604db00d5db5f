package audit

import (
	"bufio"
	"errors"
	"io"
)

// A Reader reads the lines of an export or a [Log], holding one at a time.
type Reader struct {
	r    *bufio.Reader
	long []byte // a line that the buffer has no room for
	line int64
	size int // of that line
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 64<<10)} }

// Line is the number of the line that was read last, from 1 on.
func (r *Reader) Line() int64 { return r.line }

// Next reads the next entry, whose Text is good until the following Next. At the
// end the error is io.EOF. It is a *[BrokenError] with the number of the line where
// that cannot be read: as Torn where the end is missing of the last one, else as
// Unreadable; then Next may be called again for those after it. Any other error is
// one of the reader's.
func (r *Reader) Next() (Entry, error) {
	text, err := r.next()
	r.size = len(text)
	switch {
	case err == io.EOF && len(text) == 0:
		return Entry{}, io.EOF
	case err == io.EOF:
		r.line++
		e, perr := ParseLine(text)
		if perr != nil {
			e = Entry{}
		}
		return e, &BrokenError{Line: r.line, Team: e.Team, Number: e.Number, Fault: Torn}
	case errors.Is(err, errLong):
		r.line++
		return Entry{}, &BrokenError{Line: r.line, Fault: Unreadable, cause: err}
	case err != nil:
		return Entry{}, err
	}
	r.line++
	e, err := ParseLine(text)
	if err != nil {
		return Entry{}, &BrokenError{Line: r.line, Fault: Unreadable, cause: err}
	}
	return e, nil
}

var errLong = errors.New("it is longer than any line of an audit trail")

// next returns the next line with its line feed, if it has one.
func (r *Reader) next() ([]byte, error) {
	text, err := r.r.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return text, err
	}
	r.long = append(r.long[:0], text...)
	long := false
	for err == bufio.ErrBufferFull {
		text, err = r.r.ReadSlice('\n')
		if long = long || len(r.long)+len(text) > MaxLine; !long {
			r.long = append(r.long, text...)
		}
	}
	if long && (err == nil || err == io.EOF) {
		return nil, errLong
	}
	return r.long, err
}
