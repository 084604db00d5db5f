package wire

import (
	"sync"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A Whole is an answer that is one JSON object, of which some members are read. It may
// come in pieces. The zero Whole has not begun.
type Whole struct {
	bytes int64
	ended bool
	tap   *jsonscan.Tap // of one that has begun and not ended
}

// taps are lent to answers until they end, for their memory. One that an answer above
// maxLent bytes has used is not lent again: it may hold as much.
var taps = sync.Pool{New: func() any { return new(jsonscan.Tap) }}

const maxLent = 64 << 10

// Write takes the next piece, cut anywhere. When the object is closed, read is called
// with a Tap on the members of those names, which it must not keep.
func (w *Whole) Write(p []byte, names []string, read func(*jsonscan.Tap)) {
	w.bytes += int64(len(p))
	if w.ended {
		return
	}
	if w.tap == nil {
		w.tap = taps.Get().(*jsonscan.Tap)
		w.tap.Reset(names...)
	}
	w.tap.Write(p)
	if w.ended = w.tap.Done(); w.ended {
		read(w.tap)
		if w.bytes <= maxLent {
			taps.Put(w.tap)
		}
		w.tap = nil
	}
}

// Begun reports whether there is one.
func (w *Whole) Begun() bool { return w.ended || w.tap != nil }

// Ended reports whether the object is closed.
func (w *Whole) Ended() bool { return w.ended }

// Bytes is how many bytes have come.
func (w *Whole) Bytes() int64 { return w.bytes }

// Peek calls read, as Write does in the end, on what has come of an answer that has begun
// and not ended.
func (w *Whole) Peek(read func(*jsonscan.Tap)) {
	if w.tap != nil {
		read(w.tap)
	}
}
