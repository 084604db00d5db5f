package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

func isEventStream(h http.Header) bool {
	media, _, _ := strings.Cut(headerValue(h, "Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// relayStream passes on a stream, event by event: whole events as soon as they
// are there, and none that is not whole, so that what we may have to say
// ourselves comes between two of them. What leads in to the first content is
// held back for a moment: a stream that breaks off in it is answered with a
// status that says so.
func (c *call) relayStream(ctx context.Context) error {
	c.answer.came = c.answer.meter == nil    // nobody would tell us
	if !c.judgement.hold || c.answer.begun { // else any status is still possible
		c.watch.keepAlive()
	}

	lent, buf := smallBuffers, smallBuffers.Get().(*[]byte)
	defer func() { lent.Put(buf) }()
	events := sse.Splitter{Max: c.g.cfg.Limits.EventBytes}
	for {
		n, err := c.answer.body.Read(*buf)
		if n > 0 {
			if ferr := events.Feed((*buf)[:n]); ferr != nil {
				err = ferr
			} else if werr := c.passCome(&events); werr != nil {
				return werr
			}
		}
		held := c.answer.over && c.judgement.hold // nothing more is waited for
		switch {
		case err == nil && !held:
		case c.judgement.refused != nil:
			return c.judgement.refused
		case err == nil || err == io.EOF || c.answer.over:
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
	return c.sendLead()
}

// sendLead sends the agent what was held back of a stream, if there is any. The caller
// holds the watch.
func (c *call) sendLead() error {
	lead := c.answer.lead
	c.answer.lead = nil
	if len(lead) == 0 {
		return nil
	}
	c.answer.shown = true
	_, err := c.w.Write(lead)
	return err
}

// passCome passes on the events that have come.
func (c *call) passCome(events *sse.Splitter) error {
	if c.foreign != nil {
		return c.passForeign(events)
	}
	return c.passEvents(events)
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

// kindOf reads an event of the provider's, or says what that was which this one was
// translated from.
func (c *call) kindOf(e *sse.Event) provider.EventKind {
	if c.foreign != nil {
		return c.foreign.kind
	}
	c.gather(e.Raw)
	if c.answer.meter == nil {
		return provider.EventOther
	}
	return c.meterEvent(e)
}

// meterEvent shows the meter an event of the provider's, and notes if that begins to
// serve the call by it, or has failed.
func (c *call) meterEvent(e *sse.Event) provider.EventKind {
	kind := c.answer.meter.Event(e.Name, e.Data)
	switch {
	case kind == provider.EventContent && !c.answer.content:
		c.contentCame()
	case kind == provider.EventError:
		c.answer.fault = c.upstream.Dialect().Fault(http.StatusOK, e.Data)
		c.report(&lapse{fault: c.answer.fault})
	}
	return kind
}

// contentCame notes that the provider has begun to serve the call: from now on, nothing
// takes its place.
func (c *call) contentCame() {
	c.answer.content = true
	c.attempt.Served(c.watch.now() - c.watch.asked)
	c.dropBody()
	c.watch.serve()
}

// readEvent reads what an event tells, and reports whether it is for the agent,
// now.
func (c *call) readEvent(e *sse.Event) (pass bool, err error) {
	kind := c.kindOf(e)
	if c.judgement.refused != nil {
		return false, c.afterRefusal(kind)
	}
	asked := kind == provider.EventUsage && c.answer.asked // for by us, not by the agent
	pass = !asked
	if kind == provider.EventError {
		if err := c.failsInStream(e.Raw); err != nil {
			return false, err
		}
	}
	if err := c.keep(e); err != nil {
		return false, c.refuseStream(kind, err)
	}
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
		if err := c.useApproval(); err != nil {
			return false, c.refuseStream(kind, err)
		}
		c.conclude()
		c.streamOver()
	case provider.EventError:
		c.answer.failed = true
		c.streamOver()
		if len(c.judgement.gated) > 0 {
			return false, c.garbled(errFailed)
		}
		c.conclude() // before the agent knows, as with any end
	}
	return pass, nil
}

// send writes part of a stream and flushes it. In that part the provider may have
// spoken, or only have kept the connection alive.
func (c *call) send(p []byte, spoke bool) error {
	if len(p) == 0 {
		return nil
	}
	if c.answer.came {
		if err := c.useApproval(); err != nil {
			return err
		}
	}
	c.watch.hold()
	c.watch.spoke = spoke
	defer c.watch.release()
	if !c.answer.came && (!c.answer.begun || c.tries.more && !c.answer.shown) && len(c.answer.lead)+len(p) <= maxLead {
		c.answer.lead = append(c.answer.lead, p...)
		return nil
	}
	if !c.answer.begun {
		if err := c.beginStream(); err != nil {
			return c.left(err)
		}
		c.watch.wake(c.watch.alarm, c.watch.now()) // not for that any more
	} else if err := c.sendLead(); err != nil {
		return c.left(err)
	}
	c.answer.shown = true
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
	if c.foreign != nil {
		if err := c.endForeign(); err != nil {
			return err
		}
		events = &c.foreign.events
	}
	rest := events.Rest()
	if err := c.judgeEnd(rest); err != nil {
		return err
	}
	c.answer.came = true
	if j := &c.judgement; len(j.gated) > 0 {
		return c.withholdAnswer(append(j.kept, rest...), true)
	} else if j.hold {
		j.hold, j.held = false, j.kept
		if c.answer.asked {
			j.held = c.withoutUsage(j.kept)
		}
	}
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
		return c.left(c.sendLead())
	}
	return c.left(c.beginStream())
}

var (
	errTruncated = errors.New("the stream ended before it was complete")
	errFailed    = errors.New("the stream said that it has failed")
)
