package http1

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
)

// A body is that of an answer. When it has been read to its end, the connection is free
// for another call; when it is closed before that, or breaks off, so is the connection.
// Close may be called while another goroutine reads.
type body struct {
	from io.Reader
	ctx  context.Context
	stop func() bool // ends that the connection is closed when ctx ends
	t    *Transport
	c    *conn
	keep bool    // the connection can be used again
	late *upload // of the request
	over atomic.Bool
	err  error // of a Read before; nil while there is more
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.over.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.from.Read(p)
	if err != nil {
		b.err = b.end(err)
	}
	return n, b.err
}

// Close implements [io.Closer].
func (b *body) Close() error {
	_ = b.end(http.ErrBodyReadAfterClose)
	return nil
}

// end lets go of the connection, and returns what err means to the reader.
func (b *body) end(err error) error {
	if !b.over.CompareAndSwap(false, true) {
		return http.ErrBodyReadAfterClose
	}
	if undisturbed := b.stop(); undisturbed && b.keep && err == io.EOF && b.late.whole() {
		b.t.keep(b.c)
		return err
	}
	b.c.close()
	if err != io.EOF && b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return err
}
