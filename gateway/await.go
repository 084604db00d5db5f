package gateway

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

// patience is for how long a call waits for a decision.
type patience struct {
	until time.Time // zero before it has begun to wait
	from  time.Time // when it began
}

// A waitingRoom is where calls wait, of all agents.
type waitingRoom struct {
	mu    sync.Mutex
	calls int
	bytes int64 // of their bodies
}

// maxWaitingBytes is how much the bodies of the calls that wait may have.
const maxWaitingBytes = 1 << 30

// enter lets a call in if there are fewer than most, and room for its body.
func (w *waitingRoom) enter(body int64, most int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls >= most || w.bytes+body > maxWaitingBytes {
		return false
	}
	w.calls++
	w.bytes += body
	return true
}

func (w *waitingRoom) leave(body int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls--
	w.bytes -= body
}

// maxSilence is how long a streamed call waits without a sign of life. Until then
// it can still be answered with any status.
const maxSilence = 20 * time.Second

// approvalMode is how the call is answered while it has to wait.
func (c *call) approvalMode() run.ApprovalMode {
	return cmp.Or(c.directives.Approval, c.agent.Approval, c.decision.Approval.Mode, run.AcceptedMode)
}

// waits reports whether the call is to wait for a decision instead of being
// answered at once.
func (c *call) waits() bool {
	if c.gate == nil || !c.gate.waits {
		return false
	}
	_, waits := c.approvalMode().Wait()
	return waits || c.directives.WaitForApproval
}

// await waits at the gate that the call has met, or answers that it waits. While it
// waits it takes no other call's place in the run.
func (c *call) await(ctx context.Context) error {
	if c.gate == nil || !c.gate.waits {
		return nil
	}
	body := int64(len(c.req.Body))
	if !c.waits() || !c.g.waiting.enter(body, c.g.cfg.Limits.Waiting) {
		return c.pending()
	}
	defer c.g.waiting.leave(body)
	c.beginToWait()
	c.conclude()
	for {
		now := time.Now()
		switch p := &c.gate.patience; {
		case !now.Before(p.until):
			return c.pending()
		case c.req.Stream && now.Sub(p.from) >= maxSilence:
			if err := c.showLife(); err != nil {
				return err
			}
		}
		err := c.waitUntil(ctx, c.signOfLife(now))
		switch {
		case ctx.Err() != nil:
			return &goneError{ctx.Err()}
		case err == nil:
			c.again(c.tries)
			return nil
		case c.g.life.Err() != nil:
			return &refusal{code: codeShuttingDown, message: "Rungate: the gateway is shutting down; try again."}
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
	}
}

// beginToWait notes for how long the call waits, if it does not wait already.
func (c *call) beginToWait() {
	p := &c.gate.patience
	if !p.until.IsZero() {
		return
	}
	wait, _ := c.approvalMode().Wait()
	if most := c.g.cfg.Limits.ApprovalWait; most > 0 {
		wait = min(wait, most)
	}
	if c.directives.WaitForApproval {
		wait = math.MaxInt64
	}
	p.from = time.Now()
	p.until = p.from.Add(wait)
}

// signOfLife is until when the call may wait before it is looked at again.
func (c *call) signOfLife(now time.Time) time.Time {
	p := &c.gate.patience
	if !c.req.Stream {
		return p.until
	}
	next := p.from.Add(maxSilence)
	if every := c.g.cfg.Limits.KeepAlive; c.answer.begun && every > 0 {
		next = now.Add(every)
	}
	if p.until.Before(next) || !now.Before(next) {
		return p.until
	}
	return next
}

// waitUntil waits for the gate to change. The error is context.DeadlineExceeded if
// it has not by then.
func (c *call) waitUntil(ctx context.Context, then time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, then)
	defer cancel()
	defer context.AfterFunc(c.g.life, cancel)()
	return c.g.gates.Wait(ctx, &c.gate.gate)
}

// showLife keeps the connection of a streamed call alive that waits.
func (c *call) showLife() error {
	c.beginWaiting()
	if _, err := c.w.Write(keepAliveLine); err != nil {
		return &goneError{err}
	}
	return c.left(c.flush())
}

// beginWaiting sends the header of a stream that is not there yet.
func (c *call) beginWaiting() {
	if c.answer.begun {
		return
	}
	c.dropAnswer() // of a target that has not served it yet, and may never
	h := c.w.Header()
	c.echoRun(h)
	h["Content-Type"], h["Cache-Control"], h["X-Accel-Buffering"] = eventStreamType, noCache, noBuffering
	c.answer.begun, c.answer.stream = true, true
	c.w.WriteHeader(http.StatusOK)
}

var eventStreamType, noCache = []string{"text/event-stream; charset=utf-8"}, []string{"no-cache"}
