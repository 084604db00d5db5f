package gateway

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// relay passes the provider's answer on to the agent, and reads from it what the
// call has cost. Of a stream, or an answer that is large, it leaves a rest.
func (c *call) relay(ctx context.Context) error {
	resp := c.answer.resp
	if resp.StatusCode < 200 || resp.StatusCode > 999 {
		return c.garbled(fmt.Errorf("status %d is none of an answer", resp.StatusCode))
	}
	if resp.StatusCode < 300 && !c.free() {
		c.answer.meter = c.route.dialect.Meter(&c.req)
	}
	body := io.Reader(resp.Body)
	h := c.w.Header()
	copyHeader(h, resp.Header, kept)
	c.echoRun(h)
	if enc := resp.Header.Get("Content-Encoding"); strings.EqualFold(enc, "gzip") && resp.ContentLength != 0 {
		// It was not asked for, but comes from some. The agent gets it unpacked.
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return c.broken(ctx, err)
		}
		body, resp.ContentLength = z, -1
		delete(h, "Content-Encoding")
	}
	if resp.StatusCode < 300 && c.judges() {
		if enc := h["Content-Encoding"]; enc == nil || strings.EqualFold(enc[0], "identity") {
			c.judgement.reader = c.route.dialect.Calls(&c.req)
		} else if err := c.unclear(errEncoded); err != nil {
			return err
		}
	}
	// In another encoding there are no events to be seen.
	if resp.StatusCode < 300 && isEventStream(resp.Header) && h["Content-Encoding"] == nil {
		c.answer.stream = true
		c.answer.body, c.answer.rest = body, (*call).relayStream
		return nil
	}
	if c.judgement.reader != nil {
		return c.relayJudged(body)
	}
	return c.relayWhole(ctx, body)
}

// relayRest passes on what relay has left.
func (c *call) relayRest(ctx context.Context) error {
	if c.answer.rest == nil {
		return nil
	}
	return c.answer.rest(c, ctx)
}

func isEventStream(h http.Header) bool {
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// Buffers are lent in two sizes. A stream mostly waits for its next event, and
// then a large one would be held for nothing.
const (
	smallBuffer = 1 << 10
	largeBuffer = 32 << 10
)

var smallBuffers, largeBuffers = pool(smallBuffer), pool(largeBuffer)

func pool(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, size); return &b }}
}

// relayWhole passes on an answer that is no stream. One that is not large is
// settled before the agent gets it, so that its headers tell the cost and the
// agent's next call finds it spent.
func (c *call) relayWhole(ctx context.Context, body io.Reader) error {
	buf := largeBuffers.Get().(*[]byte)
	defer largeBuffers.Put(buf)
	n, err := c.readFull(body, *buf)
	switch {
	case err == io.EOF:
		return c.sendWhole((*buf)[:n])
	case err != nil:
		return c.broken(ctx, err)
	}
	return c.relayLong((*buf)[:n], body)
}

// sendWhole settles the call and sends the agent all of its answer.
func (c *call) sendWhole(p []byte) error {
	c.conclude()
	h := c.w.Header()
	c.tellCost(h)
	if !bodyless(c.answer.resp.StatusCode) {
		c.setLength(h, int64(len(p)))
	}
	return c.sendFirst(p)
}

// relayLong sends the agent what has come of its answer, and leaves the rest.
func (c *call) relayLong(p []byte, body io.Reader) error {
	if length := c.answer.resp.ContentLength; length >= 0 {
		c.setLength(c.w.Header(), length)
	}
	c.answer.body, c.answer.rest = body, (*call).relayMore
	return c.sendFirst(p)
}

// sendFirst sends the header of an answer that is no stream, and what comes first.
func (c *call) sendFirst(p []byte) error {
	c.answer.begun = true
	c.w.WriteHeader(c.answer.resp.StatusCode)
	return c.write(p)
}

