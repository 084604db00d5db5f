package gateway

import (
	"bytes"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// withhold shows the reader of calls an event, and reports whether the agent has
// to wait for it. Then it is held, until release.
func (c *call) withhold(e *sse.Event) (wait bool, err error) {
	j := &c.judgement
	calls, open, err := j.reader.Event(e.Name, e.Data)
	wait = open || len(calls) > 0 || len(j.held) > 0 || j.hold
	if err == nil && wait && int64(len(j.held)+len(e.Raw)) > c.g.cfg.Limits.AnswerBytes {
		err = errTooMuchHeld
	}
	if err != nil {
		if err := c.unclear(err); err != nil {
			return true, err
		}
		j.reader, calls, open = nil, nil, false // it is of no more use
	}
	if err := c.judge(calls); err != nil {
		return true, err
	}
	j.open = open
	if wait && !j.hold {
		j.held = append(j.held, e.Raw...)
	}
	if wait && e.Data != nil {
		c.watch.hear()
	}
	return wait, nil
}

// keep keeps an event of an answer that a person may have to be asked about.
func (c *call) keep(e *sse.Event) error {
	j := &c.judgement
	switch {
	case !j.keep:
	case int64(len(j.kept)+len(e.Raw)) <= c.g.cfg.Limits.AnswerBytes:
		j.kept = append(j.kept, e.Raw...)
	case j.hold:
		return c.unclear(errTooMuchHeld)
	default: // it goes on, and what needs an approval in it is refused
		j.keep, j.kept = false, nil
	}
	return nil
}

// release returns what was held, if that may be sent now.
func (j *judgement) release() []byte {
	if j.open || j.hold {
		return nil
	}
	held := j.held
	j.held = nil
	return held
}

// abandon lets go of a call that an error of the provider's has cut off, and
// reports whether that error may be passed on: it holds no call itself.
func (c *call) abandon(e *sse.Event) bool {
	reader := c.route.dialect.Calls(&c.req)
	calls, open, err := reader.Event(e.Name, e.Data)
	if err != nil || open || len(calls) > 0 {
		return false
	}
	c.judgement = judgement{reader: reader, called: c.judgement.called, turns: c.judgement.turns}
	return true
}

// judgeEnd judges what has come of a stream when its bytes have ended. What
// follows the last event some agents take for one more.
func (c *call) judgeEnd(rest []byte) error {
	j := &c.judgement
	if j.reader == nil {
		return nil
	}
	var last sse.Splitter
	_ = last.Feed(append(bytes.Clone(rest), "\n\n"...)) // it is empty, and takes anything
	e, _ := last.Next()
	calls, open, err := j.reader.Event(e.Name, e.Data)
	if err == nil && open {
		err = errCallCut
	}
	j.open = false
	if err != nil {
		return c.unclear(err)
	}
	return c.judge(calls)
}

// refuseStream keeps the rest of a stream from the agent, whatever the reason, and
// has it read on for a while: its usage comes last, and it has to be paid for.
func (c *call) refuseStream(kind provider.EventKind, why error) error {
	if c.answer.meter == nil {
		return why
	}
	c.judgement = judgement{reader: c.judgement.reader, refused: c.refusalOf(why)}
	c.watch.hear() // for the last time: there is no more than that while
	c.watch.hurry(usageTimeout)
	return c.afterRefusal(kind)
}

// afterRefusal reads an event of a stream that is refused. It returns the refusal
// when there is nothing more to learn.
func (c *call) afterRefusal(kind provider.EventKind) error {
	m := c.answer.meter
	if kind == provider.EventEnd || kind == provider.EventError || m.Ended() && !m.Usage().Estimated {
		return c.judgement.refused
	}
	c.awaitUsage()
	return nil
}
