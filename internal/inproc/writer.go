package inproc

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A writer is the handler's side of the answer. An http.ResponseController can
// set no deadlines with it, and not hijack it: both are http.ErrNotSupported.
type writer struct{ x *exchange }

func (w writer) Header() http.Header {
	if w.x.header == nil {
		w.x.header = make(http.Header)
	}
	return w.x.header
}

func (w writer) WriteHeader(status int) { w.x.writeHeader(status) }

func (w writer) Write(p []byte) (int, error) { return write(w.x, p) }

func (w writer) WriteString(s string) (int, error) { return write(w.x, s) }

func (w writer) Flush() { _ = w.x.flush() }

func (w writer) FlushError() error { return w.x.flush() }

// EnableFullDuplex is there for handlers that ask for it; it is so anyway.
func (w writer) EnableFullDuplex() error { return nil }

// SetReadDeadline is there because it would cost more to find that it is not.
func (w writer) SetReadDeadline(time.Time) error { return http.ErrNotSupported }

// SetWriteDeadline is like SetReadDeadline.
func (w writer) SetWriteDeadline(time.Time) error { return http.ErrNotSupported }

func (x *exchange) writeHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("inproc: invalid WriteHeader code %v", status)) // as net/http does
	case x.status != 0: // superfluous
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		return
	}
	x.status = status
	if v := x.header.Get("Content-Length"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err == nil && n >= 0 {
			x.length = n
		} else {
			x.header.Del("Content-Length")
		}
	}
	x.sent.take(x.header)
}

func (x *exchange) flush() error {
	if x.status == 0 {
		x.writeHeader(http.StatusOK)
	}
	x.mu.Lock()
	x.publish()
	x.mu.Unlock()
	return context.Cause(x.ctx)
}

// publish lets the client have all that was written. The caller holds mu.
func (x *exchange) publish() {
	if !x.committed {
		x.commit(false)
	}
	x.to = len(x.buf)
	x.signal()
}

func write[T []byte | string](x *exchange, p T) (n int, err error) {
	if x.status == 0 {
		x.writeHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !bodyAllowed(x.status) {
		return 0, http.ErrBodyNotAllowed
	}
	x.written += int64(len(p))
	if x.length >= 0 && x.written > x.length {
		return 0, http.ErrContentLength
	}
	for {
		if x.ctx.Err() != nil {
			return n, context.Cause(x.ctx)
		}
		k := put(x, p[n:])
		if n += k; n == len(p) {
			return n, nil
		}
		select {
		case <-x.room:
		case <-x.ctx.Done():
		}
	}
}

// put buffers as much of p as there is room for, and returns how much.
func put[T []byte | string](x *exchange, p T) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.left {
		return 0
	}
	if x.from > 0 && len(x.buf)+len(p) > cap(x.buf) { // rather move than grow
		x.buf = x.buf[:copy(x.buf, x.buf[x.from:])]
		x.from, x.to = 0, x.to-x.from
	}
	n := len(p)
	if !x.inline { // else nobody reads yet
		n = min(n, max(0, maxBuffer-(len(x.buf)-x.from)))
	}
	x.buf = append(x.buf, p[:n]...)
	if n < len(p) && x.room == nil {
		x.room = make(chan struct{}, 1)
	}
	if len(x.buf)-x.to > holdBack {
		x.publish()
	}
	if x.bodiless { // the answer to HEAD
		x.buf, x.to = nil, 0
		return len(p)
	}
	return n
}