// setLength tells the agent how long the answer is.
func (c *call) setLength(h http.Header, length int64) {
	if told := c.answer.resp.Header["Content-Length"]; len(told) == 1 && length == c.answer.resp.ContentLength {
		h["Content-Length"] = told
	} else {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
}

// relayMore passes on what is left of an answer that is no stream.
func (c *call) relayMore(ctx context.Context) error {
	buf := largeBuffers.Get().(*[]byte)
	defer largeBuffers.Put(buf)
	for {
		n, err := c.answer.body.Read(*buf)
		c.take((*buf)[:n])
		if c.answer.meter != nil && c.answer.meter.Ended() {
			c.conclude()
		}
		if werr := c.write((*buf)[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return c.broken(ctx, err)
		}
	}
}

// bodyless reports whether an answer of that status has no body.
func bodyless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// readFull reads until buf is full. The error is io.EOF if the body ends before.
func (c *call) readFull(body io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var k int
		k, err = body.Read(buf[n:])
		c.take(buf[n : n+k])
		n += k
	}
	return n, err
}

// take shows the meter the next piece of a whole answer.
func (c *call) take(p []byte) {
	if len(p) > 0 {
		c.watch.hear()
		if c.answer.meter != nil {
			c.answer.meter.Body(p)
		}
	}
}

// relayStream passes on a stream, event by event: whole events as soon as they
// are there, and none that is not whole, so that what we may have to say
// ourselves comes between two of them. What leads in to the first content is
// held back for a moment: a stream that breaks off in it is answered with a
// status that says so.
func (c *call) relayStream(ctx context.Context) error {
	c.answer.came = c.answer.meter == nil // nobody would tell us
	c.watch.keepAlive()

	lent, buf := smallBuffers, smallBuffers.Get().(*[]byte)
	defer func() { lent.Put(buf) }()
	events := sse.Splitter{Max: c.g.cfg.Limits.EventBytes}
	for {
		n, err := c.answer.body.Read(*buf)
		if n > 0 {
			if ferr := events.Feed((*buf)[:n]); ferr != nil {
				err = ferr
			} else if werr := c.passEvents(&events); werr != nil {
				return werr
			}
		}
		switch {
		case err == nil:
		case c.judgement.refused != nil:
			return c.judgement.refused
		case err == io.EOF || c.answer.over:
			return c.streamEnded(&events)
		default:
			return c.broken(ctx, err)
		}
		if n == smallBuffer && len(*buf) == smallBuffer {
			// It comes faster than we read.
			lent.Put(buf)
			lent, buf = largeBuffers, largeBuffers.Get().(*[]byte)
		}
	}
}

var noBuffering = []string{"no"}

// maxLead is how much of a stream is held back, and maxHold for how long.
const (
	maxLead = 64 << 10
	maxHold = 250 * time.Millisecond
)

// beginStream sends the agent the header of a stream and what was held back. The
// caller holds the watch, and flushes.
func (c *call) beginStream() error {
	c.answer.begun = true
	c.w.Header()["X-Accel-Buffering"] = noBuffering
	c.w.WriteHeader(c.answer.resp.StatusCode)
	lead := c.answer.lead
	c.answer.lead = nil
	if len(lead) == 0 {
		return nil
	}
	_, err := c.w.Write(lead)
	return err
}

// passEvents writes the events that have come, in as few writes as it can.
func (c *call) passEvents(events *sse.Splitter) error {
	var run []byte // of events that lie one after the other
	spoke := false
	for {
		e, ok := events.Next()
		if !ok {
			return c.send(run, spoke)
		}
		spoke = spoke || e.Data != nil // a comment may come from a provider that does nothing else any more
		pass, err := c.readEvent(&e)
		switch {
		case pass && run == nil:
			run = e.Raw
		case pass:
			run = run[:len(run)+len(e.Raw)]
		default: // what came before it, the agent gets
			if serr := c.send(run, spoke); serr != nil {
				return serr
			}
			run = nil
			if err != nil {
				return err
			}
			if err := c.sendHeld(); err != nil {
				return err
			}
		}
	}
}

// sendHeld writes what was held of a stream, if that may be sent now.
func (c *call) sendHeld() error {
	held := c.judgement.release()
	c.answer.came = c.answer.came || len(held) > 0
	return c.send(held, true)
}

// readEvent reads what an event tells, and reports whether it is for the agent,
// now.
func (c *call) readEvent(e *sse.Event) (pass bool, err error) {
	kind := provider.EventOther
	if c.answer.meter != nil {
		kind = c.answer.meter.Event(e.Name, e.Data)
	}
	if c.judgement.refused != nil {
		return false, c.afterRefusal(kind)
	}
	asked := kind == provider.EventUsage && c.answer.asked // for by us, not by the agent
	pass = !asked
	if c.judgement.reader != nil && !asked {
		wait, err := c.withhold(e)
		if err != nil {
			return false, c.refuseStream(kind, err)
		}
		pass = !wait || c.judgement.open && kind == provider.EventError && c.abandon(e)
	}
	if pass && kind != provider.EventLead && kind != provider.EventOther {
		c.answer.came = true
	}
	switch kind {
	case provider.EventContent:
		c.awaitUsage()
	case provider.EventUsage:
		c.followAgent() // there is no more to wait for
	case provider.EventEnd:
		// The agent's next call shall find this one spent.
		c.conclude()
		c.streamOver()
	case provider.EventError:
		c.streamOver()
	}
	return pass, nil
}

// send writes part of a stream and flushes it. In that part the provider may have
// spoken, or only have kept the connection alive.
func (c *call) send(p []byte, spoke bool) error {
	if len(p) == 0 {
		return nil
	}
	c.watch.hold()
	c.watch.spoke = spoke
	defer c.watch.release()
	if !c.answer.begun {
		if !c.answer.came && len(c.answer.lead)+len(p) <= maxLead {
			c.answer.lead = append(c.answer.lead, p...)
			return nil
		}
		if err := c.beginStream(); err != nil {
			return c.left(err)
		}
	}
	if _, err := c.w.Write(p); err != nil {
		return c.left(err)
	}
	return c.left(c.flush())
}

// awaitUsage sees to it that a stream whose answer is complete, but for what it
// has cost, is read on also if the agent leaves now: that would hide the cost.
// Of several choices, another may still have to begin.
func (c *call) awaitUsage() {
	if c.answer.follow != nil && c.req.Choices <= 1 && c.answer.meter.Ended() {
		c.answer.follow()
		c.answer.follow, c.answer.stays = nil, true
		c.watch.hurry(usageTimeout)
	}
}

// usageTimeout is how long a provider may take to report the usage of a stream
// that is complete.
const usageTimeout = 10 * time.Second

// write writes part of a whole answer.
func (c *call) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.watch.hold()
	c.watch.spoke = true
	defer c.watch.release()
	_, err := c.w.Write(p)
	return c.left(err)
}

