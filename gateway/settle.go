package gateway

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// end gives back what the call has taken, and sees that it is settled and
// recorded if that has not been done.
func (c *call) end() {
	c.watch.stop()
	c.report(nil)
	if c.answer.follow != nil {
		c.answer.follow()
	}
	if c.answer.cancel != nil {
		c.answer.cancel(nil)
	}
	if c.answer.resp != nil {
		c.answer.resp.Body.Close()
	}
	c.conclude()
}

// conclude settles the call and records it in its run, once. That the agent has
// left changes nothing about what has been spent.
func (c *call) conclude() {
	defer c.leaveGate() // to a call that finds this one's place in the run free
	defer c.leaveUnfinished()
	if !c.attached {
		return
	}
	ctx := c.settling
	c.attached = false
	at := time.Now()
	if c.unattached() {
		c.concludeUnattached(at)
		c.recordEnd(c.answer.tried)
		return
	}
	var alerts []budget.Alert
	if !c.answer.tried {
		c.release(ctx)
		c.record(ctx, at, nil, c.refused(), nil)
		c.recordEnd(false)
		return
	}
	s := &c.step
	c.describeStep(at)
	// Whatever becomes of the settlement, the call has to leave its run.
	defer func() {
		c.record(ctx, at, &c.step, nil, alerts)
		c.recordEnd(true)
	}()
	if c.next != nil && s.Cost == 0 && s.Usage.Total() == 0 {
		c.release(ctx) // what takes its place takes from the rates anew
		return
	}
	alerts = c.settle(ctx)
}

// release gives back all that is reserved.
func (c *call) release(ctx context.Context) {
	if err := c.reserved.Release(ctx); err != nil {
		c.g.cfg.Logger.Error("reservation not released yet; it is tried again", "run", c.run.ID, "error", err)
		c.leaveReservation()
	}
}

// settle charges the step, corrects what was taken from rates, and returns the alerts that this has raised.
func (c *call) settle(ctx context.Context) []budget.Alert {
	s := &c.step
	c.learn()
	if c.ungoverned != nil && c.ungoverned.unreserved {
		c.leaveBill()
		return nil
	}
	alerts, err := c.reserved.Settle(ctx, s.Cost, s.Usage.Total(), c.g.note(&c.run, c.agent.ID))
	if err != nil {
		c.g.cfg.Logger.Error("call not settled yet; it is tried again", "run", c.run.ID, "step", s.ID, "cost_usd", s.Cost.String(), "tokens", s.Usage.Total(), "error", err)
		c.leaveReservation()
	}
	return alerts
}

// learn has the next estimates know better.
func (c *call) learn() {
	u := &c.step.Usage
	if u.Estimated || slices.ContainsFunc(u.Passes, func(p provider.Pass) bool { return p.Model != "" && p.Model != u.Model }) {
		return // some of it is of other models, which are given something else
	}
	c.g.estimator.Learn(c.run.Team, c.target.Provider, c.target.Model, c.asked().Input, u.TotalInput())
}

// describeStep makes the step of the call, which has ended. It is filled in
// where it is: a copy would lie on the stack of every stream that is open.
func (c *call) describeStep(at time.Time) {
	s := &c.step
	s.ID, s.Agent, s.Start, s.Duration = c.id, c.agent.ID, c.start, at.Sub(c.start)
	s.Endpoint, s.Provider, s.Asked, s.Model = c.req.Endpoint, c.target.Provider, c.req.Model, c.target.Model
	s.Stream, s.Usage, s.Ungoverned = c.req.Stream, c.usage(), c.ungoverned != nil
	if s.First = c.tries.step; c.fault != provider.Rejected {
		s.Fault = c.fault.String()
	}
	s.Notes = c.translated().String()
	if c.answer.resp != nil {
		s.Status = c.answer.resp.StatusCode
	}
	if c.failed != nil {
		s.Error = c.failed.code
		if c.answer.resp == nil {
			s.Status = answers[c.failed.code].status
		}
	}
	dollars, tokens := c.reserved.Most()
	if s.Usage.Estimated { // and may have been more: a strict budget takes the most for it
		s.Usage.Output += max(0, tokens-s.Usage.Total())
	}
	if c.priceStep(); s.Usage.Estimated && dollars > 0 {
		s.Cost = dollars
	}
}

