package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/internal/ids"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A call is one request of an agent on its way through the gateway. The steps
// below fill it in, in their order.
type call struct {
	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	route route
	start time.Time
	id    string // of the step

	settling context.Context // for what has to be done whether or not the agent is still there
	todo     []step          // the steps that are left
	detached bool            // they are for another goroutine
	attached bool            // the run has to be told how the call ends

	agent      *run.Agent
	req        provider.Request
	directives run.Directives
	run        run.Run
	upstream   *upstream
	target     policy.Target
	decision   policy.Decision
	subject    budget.Subject
	prices     *budget.Prices
	price      budget.Price
	unpriced   policy.Target // the first that has no price; zero if all have
	projection budget.Projection
	counted    uint64 // hash of the request, if it counts as a turn of a loop
	reserved   budget.Reservation
	gate       *gating     // nil for most
	ungoverned *ungoverned // nil for most
	foreign    *foreign    // nil where the provider speaks the agent's dialect
	unfinished *unfinished // what the store could not be told of its end; nil for most
	next       *call       // that takes this one's place when it has ended; nil for most

	tries     tries
	forwarded bool // a provider has been asked, or would have been if it could be reached
	lentOut   bool // a call before this one has been, whose provider may still be sent the body
	attempt   health.Attempt
	fault     provider.Fault // by which the target was given up; Rejected is none
	sent      *payload       // what the provider is sent, until it answers
	answer    answer
	judgement judgement
	recorded  recorded
	watch     watch
	step      run.Step
	failed    *refusal // why the call was refused, or its answer is of our own making
	values    []string // what the answer's header points to; not used again
}

const stepPrefix = "step_"

func newCall(g *Gateway, w http.ResponseWriter, r *http.Request, rt route) *call {
	c := calls.borrow()
	c.g, c.w, c.r, c.route, c.todo = g, w, r, rt, g.steps
	c.start, c.settling, c.watch.c = time.Now(), context.WithoutCancel(r.Context()), c
	random := ids.New()
	id := append(make([]byte, 0, len(stepPrefix)+2*len(random)), stepPrefix...)
	c.id = string(hex.AppendEncode(id, random[:]))
	return c
}

// giveBack lets another call have the memory of c, which has ended. Where the
// watch may still be looking at it, it is left to the collector.
func (c *call) giveBack() {
	if c.watch.rung {
		return
	}
	if m, ok := c.answer.meter.(provider.Recycler); ok {
		m.Recycle()
	}
	if c.next == nil && !c.forwarded && !c.lentOut { // nobody else has ever had it
		giveBackBody(c.req.Body)
	}
	calls.giveBack(c)
}

// A step takes a call further, or fails.
type step = func(*call, context.Context) error

// steps are what a call goes through, in this order. What a step takes, end
// gives back.
var steps = []step{
	(*call).authenticate,
	(*call).read,
	(*call).direct,
	(*call).attach,
	(*call).chooseModels,
	(*call).choose,
	(*call).translate,
	(*call).estimate,
	(*call).decide,
	(*call).meet,
	(*call).detachToWait,
	(*call).await,
	(*call).repeat,
	(*call).reserve,
	(*call).openGate,
	(*call).admit,
	(*call).detach,
	(*call).forward,
	(*call).relay,
	(*call).detach,
	(*call).relayRest,
}

// sentAgain returns those for a call that takes the place of another: what it asks
// is known, but whether its agent still may is not.
func sentAgain(steps []step) []step {
	return append([]step{(*call).pause, steps[0]}, steps[3:]...)
}

// successor returns a call that takes the place of c, of the same request and in the
// same run. It is to be put into c.next.
func (c *call) successor() *call {
	next := newCall(c.g, c.w, c.r, c.route)
	next.req, next.directives = c.req, c.directives
	next.lentOut = c.lentOut || c.forwarded
	next.todo = c.g.sentAgain
	next.answer.begun, next.answer.stream = c.answer.begun, c.answer.stream && c.answer.begun
	if c.unattached() {
		return next
	}
	next.directives.RunID, next.directives.NewRun = c.run.ID, false
	next.gating().exact = true
	if c.gate != nil {
		next.gate.patience = c.gate.patience
	}
	return next
}

// serve takes the call through what is left of its steps, and then the one that
// takes its place, if there is such.
func (c *call) serve() {
	for c != nil {
		c = c.proceed()
	}
}

func (c *call) proceed() (next *call) {
	// Whatever happens, a call that was attached to a run is settled and
	// recorded: also when the agent has left, or something panics.
	c.detached = false
	defer func() {
		if c.detached {
			return
		}
		g, successor := c.g, next
		next = nil // if ending this one fails
		defer func() {
			if next == nil {
				g.leave()
			}
		}()
		c.end()
		c.giveBack()
		next = successor
	}()
	for len(c.todo) > 0 && !c.detached {
		next := c.todo[0]
		c.todo = c.todo[1:]
		if err := next(c, c.r.Context()); err != nil && !c.takenOver(err) {
			c.fail(err)
			return nil
		}
	}
	return c.next
}