// left makes what it means of an error in writing to the agent: that it has
// left, which is nothing if the answer is read to its end all the same.
func (c *call) left(err error) error {
	if err == nil || errors.Is(err, http.ErrNotSupported) || c.answer.stays && !c.answer.over {
		return nil // it is read on
	}
	return &goneError{err}
}

// streamOver notes that the stream has said itself how it ends: that it is
// complete, or with an error of the provider's. There is nothing to add to that.
func (c *call) streamOver() {
	c.answer.over = true
	c.watch.quiet()
}

// streamEnded ends a stream whose bytes have ended. If it has not said itself
// that it is complete, it is not.
func (c *call) streamEnded(events *sse.Splitter) error {
	if m := c.answer.meter; m != nil && !m.Ended() && !c.answer.over {
		return c.garbled(errTruncated)
	}
	rest := events.Rest()
	if err := c.judgeEnd(rest); err != nil {
		return err
	}
	c.answer.came = true
	if err := c.sendHeld(); err != nil {
		return err
	}
	if len(rest) > 0 {
		return c.send(rest, true)
	}
	return c.begin()
}

// begin sends the header of a stream that has brought nothing.
func (c *call) begin() error {
	c.watch.hold()
	defer c.watch.release()
	if c.answer.begun {
		return nil
	}
	return c.left(c.beginStream())
}

var errTruncated = errors.New("the stream ended before it was complete")

// broken says why an answer broke off.
func (c *call) broken(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && !c.answer.stays:
		return &goneError{err}
	case errors.Is(context.Cause(c.answer.ctx), errStalled):
		return &refusal{code: codeTimeout, cause: err, message: fmt.Sprintf(
			"Rungate: the answer of provider %q has stalled for %s and was given up.", c.upstream.Name(), c.watch.limit())}
	}
	return c.garbled(err)
}

func (c *call) garbled(err error) error {
	return &refusal{code: codeProtocolError, cause: err, message: fmt.Sprintf(
		"Rungate: the answer of provider %q broke off: %v.", c.upstream.Name(), err)}
}

// breakOff ends an answer that has begun and cannot be brought to its end, so
// that nobody can take it for complete: a stream with an error, anything else by
// breaking the connection.
func (c *call) breakOff(f *refusal) {
	if f.cause != nil {
		c.g.cfg.Logger.Error("answer broken off", "code", f.code, "run", c.run.ID, "error", f.cause)
	}
	if !c.answer.stream {
		panic(http.ErrAbortHandler)
	}
	_ = c.send(c.route.dialect.StreamError(c.req.Endpoint, &provider.Refusal{
		Code: f.code, Message: f.message, RequestID: c.requestID(), Context: f.contextJSON()}), true)
}
