package inproc

import (
	"context"
	"errors"
	"io"
	"net/http"
)

// A responseBody is the client's side of the answer's body.
type responseBody struct{ x *exchange }

func (b responseBody) Read(p []byte) (int, error) {
	x := b.x
	for {
		x.mu.Lock()
		n, err := x.read(p)
		x.mu.Unlock()
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-x.more:
		case <-x.caller.Done():
		}
	}
}

// Close tells the handler that the client has left, unless the client has read
// the whole body.
func (b responseBody) Close() error {
	b.x.mu.Lock()
	whole := errors.Is(b.x.readErr, io.EOF)
	b.x.left = true
	b.x.mu.Unlock()
	if !whole {
		b.x.leave()
	}
	return nil
}

// read takes what is there, which may be nothing yet. The caller holds mu.
func (x *exchange) read(p []byte) (n int, err error) {
	switch {
	case x.left:
		return 0, http.ErrBodyReadAfterClose
	case x.readErr != nil:
		return 0, x.readErr
	case x.caller.Err() != nil:
		x.readErr = context.Cause(x.caller)
		return 0, x.readErr
	}
	n = copy(p, x.buf[x.from:x.to])
	x.from += n
	if x.from == len(x.buf) {
		x.buf, x.from, x.to = x.buf[:0], 0, 0
	}
	if x.room != nil && len(x.buf)-x.from <= maxBuffer/2 {
		select {
		case x.room <- struct{}{}:
		default:
		}
	}
	if x.unread >= 0 {
		x.unread -= int64(n)
	}
	switch {
	case x.unread == 0:
		x.readErr = io.EOF
	case x.from == x.to && x.end != nil:
		x.readErr = x.end
		x.mergeTrailer()
	}
	return n, x.readErr
}

// mergeTrailer adds the trailers to the response, as they come at its end.
func (x *exchange) mergeTrailer() {
	if x.response.Trailer == nil {
		x.response.Trailer = x.trailer
		return
	}
	for k, v := range x.trailer {
		x.response.Trailer[k] = v
	}
}

// A requestBody is the handler's side of the request's body.
type requestBody struct{ x *exchange }

func (b requestBody) Read(p []byte) (int, error) {
	if b.x.requestClosed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.x.body.Read(p)
}

func (b requestBody) Close() error { return b.x.closeRequest() }

// closeRequest closes the body of the request, the first time it is called.
func (x *exchange) closeRequest() error {
	if x.body == nil || x.requestClosed.Swap(true) {
		return nil
	}
	return x.body.Close()
}