// priceStep finds out what the step has cost. Without a price for it, its
// PriceList stays empty.
func (c *call) priceStep() {
	s := &c.step
	u := &s.Usage
	if u.Total() == 0 && u.WebSearches == 0 && u.Passes == nil {
		s.PriceList = c.prices.ID() // nothing was consumed, and that is free
		return
	}
	cost, err := c.prices.Cost(c.upstream.seller, c.target.Model, u, c.start)
	if err != nil && c.price != (budget.Price{}) {
		// A model without a price has run a part of it. That does not make it free.
		price := c.price.Served(u.ServiceTier, u.InferenceGeo, u.Speed)
		cost, u.Estimated, err = price.Cost(u.Tokens).Plus(price.WebSearches(u.WebSearches, u.PreviewSearches)), true, nil
	}
	if err == nil {
		s.Cost, s.PriceList = cost, c.prices.ID()
	}
}

// usage is what the call has consumed.
func (c *call) usage() provider.Usage {
	switch {
	case c.answer.meter != nil:
		return c.answer.meter.Usage()
	case c.answer.resp == nil && c.failed != nil && c.failed.givesUp() && !c.free() && !c.answer.dialling():
		// The provider was at work when it was given up, and charges for that.
		in := c.projection.Input
		return provider.Usage{Tokens: provider.Tokens{Input: in, Output: c.projection.Tokens() - in}, Estimated: true}
	}
	return provider.Usage{}
}

// refused is what the run is told of a call that was not forwarded.
func (c *call) refused() *run.Refusal {
	switch {
	case c.failed == nil, c.failed.code == codeClientGone, c.failed.code == codeApprovalPending,
		!c.forwarded && (c.next != nil || c.tries.first != nil): // the agent is not told of it
		return nil
	}
	return &run.Refusal{Code: c.failed.code, Rule: c.failed.rule, Model: c.req.Model, Agent: c.agent.ID}
}

// record tells the run how the call ended, and whoever observes it of the alerts
// that this has raised.
func (c *call) record(ctx context.Context, at time.Time, s *run.Step, f *run.Refusal, alerts []budget.Alert) {
	e := endings.borrow()
	defer endings.giveBack(e)
	e.Detachment = run.Detachment{Key: c.run.Key, Call: c.id, At: at, Step: s, Refusal: f}
	if !c.succeeded() || c.fault != provider.Rejected {
		e.Repeated = c.counted // clients make such a call again by themselves
	}
	after := &e.after
	if err := c.g.recorder.End(ctx, &e.Detachment, after); err != nil {
		c.g.cfg.Logger.Error("call not recorded in its run", "run", c.run.ID, "step", c.id, "error", err)
		if storeFailed(err) != nil {
			c.leaveEnding(&e.Detachment)
		}
		after = &c.run
	}
	c.g.recorder.Alert(ctx, after, c.agent.ID, alerts)
}

// succeeded reports whether the provider has answered with success.
func (c *call) succeeded() bool {
	return c.answer.resp != nil && c.answer.resp.StatusCode/100 == 2
}

// tellCost tells the agent in the header what its call has cost, and what that
// has left of the run's budgets.
func (c *call) tellCost(h http.Header) {
	s := &c.step
	if c.answer.meter == nil || s.ID == "" {
		return
	}
	// All are written into one text, and are parts of it.
	var text [96]byte
	var ends [len(costHeaders)]int
	b := strconv.AppendInt(text[:0], s.Usage.Total(), 10)
	ends[0] = len(b)
	if s.PriceList != "" {
		b, _ = s.Cost.AppendText(b)
	}
	ends[1] = len(b)
	dollars, tokens := c.reserved.Left()
	if c.decision.Shadow { // which holds nobody to them
		dollars, tokens = -1, -1
	}
	if dollars >= 0 {
		b, _ = dollars.AppendText(b)
	}
	ends[2] = len(b)
	if tokens >= 0 {
		b = strconv.AppendInt(b, tokens, 10)
	}
	ends[3] = len(b)
	all, from := string(b), 0
	for i, end := range ends {
		if end > from {
			c.tellValue(h, costHeaders[i], all[from:end])
		}
		from = end
	}
}

var costHeaders = [...]string{"X-Rungate-Tokens-Used", "X-Rungate-Cost-Usd", "X-Rungate-Budget-Remaining-Usd", "X-Rungate-Budget-Remaining-Tokens"}
