package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A judgement is about the calls of tools in an answer, which the agent gets only
// when the policy has seen them. It is made where the policy asks for it.
type judgement struct {
	reader  provider.CallReader
	held    []byte        // events that wait for the decision
	open    bool          // a call has begun in them that is not complete
	refused error         // the decision, of a stream: only what it has cost is waited for
	at      time.Duration // when that came, since the start
}

// judges reports whether the calls of tools in the answer have to be seen. They
// are in answers that are fetched later, too.
func (c *call) judges() bool {
	switch c.req.Endpoint {
	case provider.Chat, provider.Messages, provider.Responses:
		return c.decision.Judge || c.countsTools()
	}
	return false
}

// countsTools reports whether calls of tools can be turns of a loop.
func (c *call) countsTools() bool {
	return c.decision.Loops != nil && c.decision.Loops.IdenticalToolCalls > 0 && !c.free()
}

// judge asks the policy about the calls of tools in the answer.
func (c *call) judge(calls []provider.ToolCall) error {
	if len(calls) == 0 {
		return nil
	}
	ctx := c.settling // the answer is there, whether or not the agent still is
	if c.decision.Judge {
		d, err := c.ask(ctx, calls)
		if err != nil {
			return err
		}
		c.announce(ctx, &d)
		if d.Verdict != policy.Allow && !d.Shadow {
			return c.refuseBy(ctx, &d)
		}
	}
	if !c.countsTools() {
		return nil
	}
	for i := range calls {
		k := &calls[i]
		if err := c.turn(ctx, &run.Turn{Rule: run.RuleIdenticalToolCalls, Tool: k.Name, Hash: run.HashToolCall(k.Name, k.Args)}); err != nil {
			return err
		}
	}
	return nil
}

// unclear refuses an answer of which nobody can say what it calls. In shadow mode
// it passes.
func (c *call) unclear(err error) error {
	f := c.unjudged(err)
	if c.shadowed(c.settling, f.rule, f) {
		return nil
	}
	return f
}

// unjudged refuses an answer that could not be judged.
func (c *call) unjudged(err error) *refusal {
	return &refusal{code: codeProtocolError, rule: "unclear_answer", cause: err, message: fmt.Sprintf(
		"Rungate: the answer of provider %q is kept back, since it cannot be read for sure what tools it calls: %v.", c.upstream.Name(), err)}
}

var (
	errTooMuchHeld = errors.New("more of it would have to be held than is allowed")
	errEncoded     = errors.New("it is in an encoding that cannot be read")
	errCallCut     = errors.New("it ends within a call of a tool")
)

// relayJudged passes on an answer that is no stream, when its calls of tools have
// been judged.
func (c *call) relayJudged(ctx context.Context, body io.Reader) error {
	whole, err := c.readWhole(body)
	if err != nil {
		return err
	}
	calls, err := c.judgement.reader.Body(whole)
	if err != nil {
		err = c.unclear(err)
	}
	if err == nil {
		err = c.judge(calls)
	}
	if err != nil {
		return err
	}
	return c.sendWhole(whole)
}

// readWhole reads an answer to its end.
func (c *call) readWhole(body io.Reader) ([]byte, error) {
	limit := c.g.cfg.Limits.AnswerBytes
	whole := make([]byte, 0, min(max(c.answer.resp.ContentLength, 4<<10), 1<<20)+1)
	for {
		n, err := c.readFull(body, whole[len(whole):cap(whole)])
		whole = whole[:len(whole)+n]
		switch {
		case int64(len(whole)) > limit:
			return nil, c.unjudged(errTooMuchHeld)
		case err == io.EOF:
			return whole, nil
		case err != nil:
			return nil, c.broken(c.r.Context(), err)
		}
		whole = slices.Grow(whole, len(whole))
	}
}

// withhold shows the reader of calls an event, and reports whether the agent has
// to wait for it. Then it is held, until release.
func (c *call) withhold(e *sse.Event) (wait bool, err error) {
	j := &c.judgement
	calls, open, err := j.reader.Event(e.Name, e.Data)
	if err != nil {
		if err := c.unclear(err); err != nil {
			return true, err
		}
		j.reader, open = nil, false // it is of no more use
	}
	if err := c.judge(calls); err != nil {
		return true, err
	}
	j.open = open
	if !open && len(calls) == 0 && len(j.held) == 0 {
		return false, nil
	}
	if int64(len(j.held)+len(e.Raw)) > c.g.cfg.Limits.AnswerBytes {
		return true, c.unjudged(errTooMuchHeld)
	}
	c.watch.hear()
	j.held = append(j.held, e.Raw...)
	return true, nil
}

// release returns what was held, if that may be sent now.
func (j *judgement) release() []byte {
	if j.open {
		return nil
	}
	held := j.held
	j.held = nil
	return held
}

// refuseStream keeps the rest of a stream from the agent, and has it read on for
// a while: its usage comes last, and it has to be paid for.
func (c *call) refuseStream(err error) error {
	if c.answer.meter == nil || !isFinal(err) {
		return err
	}
	c.judgement.refused, c.judgement.at = err, c.watch.now()
	c.judgement.held = nil
	c.watch.hurry(usageTimeout)
	return nil
}

// isFinal reports whether an error is a decision, and no failure to find one.
func isFinal(err error) bool {
	var loop *run.LoopError
	return isRefusal(err) || errors.As(err, &loop)
}

// afterRefusal reads an event of a stream that is refused. It returns the refusal
// when there is nothing more to learn from it.
func (c *call) afterRefusal(kind provider.EventKind) error {
	j := &c.judgement
	switch kind {
	case provider.EventUsage, provider.EventEnd, provider.EventError:
		return j.refused
	}
	if c.answer.meter.Ended() && !c.answer.meter.Usage().Estimated || c.watch.now()-j.at > usageTimeout {
		return j.refused
	}
	return nil
}
