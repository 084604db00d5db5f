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
		c.answer.meter = c.upstream.Dialect().Meter(c.asked())
	}
	body := io.Reader(resp.Body)
	h := c.w.Header()
	if c.foreign != nil {
		c.foreignAnswer(h)
	} else {
		copyHeader(h, resp.Header, kept)
	}
	c.echoRun(h)
	if enc := headerValue(resp.Header, "Content-Encoding"); strings.EqualFold(enc, "gzip") && resp.ContentLength != 0 {
		// It was not asked for, but comes from some. The agent gets it unpacked.
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			return c.broken(ctx, err)
		}
		c.watch.hear() // its first bytes have come
		body, resp.ContentLength = z, -1
		delete(h, "Content-Encoding")
	}
	switch {
	case resp.StatusCode < 300:
		c.tellServed(h)
	case c.tries.plan != nil || c.foreign != nil || c.answer.begun:
		return c.fails(body)
	default:
		c.reportStatus()
	}
	if resp.StatusCode < 300 && c.judges() {
		if enc := h["Content-Encoding"]; enc == nil || strings.EqualFold(enc[0], "identity") {
			c.judgement.reader = c.route.dialect.Calls(&c.req)
			c.judgement.keep = c.mayGate()
			c.judgement.hold = c.judgement.keep && !c.decision.Approval.HoldTool
		} else if err := c.unclear(errEncoded); err != nil {
			return err
		}
	}
	// In another encoding there are no events to be seen.
	streamed := resp.StatusCode < 300 && isEventStream(resp.Header) && h["Content-Encoding"] == nil
	if streamed {
		c.answer.stream = true
		if c.foreign != nil {
			c.foreign.stream = c.foreign.Stream(time.Now())
			c.foreign.events.Max = c.g.cfg.Limits.EventBytes
		}
		c.answer.body, c.answer.rest = body, (*call).relayStream
		return nil
	}
	c.watch.serve()
	if c.answer.begun || c.judgement.reader != nil || c.foreign != nil {
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
	if err := c.useApproval(); err != nil {
		return err
	}
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
	c.attempt.Served(0)
	c.dropBody()
	if err := c.useApproval(); err != nil {
		return err
	}
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
		c.gather(p)
		if c.answer.meter != nil {
			c.answer.meter.Body(p)
		}
	}
}

// write writes part of a whole answer.
func (c *call) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c.watch.hold()
	c.watch.spoke = c.answer.rest != nil // else there is no more to wait for
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

// broken says why an answer broke off.
func (c *call) broken(ctx context.Context, err error) error {
	switch cause := context.Cause(c.answer.ctx); {
	case ctx.Err() != nil && !c.answer.stays, isAgents(cause):
		return &goneError{err}
	case errors.Is(cause, errClaimLost):
		return cause
	case errors.Is(cause, errStalled):
		return &refusal{code: codeTimeout, cause: err, message: fmt.Sprintf(
			"Rungate: the answer of provider %q has stalled for %s and was given up.", c.upstream.Name(), c.watch.limit())}
	}
	return c.garbled(err)
}

// isAgents reports whether a call to a provider that was ended for that cause was ended
// because the agent has left. Its context may not say so yet: where both hang on another,
// that one ends them in any order.
func isAgents(cause error) bool {
	return cause != nil && !errors.Is(cause, errSlowStart) && !errors.Is(cause, errStalled) && !errors.Is(cause, errClaimLost)
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
	c.limitWriting() // there is no watch any more
	_ = c.send(c.route.dialect.StreamError(c.req.Endpoint, &provider.Refusal{
		Code: f.code, Message: f.message, RequestID: c.requestID(), Context: f.contextJSON()}), true)
}
