package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/provider"
)

// A failure is an error that is an answer of the provider's, to be passed on unless
// another target serves the call.
type failure struct {
	lapse
	by     string      // the provider
	header http.Header // as the agent gets it
	body   []byte      // likewise
	stream bool        // it is the first event of one, and what has led in to that
}

func (f *failure) Error() string {
	return fmt.Sprintf("provider %q has answered with status %d", f.by, f.status)
}

func isFailure(err error) bool {
	_, ok := errors.AsType[*failure](err)
	return ok
}

// A lapse is why a target does not serve a call.
type lapse struct {
	fault  provider.Fault
	after  time.Duration // when the provider wants to be asked again; 0 is not said
	status int           // of the answer, or of our own; 0 where the provider was not asked
}

// lapse returns what err says about the target; nil if it is about something else.
func (c *call) lapse(err error) *lapse {
	if c.upstream == nil { // it has not been chosen yet
		return nil
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return &f.lapse
	}
	f, _ := errors.AsType[*refusal](err)
	switch {
	case isGone(err), errors.Is(err, errClaimLost):
		return nil
	case c.forwarded && f == nil:
		return nil
	case c.forwarded:
		fault, known := faults[f.code]
		if !known || f.rule != "" {
			return nil
		}
		return &lapse{fault: fault, status: answers[f.code].status}
	case f != nil && f.rule == ruleTranslatable, c.ownChoice() && unfit(err):
		return &lapse{fault: provider.Rejected}
	}
	return nil
}

// faults are what our own refusals say about the provider.
var faults = map[string]provider.Fault{
	codeUnreachable:   provider.Unreachable,
	codeTimeout:       provider.TimedOut,
	codeProtocolError: provider.Overloaded,
}

// unfit reports whether a call is refused for the sake of its target.
func unfit(err error) bool {
	if f, ok := errors.AsType[*refusal](err); ok {
		switch f.code {
		case codePolicyViolation, codeUnpricedModel, codeInvalidRequest, codeUnknownModel:
			return true
		}
	}
	if _, ok := errors.AsType[*budget.ExhaustedError](err); ok {
		return true
	}
	_, ok := errors.AsType[*budget.UnboundedError](err)
	return ok
}

// report tells how the attempt has ended, if that is not known yet.
func (c *call) report(l *lapse) {
	switch {
	case !c.forwarded:
	case l == nil && c.failed == nil && c.succeeded():
		c.attempt.Served(0)
	case l == nil:
		c.attempt.Dropped()
	case l.fault == provider.Rejected:
		c.attempt.Served(0)
	default:
		c.attempt.Failed(l.fault, l.after)
	}
}

// reportStatus tells how an attempt has ended whose answer is an error that is passed on
// unread. By its status alone, only that of a provider which is busy or broken is certain.
func (c *call) reportStatus() {
	resp := c.answer.resp
	switch f := c.upstream.Dialect().Fault(resp.StatusCode, nil); f {
	case provider.Overloaded, provider.RateLimited:
		c.attempt.Failed(f, health.RetryAfter(resp.Header, time.Now()))
	default:
		c.attempt.Served(0)
	}
}

// passed reports whether the agent has got any of the answer, or would have if it was
// not held back.
func (c *call) passed() bool {
	c.watch.writing.Lock()
	defer c.watch.writing.Unlock()
	a := &c.answer
	return a.content || a.begun && (!a.stream || a.shown)
}

// maxFailure is how much of an error of the provider's is kept until it is known
// whether the agent gets it.
const maxFailure = 1 << 20

// fails returns the answer of the provider, which is an error.
func (c *call) fails(body io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(body, maxFailure+1))
	if err != nil {
		return c.broken(c.r.Context(), err)
	}
	resp := c.answer.resp
	fault := c.upstream.Dialect().Fault(resp.StatusCode, text)
	if len(text) > maxFailure {
		switch p := c.tries.plan; {
		case c.foreign != nil, c.answer.begun:
			return c.garbled(errTooMuchHeld)
		case c.tries.first == nil && (!c.tries.more || !p.GivesUp(fault)):
			c.reportStatus()
			return c.relayLong(text, body)
		}
		text = text[:maxFailure] // nobody needs all of it
	}
	c.take(text)
	f := c.failure(fault, text)
	f.after = health.RetryAfter(resp.Header, time.Now())
	if c.foreign != nil {
		f.status, f.body = c.foreign.Error(f.status, text)
		f.header["Content-Type"] = jsonType
	}
	return f
}

// failure returns an answer of the provider's as it would be passed on.
func (c *call) failure(fault provider.Fault, body []byte) *failure {
	c.watch.writing.Lock() // a sign of life may be about to take it off the header
	header := c.w.Header().Clone()
	c.watch.writing.Unlock()
	return &failure{lapse: lapse{fault: fault, status: c.answer.resp.StatusCode}, by: c.upstream.Name(), header: header, body: body}
}

// failsInStream returns the error of the provider's that is the first event of a
// stream, if another target may serve the call instead; else nil.
func (c *call) failsInStream(raw []byte) error {
	if c.tries.plan == nil || c.passed() {
		return nil
	}
	c.answer.failed = true
	f := c.failure(c.answer.fault, bytes.Clone(raw))
	f.stream = true
	return f
}

// leadIn puts what has led in to an error in a stream, and is still held back, before it.
func (c *call) leadIn(err error) {
	f, ok := errors.AsType[*failure](err)
	if !ok || !f.stream {
		return
	}
	lead := c.answer.lead
	if c.judgement.hold {
		lead = c.judgement.kept
	}
	f.body, c.answer.lead = slices.Concat(lead, f.body), nil
}

// maxShownError is how much of a provider's error is repeated in a stream.
const maxShownError = 1 << 10

// passFailure passes an error of a provider's on.
func (c *call) passFailure(f *failure) {
	c.conclude()
	if c.answer.begun {
		if f.stream {
			c.limitWriting()
			c.w.Write(f.body)
			_ = c.flush()
			return
		}
		c.breakOff(&refusal{code: codeProtocolError, message: fmt.Sprintf("Rungate: %s: %s", f, f.body[:min(len(f.body), maxShownError)])})
		return
	}
	h := c.w.Header()
	for name, values := range f.header {
		h[name] = values
	}
	c.echoRun(h)
	delete(h, "Content-Length")
	if f.stream {
		h["X-Accel-Buffering"] = noBuffering
	} else if !bodyless(f.status) {
		h["Content-Length"] = []string{strconv.Itoa(len(f.body))}
	}
	c.answer.begun = true
	c.limitWriting()
	c.w.WriteHeader(f.status)
	c.w.Write(f.body)
}

// firstError returns what the agent is told when no target has served its call: why the
// first one has not. Of what concerns the run, and not a target, it is told itself.
func (c *call) firstError(ctx context.Context, err error) error {
	_, crowded := errors.AsType[*budget.RateLimitedError](err) // another call was faster
	if c.tries.first == nil || c.lapse(err) == nil && !crowded || ctx.Err() != nil {
		return err
	}
	return c.tries.first
}
