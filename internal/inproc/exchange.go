package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

const (
	// holdBack is how much of an answer is kept from the client until it is
	// flushed or the handler returns. An answer that never has more is sent with
	// its length. net/http holds back as much.
	holdBack = 2 << 10

	// maxBuffer is how far a handler may write ahead of the client.
	maxBuffer = 64 << 10
)

// An exchange is one request and its answer. The handler has it as a [writer]
// and a [requestBody], the client as a [responseBody].
type exchange struct {
	request *http.Request // not read after the start: the caller may reuse it after an error
	head    bool
	body    io.ReadCloser   // the request's
	caller  context.Context // the request's
	ctx     context.Context // the handler's: on a goroutine of its own, a child that ends when the handler returns or the client leaves
	cancel  context.CancelFunc

	inline bool   // the handler is on the caller's goroutine
	rest   func() // what remains of it for one of its own, once it has returned

	url           url.URL // the one that the handler gets
	requestClosed atomic.Bool

	// The answer as the handler makes it; only its goroutine uses these.
	header   http.Header // what the handler fills in
	sent     snapshot    // header as it was when it was written
	status   int         // 0 until the header is written
	length   int64       // the declared length, -1 if there is none
	written  int64       // bytes of the body, also of those that nobody gets
	trailers []string    // the names of declared trailers
	lengthIs [1]string   // the value of a Content-Length that was not declared

	// more has a token when there may be news for the client: an answer, bytes
	// or the end. It is nil where the handler has returned before the client looks.
	more chan struct{}

	mu        sync.Mutex
	response  http.Response // the client's own from when it is committed
	committed bool
	bodiless  bool          // whatever is written, nothing is sent
	buf       []byte        // the part of the body that is on its way …
	from, to  int           // … of which the client may have [from:to]
	room      chan struct{} // has a token when buf has been read from; nil until the handler had to wait
	end       error         // why nothing follows after buf: io.EOF or a failure; nil while something may
	trailer   http.Header   // comes with io.EOF
	left      bool          // the client reads no more
	unread    int64         // bytes that the client still expects, -1 if the length is unknown
	readErr   error         // what the client was last told, for ever
}

func newExchange(ctx context.Context, req *http.Request, inline bool) *exchange {
	x := &exchange{
		request: req,
		head:    req.Method == http.MethodHead,
		body:    req.Body,
		caller:  ctx,
		ctx:     ctx,
		inline:  inline,
		length:  -1,
	}
	if !inline {
		x.part()
	}
	return x
}

// part prepares for a handler on a goroutine of its own.
func (x *exchange) part() {
	x.more = make(chan struct{}, 1)
	x.ctx, x.cancel = context.WithCancel(x.caller)
}

// endContext ends the context of a handler on a goroutine of its own.
func (x *exchange) endContext() {
	if x.cancel != nil {
		x.cancel()
	}
}

// serve runs the handler, or what remains of it. It returns when that does,
// however it does.
func (x *exchange) serve(t *Transport, handle func()) {
	returned := false
	defer func() {
		v := recover()
		if rest := x.rest; returned && rest != nil {
			x.inline, x.rest = false, nil
			go x.serve(t, rest)
			return
		}
		_ = x.closeRequest()
		err, _ := v.(error)
		switch {
		case returned:
			x.finish()
		case v == nil || errors.Is(err, http.ErrAbortHandler): // nil: runtime.Goexit
			x.abort(io.EOF)
		default:
			if t.Logger != nil {
				t.Logger.ErrorContext(x.ctx, "panic in an HTTP handler",
					slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
			}
			x.abort(fmt.Errorf("inproc: panic in handler: %v: %w", v, io.EOF))
		}
		x.endContext()
	}()
	handle()
	returned = true
}

// await waits for the response.
func (x *exchange) await() (*http.Response, error) {
	for {
		if x.caller.Err() != nil { // whatever else there is
			x.leave()
			return nil, context.Cause(x.caller)
		}
		x.mu.Lock()
		committed, end := x.committed, x.end
		x.mu.Unlock()
		switch {
		case committed:
			x.signal() // the token may have told of the first bytes, too
			return &x.response, nil
		case end != nil:
			return nil, end
		}
		select {
		case <-x.more:
		case <-x.caller.Done():
		}
	}
}

// finish ends the answer of a handler that has returned.
func (x *exchange) finish() {
	if x.status == 0 {
		x.writeHeader(http.StatusOK)
	}
	x.mu.Lock()
	if !x.committed {
		x.commit(true)
	}
	x.to = len(x.buf)
	x.end = io.EOF
	if x.written < x.length && !x.bodiless {
		x.end = io.ErrUnexpectedEOF
	}
	x.trailer = x.finalTrailer()
	x.mu.Unlock()
	x.signal()
}

// abort ends the answer of a handler that has not returned, as a broken
// connection would: what was held back is lost. The error is for a client that
// has no response yet.
func (x *exchange) abort(err error) {
	x.mu.Lock()
	x.end = err
	if x.committed {
		x.end = io.ErrUnexpectedEOF
	}
	x.mu.Unlock()
	x.signal()
}

// leave ends the exchange for the client: the handler's context is cancelled,
// its reads and writes fail.
func (x *exchange) leave() {
	x.mu.Lock()
	x.left, x.buf = true, nil
	x.mu.Unlock()
	x.endContext()
	_ = x.closeRequest()
	x.signal()
}

// signal tells the client to look.
func (x *exchange) signal() {
	select {
	case x.more <- struct{}{}:
	default:
	}
}