// detach lets the agent's goroutine go, where that is the one that the call is on:
// before a stream, before anything that goes on when the agent leaves, and before
// what is left of a long answer.
func (c *call) detach(context.Context) error {
	if c.req.Stream || c.g.cfg.Metering.OnDisconnect == DrainUpstream || c.answer.rest != nil {
		c.goOn()
	}
	return nil
}

// goOn has what is left of the call be done on a goroutine of its own, where it is on
// that of its agent.
func (c *call) goOn() {
	r := inproc.Detach(c.w, c.r, c.serve)
	if r == nil {
		return
	}
	c.r, c.detached = r, true
	if c.answer.cancel != nil && !c.answer.stays {
		c.followAgent() // whose context has been the provider's so far
	}
}

// detachToWait does the same for a call that may have to give a sign of life while
// it waits.
func (c *call) detachToWait(context.Context) error {
	if c.req.Stream && c.waits() {
		c.goOn()
	}
	return nil
}

// fail ends a call with an error of our own, if there is still somebody to tell
// and nothing has been told yet.
func (c *call) fail(err error) {
	if isGone(err) || c.r.Context().Err() != nil && !isRefusal(err) {
		c.failed = &refusal{code: codeClientGone, message: "the agent has left"}
		// Its context may have ended for another reason, and the agent still be
		// there: it must not take this for an answer, or for the end of one.
		panic(http.ErrAbortHandler)
	}
	c.tries.more = false // nothing is held back any more
	shown := c.firstError(c.r.Context(), err)
	if !isFailure(err) {
		c.failed = c.refusalOf(err)
		if shown == err || c.forwarded {
			if unwritten := c.recordRefusal(c.failed); unwritten != nil {
				c.failed = c.refusalOf(unwritten)
				shown = c.failed
			}
		}
	}
	if c.forwarded && c.tries.plan != nil {
		c.answer.tried = true
	}
	c.conclude() // before the agent knows: what was reserved is free for its next call
	if f, ok := errors.AsType[*failure](shown); ok {
		c.dropAnswer()
		c.passFailure(f)
		return
	}
	f := c.failed
	if shown != err {
		f = c.refusalOf(shown)
	}
	if c.answer.begun {
		c.breakOff(f)
		return
	}
	c.dropAnswer()
	c.refuse(f)
}

// turnAway refuses what is no call of a model.
func (c *call) turnAway(err error) {
	f := c.refusalOf(err)
	if err := c.recordRefusal(f); err != nil {
		f = c.refusalOf(err)
	}
	c.refuse(f)
}

// dropAnswer takes off the header what the provider's answer has put there, since
// ours takes its place.
func (c *call) dropAnswer() {
	if c.answer.resp == nil || c.answer.begun {
		return
	}
	for name := range c.answer.resp.Header {
		delete(c.w.Header(), name)
	}
	if c.foreign != nil {
		delete(c.w.Header(), http.CanonicalHeaderKey(c.route.dialect.RequestIDHeader()))
	}
	for _, name := range costHeaders {
		delete(c.w.Header(), name)
	}
	for _, name := range servedHeaders {
		delete(c.w.Header(), name)
	}
}

// codeClientGone is what a step is recorded with whose agent has left. Nobody
// is told.
const codeClientGone = "client_gone"

// goneError says that the agent has left.
type goneError struct{ cause error }

func (e *goneError) Error() string { return "the agent has left: " + e.cause.Error() }
func (e *goneError) Unwrap() error { return e.cause }

func isGone(err error) bool {
	_, ok := errors.AsType[*goneError](err)
	return ok
}

// requestID is what the agent's SDK prints as the id of the request, where there
// is no provider's.
func (c *call) requestID() string { return "req_" + c.id[len(stepPrefix):] }

// echoRun tells the agent which run the call was attached to.
func (c *call) echoRun(h http.Header) {
	if c.run.ID != "" && !c.unattached() {
		c.tellValue(h, run.HeaderRunID, c.run.ID)
	}
}

// tellValue puts a value into the header of the answer.
func (c *call) tellValue(h http.Header, name, value string) {
	n := len(c.values)
	if n == cap(c.values) {
		n, c.values = 0, make([]string, 0, 1+len(costHeaders))
	}
	c.values = append(c.values, value)
	h[name] = c.values[n : n+1 : n+1]
}

// free reports whether the call costs nothing: listing models, counting tokens,
// reading what has been paid for already.
func (c *call) free() bool {
	return c.req.Endpoint.Free() || c.r.Method != http.MethodPost
}
