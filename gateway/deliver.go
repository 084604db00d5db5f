package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A keptAnswer is an answer that waits for an approval: what a store keeps of it is its
// JSON, a line feed, and the body as the provider sent it.
type keptAnswer struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Stream bool        `json:"stream"`

	body []byte
}

func (a *keptAnswer) encode() []byte {
	head, _ := json.Marshal(a) // of strings and numbers
	return append(append(head, '\n'), a.body...)
}

func (a *keptAnswer) decode(kept []byte) error {
	head, body, _ := bytes.Cut(kept, []byte("\n"))
	if err := json.Unmarshal(head, a); err != nil {
		return fmt.Errorf("withheld answer: %w", err)
	}
	a.body = body
	return nil
}

// withholdAnswer opens a gate for the calls of tools in the answer that a person has to
// be asked about, and keeps all of the answer until then. What it has cost is settled.
func (c *call) withholdAnswer(body []byte, stream bool) error {
	c.watch.stop() // it may begin the answer
	c.conclude()
	h := c.w.Header()
	c.tellCost(h)
	a := keptAnswer{Status: c.answer.resp.StatusCode, Header: http.Header{}, Stream: stream, body: body}
	for name := range c.answer.resp.Header {
		if v := h[name]; v != nil && name != "Content-Length" {
			a.Header[name] = v
		}
	}
	for _, name := range slices.Concat(costHeaders[:], servedHeaders[:]) {
		if v := h[name]; v != nil {
			a.Header[name] = v
		}
	}
	j := &c.judgement
	g := c.newGate(run.ActionGate, &j.approval, j.gated)
	g.Cost, g.Priced = c.step.Cost, c.step.PriceList != ""
	if err := c.useApproval(); err != nil { // of the call
		return err
	}
	got, err := c.g.gates.Open(c.settling, &c.run, g, a.encode())
	if errors.Is(err, run.ErrGatesFull) {
		f := c.refusalOf(err)
		f.final = true // the next one would be paid for and thrown away, too
		return f
	}
	if err != nil {
		return err
	}
	if c.answer.begun && c.decision.Approval.HoldTool { // and has reached the agent up to here
		return c.pendingRefusal(&got)
	}
	c.dropAnswer()
	c.again(tries{}) // the gate is met by what the request is, whoever has answered it
	return nil
}

// deliver sends the agent the answer that was withheld, now that it is approved, in
// the form that this request asks for. It does so once.
func (c *call) deliver(ctx context.Context) error {
	g := &c.gate.gate
	kept, err := c.g.gates.Answer(ctx, g)
	if err != nil {
		return err
	}
	var a keptAnswer
	if err := a.decode(kept); err != nil {
		if _, ended, lost := c.gate.claim.End(ctx, false); lost == nil && !ended {
			c.again(tries{}) // the answer has gone with its run
			return nil
		}
		return err
	}
	if err := c.reform(&a); err != nil {
		return &refusal{code: codeProtocolError, cause: err, message: fmt.Sprintf(
			"Rungate: the answer that gate %s withheld cannot be sent in the form that this request asks for. Ask for it with stream: %t.", g.ID, !c.req.Stream)}
	}
	if ctx.Err() != nil {
		return &goneError{ctx.Err()}
	}
	if err := c.recordUse(); err != nil {
		return err
	}
	if _, ended, err := c.gate.claim.End(ctx, true); err != nil {
		return err
	} else if !ended {
		c.recordUnused()
		c.again(tries{})
		return nil
	}
	c.conclude()
	h := c.w.Header()
	for name, v := range a.Header {
		h[name] = v
	}
	c.echoRun(h)
	if c.answer.stream = a.Stream; !a.Stream {
		h.Set("Content-Length", fmt.Sprint(len(a.body)))
	} else {
		h["X-Accel-Buffering"] = noBuffering
	}
	c.answer.over = true
	c.limitWriting()
	if !c.answer.begun {
		c.answer.begun = true
		c.w.WriteHeader(a.Status)
	}
	if _, err := c.w.Write(a.body); err != nil {
		return c.left(err)
	}
	return c.left(c.flush())
}

// limitWriting keeps an agent from holding the call for ever by taking what it is sent
// ever more slowly, where no watch sees to that.
func (c *call) limitWriting() {
	if t := c.g.cfg.Limits.StreamIdleTimeout; t > 0 {
		_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(t))
	}
}

// wantsUsage reports whether the agent asks for the usage of a stream.
func (c *call) wantsUsage() bool { return c.req.AskUsage == provider.Edit{} }

// reform brings an answer into the form that the request asks for.
func (c *call) reform(a *keptAnswer) (err error) {
	d, stream := c.route.dialect, c.req.Stream
	if c.r.Method != http.MethodPost {
		return nil
	}
	switch {
	case a.Stream && stream && !c.wantsUsage():
		a.body = c.withoutUsage(a.body)
	case a.Stream && !stream:
		a.body, err = d.Whole(c.req.Endpoint, a.body)
		a.Header["Content-Type"] = jsonType
	case !a.Stream && stream:
		a.body, err = d.Streamed(c.req.Endpoint, a.body, c.wantsUsage())
		a.Header["Content-Type"] = eventStreamType
	}
	a.Stream = stream
	return err
}

// withoutUsage takes the event out of a stream that reports usage and nothing else.
func (c *call) withoutUsage(stream []byte) []byte {
	events := sse.Splitter{}
	_ = events.Feed(stream) // it takes anything
	m := c.route.dialect.Meter(&c.req)
	kept := make([]byte, 0, len(stream))
	for {
		e, ok := events.Next()
		if !ok {
			return append(kept, events.Rest()...)
		}
		if m.Event(e.Name, e.Data) != provider.EventUsage {
			kept = append(kept, e.Raw...)
		}
	}
}
