package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A judgement is about the calls of tools in an answer, which the agent gets only
// when the policy has seen them. It is made where the policy asks for it.
type judgement struct {
	reader  provider.CallReader
	held    []byte   // events that wait for the decision
	open    bool     // a call has begun in them that is not complete
	refused *refusal // the decision, of a stream: only what it has cost is waited for
	called  int      // calls that were judged
	turns   []uint64 // hashes of those that were counted

	// What a person has to be asked about, and all of a stream as long as that may come to be.
	gated    []policy.Finding
	approval policy.Approval // how
	keep     bool
	kept     []byte
	hold     bool // nothing more reaches the agent before the end
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
	if c.judgement.called += len(calls); c.judgement.called*len(c.req.Tools) > maxCompared {
		return c.unclear(errTooMany)
	}
	ctx := c.settling // the answer is there, whether or not the agent still is
	if c.decision.Judge {
		d, err := c.ask(ctx, calls)
		if err != nil {
			return err
		}
		c.announce(ctx, &d)
		switch {
		case d.Verdict == policy.Allow || d.Shadow:
			if err := c.recordPassed(&d, calls); err != nil {
				return err
			}
		case d.Verdict != policy.Approve:
			return c.refuseBy(ctx, &d)
		case c.unattached():
			return c.ungoverned.why // there can be no gate
		default:
			if err := c.gateCalls(&d); err != nil {
				return err
			}
		}
	}
	if !c.countsTools() {
		return nil
	}
	for i := range calls {
		k := &calls[i]
		hash := run.HashToolCall(k.Name, k.Args)
		if c.req.Endpoint == provider.Responses && slices.Contains(c.judgement.turns, hash) {
			continue // a stream tells of a call again, maybe with other white space
		}
		c.judgement.turns = append(c.judgement.turns, hash)
		own := fmt.Sprintf("%s.%d", c.id, len(c.judgement.turns)) // an answer may call the same twice
		if _, err := c.turn(ctx, &run.Turn{Call: own, Rule: run.RuleIdenticalToolCalls, Tool: k.Name, Hash: hash}); err != nil {
			return err
		}
	}
	return nil
}

// gateCalls notes the calls of an answer that a person has to be asked about, and
// keeps the rest of it from the agent. Where that cannot be asked for, since not all
// of the answer is there, or the request cannot be known again, they are refused.
func (c *call) gateCalls(d *policy.Decision) error {
	j := &c.judgement
	if !j.keep {
		f := d.Finding
		why := "the request does not declare it"
		if c.mayGate() {
			why = "the answer is too long to be withheld"
		}
		f.Reason = fmt.Sprintf("the answer calls the tool %q, which needs an approval, and %s.", f.Tool, why)
		return c.policyRefusal(&f)
	}
	if len(j.gated) == 0 {
		j.approval = d.Approval
	}
	for _, f := range gatedBy(d) {
		again := func(x policy.Finding) bool { return x.Tool == f.Tool && sameJSON(x.Args, f.Args) }
		if c.req.Endpoint == provider.Responses && slices.ContainsFunc(j.gated, again) {
			continue // a stream tells of a call again
		}
		f.Args = bytes.Clone(f.Args)
		j.gated = append(j.gated, f)
	}
	j.hold, j.held = true, nil
	return nil
}

// sameJSON reports whether two texts are the same, or are JSON that is but for white
// space.
func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return bytes.Equal(a, b) || json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// mayGate reports whether a person may be asked about the answer.
func (c *call) mayGate() bool {
	d := &c.decision
	return d.Judge && d.MayGate && !d.Shadow && !d.OnTrial
}

// maxCompared is how many pairs of a call and a declared tool are looked at for
// one answer: to do so for the most that either may have would take seconds.
const maxCompared = 1 << 18

// unclear refuses an answer of which nobody can say what it calls. It passes where
// nothing of what would be decided about it is enforced.
func (c *call) unclear(why error) error {
	f := &refusal{code: codeProtocolError, rule: "unclear_answer", cause: why, message: fmt.Sprintf(
		"Rungate: the answer of provider %q is kept back, since it cannot be read for sure what tools it calls: %v.", c.upstream.Name(), why)}
	if c.shadowed(c.settling, f.rule, f.Error()) || c.decision.OnTrial && !c.countsTools() {
		return nil
	}
	return f
}

var (
	errTooMuchHeld = errors.New("more of it would have to be held than is allowed")
	errTooMany     = errors.New("it calls more than can be compared with what the request declares")
	errEncoded     = errors.New("it is in an encoding that cannot be read")
	errCallCut     = errors.New("it ends within a call of a tool")
)

// relayJudged passes on an answer that is no stream, when all of it has come: its calls
// of tools may have to be judged, and it to be translated.
func (c *call) relayJudged(body io.Reader) error {
	buf := largeBuffers.Get().(*[]byte)
	defer largeBuffers.Put(buf)
	whole, err := c.readWhole(body, (*buf)[:0])
	switch {
	case errors.Is(err, errTooMuchHeld) && (c.answer.begun || c.foreign != nil):
		return c.garbled(err)
	case errors.Is(err, errTooMuchHeld):
		if err := c.unclear(err); err != nil {
			return err
		}
		return c.relayLong(whole, body)
	case err != nil:
		return c.broken(c.r.Context(), err)
	}
	if c.foreign != nil {
		if whole, err = c.translateWhole(whole); err != nil {
			return err
		}
		c.tellServed(c.w.Header())
	}
	if err := c.judgeWhole(whole); err != nil {
		return err
	}
	switch {
	case len(c.judgement.gated) > 0:
		return c.withholdAnswer(whole, false)
	case c.answer.begun:
		return c.sendStreamed(whole)
	}
	return c.sendWhole(whole)
}

func (c *call) judgeWhole(whole []byte) error {
	if c.judgement.reader == nil {
		return nil
	}
	calls, err := c.judgement.reader.Body(whole)
	if err != nil {
		return c.unclear(err)
	}
	return c.judge(calls)
}

// sendStreamed sends a whole answer in a stream that has begun.
func (c *call) sendStreamed(whole []byte) error {
	stream, err := c.route.dialect.Streamed(c.req.Endpoint, whole, c.wantsUsage())
	if err != nil {
		return c.garbled(err)
	}
	if err := c.useApproval(); err != nil {
		return err
	}
	c.conclude()
	c.answer.came = true
	return c.send(stream, true)
}

// readWhole appends an answer to whole, to its end or until it is too long to be
// held.
func (c *call) readWhole(body io.Reader, whole []byte) ([]byte, error) {
	limit := c.g.cfg.Limits.AnswerBytes
	for {
		n, err := c.readFull(body, whole[len(whole):cap(whole)])
		whole = whole[:len(whole)+n]
		switch {
		case int64(len(whole)) > limit:
			return whole, errTooMuchHeld
		case err == io.EOF:
			return whole, nil
		case err != nil:
			return nil, err
		}
		whole = slices.Grow(whole, len(whole))
	}
}
