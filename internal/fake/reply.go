package fake

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Reply is what a script answers in place of the model. A Reply that has
// neither Status nor Body nor Events is the model's own answer, delivered as the
// other fields say.
type Reply struct {
	Status int         // 0 is 200
	Header http.Header // set on top of the vendor's

	// Body is the answer as it is sent; its type is application/json unless
	// Header says otherwise.
	Body string

	// Events are sent instead, and flushed one by one; their type is
	// text/event-stream unless Header says otherwise. Each is sent as it is, with
	// the blank line after it.
	Events []string

	Wait  time.Duration // before anything is sent
	Delay time.Duration // between events; 0 is the Provider's

	// Cut breaks the connection after so many bytes of the body, and before the
	// header if it is negative. 0 does not.
	Cut int

	Gzip bool // compresses the body

	fails *failure
}

// Stream is the reply that sends a recorded stream event by event.
func Stream(sse string) *Reply {
	r := &Reply{Status: http.StatusOK, Events: []string{}}
	for event := range strings.SplitAfterSeq(sse, "\n\n") {
		if event != "" {
			r.Events = append(r.Events, event)
		}
	}
	return r
}

// Queue is a script that gives each of replies once, in order, to whoever comes.
// Nil among them, and everything after them, is the model's.
func Queue(replies ...*Reply) func(*http.Request, []byte) *Reply {
	var mu sync.Mutex
	return func(*http.Request, []byte) *Reply {
		mu.Lock()
		defer mu.Unlock()
		if len(replies) == 0 {
			return nil
		}
		next := replies[0]
		replies = replies[1:]
		return next
	}
}

// script answers as a reply says.
func (c *call) script(r *Reply) {
	if !pause(c.r.Context(), r.Wait) || r.Cut < 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range r.Header {
		c.w.Header()[http.CanonicalHeaderKey(k)] = v
	}
	d := &delivery{ResponseWriter: c.w, left: r.Cut}
	if r.Gzip {
		d.zip = gzip.NewWriter(rawWriter{d})
		c.w.Header().Set("Content-Encoding", "gzip")
	}
	c.w = d
	if r.Delay > 0 {
		c.delay = r.Delay
	}
	switch {
	case r.fails != nil:
		c.fail(*r.fails)
	case r.Events != nil:
		s := c.stream(statusOr(r.Status))
		for _, e := range r.Events {
			s.write(e)
		}
	case r.Status != 0 || r.Body != "":
		if c.w.Header().Get("Content-Type") == "" {
			c.w.Header().Set("Content-Type", "application/json")
		}
		c.w.WriteHeader(statusOr(r.Status))
		_, _ = d.Write([]byte(r.Body))
	default:
		c.serve()
	}
	if d.zip != nil {
		_ = d.zip.Close() // it fails only with the connection
	}
}

func statusOr(status int) int {
	if status == 0 {
		return http.StatusOK
	}
	return status
}

// A delivery writes a body as a Reply wants it to arrive.
type delivery struct {
	http.ResponseWriter
	zip  *gzip.Writer // nil: as it is
	left int          // bytes until the connection breaks, if it is not 0
}

func (d *delivery) Write(p []byte) (int, error) {
	if d.zip != nil {
		return d.zip.Write(p)
	}
	return rawWriter{d}.Write(p)
}

// FlushError is what http.ResponseController looks for.
func (d *delivery) FlushError() error {
	if d.zip != nil {
		if err := d.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(d.ResponseWriter).Flush()
}

// A rawWriter writes what goes over the wire.
type rawWriter struct{ d *delivery }

func (w rawWriter) Write(p []byte) (int, error) {
	d := w.d
	if d.left == 0 {
		return d.ResponseWriter.Write(p)
	}
	if len(p) < d.left {
		d.left -= len(p)
		return d.ResponseWriter.Write(p)
	}
	d.ResponseWriter.Write(p[:d.left])
	_ = http.NewResponseController(d.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}
