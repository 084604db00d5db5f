package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// An unfinished call has ended, but the store could not be told all about that. What
// is left of it is told later, each part once: it goes by the ID of a reservation, or
// by the name of the call. Nobody renews leases meanwhile; a reservation that is
// charged in full for that is corrected when it is settled.
type unfinished struct {
	g      *Gateway
	run    run.Run // of the call, as far as it is known
	agent  *run.Agent
	call   string
	cost   budget.Money
	tokens int64

	reserved *budget.Reservation // what is to be given back; nil for nothing
	arrival  *arrival            // what attaches the call to its run; nil where it is
	leaving  *arrival            // takes the call off its run, in case that it is attached; nil where it is not
	bill     *bill               // what is to be charged beside; nil for nothing
	end      *run.Detachment     // what the run is to be told; nil for nothing
	told     bool                // the Observer knows of the step
}

// An arrival attaches a call to its run.
type arrival struct {
	directives run.Directives
	exact      bool
	until      time.Time // of one that leaves: when nothing is left of it
	binding    policy.Binding
	model      string
}

// leave returns what the store is to be told about the call later.
func (c *call) leave() *unfinished {
	if c.unfinished == nil {
		c.unfinished = &unfinished{g: c.g, run: c.run, agent: c.agent, call: c.id, cost: c.step.Cost, tokens: c.step.Usage.Total()}
	}
	return c.unfinished
}

// leaveReservation has the reservation ended as it was tried.
func (c *call) leaveReservation() { c.leave().reserved = c.reserved.Move() }

// leaveEnding has the run told how the call has ended.
func (c *call) leaveEnding(d *run.Detachment) {
	own := *d
	if d.Step != nil {
		s := *d.Step
		own.Step = &s
	}
	c.leave().end = &own
}

// leaveAttachment has the call taken off its run, of which it is not known whether it is
// attached to it.
func (c *call) leaveAttachment(ar *run.Arrival) {
	u := c.leave()
	u.run.Key = run.Key{Team: c.agent.TeamKey(), ID: c.directives.RunID}
	u.leaving = &arrival{directives: c.directives, exact: ar.Exact, until: time.Now().Add(c.g.keeper.Lease), model: c.req.Model}
}

// leaveUnfinished lets go of what is left, since the call has ended.
func (c *call) leaveUnfinished() {
	if u := c.unfinished; u != nil {
		c.unfinished = nil
		c.g.unfinished.Add(u)
	}
}

// Do implements late.Work.
func (u *unfinished) Do(ctx context.Context) error {
	err := errors.Join(u.settle(ctx), u.goAway(ctx))
	if u.arrival != nil {
		if unknown := u.attach(ctx); unknown != nil {
			return errors.Join(err, unknown)
		}
	}
	return errors.Join(err, u.charge(ctx), u.detach(ctx))
}

func (u *unfinished) settle(ctx context.Context) error {
	if u.reserved == nil {
		return nil
	}
	alerts, err := u.reserved.Again(ctx)
	if err == nil {
		u.reserved = nil
		u.g.recorder.Alert(ctx, &u.run, u.agent.ID, alerts)
	}
	return err
}

// goAway takes the call off its run. Nobody waits for that in the end, or for longer than
// the lease by which the call goes by itself.
func (u *unfinished) goAway(ctx context.Context) error {
	a := u.leaving
	if a == nil {
		return nil
	}
	ar := run.Arrival{Agent: u.agent, Directives: &a.directives, Call: u.call, At: time.Now(), Exact: a.exact, Model: a.model}
	err := u.g.recorder.Leave(ctx, &ar)
	if storeFailed(err) != nil && u.g.life.Err() == nil && time.Now().Before(a.until) {
		return err
	}
	u.leaving = nil
	return nil
}

// attach attaches the call to its run, late. What does not take it any more is not
// told of it.
func (u *unfinished) attach(ctx context.Context) error {
	a := u.arrival
	ar := run.Arrival{Agent: u.agent, Directives: &a.directives, Call: u.call, At: time.Now(), Model: a.model,
		Policy: a.binding.Policy, IdleTimeout: a.binding.IdleTimeout, Limits: limitsOf(&a.binding)}
	err := u.g.recorder.Attach(ctx, &ar, &u.run)
	if storeFailed(err) != nil {
		return err
	}
	u.arrival, u.end.Key = nil, u.run.Key
	if _, limited := errors.AsType[*run.LimitError](err); err == nil || limited && isAttached(err) {
		return nil
	}
	u.lost("its run does not take it", err)
	u.bill, u.end.Step = nil, nil
	if !isAttached(err) {
		u.end = nil
	}
	return nil
}

func (u *unfinished) charge(ctx context.Context) error {
	if u.bill == nil {
		return nil
	}
	alerts, err := u.bill.charge(ctx, u)
	if err == nil {
		u.bill = nil
		u.g.recorder.Alert(ctx, &u.run, u.agent.ID, alerts)
	}
	return err
}

func (u *unfinished) detach(ctx context.Context) (err error) {
	if u.end == nil {
		return nil
	}
	if u.end.At = time.Now(); u.told {
		err = u.g.recorder.Journal.Detach(ctx, u.end, &u.run)
	} else {
		err = u.g.recorder.End(ctx, u.end, &u.run)
	}
	if storeFailed(err) != nil {
		return err
	}
	if err != nil {
		u.lost("it is not recorded in its run", err)
	}
	u.end = nil
	return nil
}

// lost logs what nobody will be told.
func (u *unfinished) lost(what string, why error) {
	u.g.cfg.Logger.LogAttrs(context.Background(), slog.LevelError, "call that has ended: "+what, append(u.Attrs(), slog.Any("error", why))...)
}

// Attrs implements late.Work.
func (u *unfinished) Attrs() []slog.Attr {
	var left []string
	for _, part := range []struct {
		name  string
		there bool
	}{{"reservation", u.reserved != nil}, {"charge", u.bill != nil}, {"record", u.end != nil}, {"attachment", u.leaving != nil}} {
		if part.there {
			left = append(left, part.name)
		}
	}
	return []slog.Attr{
		slog.String("team", u.run.Team), slog.String("run", u.run.ID), slog.String("agent", u.agent.ID), slog.String("step", u.call),
		slog.String("cost_usd", u.cost.String()), slog.Int64("tokens", u.tokens), slog.Any("left", left),
	}
}

// Bytes implements late.Work.
func (u *unfinished) Bytes() int {
	n := 6 << 10 // of all that is of about the same size each time
	if u.end != nil && u.end.Step != nil {
		n += len(u.end.Step.Asked) + len(u.end.Step.Model)
	}
	return n
}

// A bill is what a call has cost in whose budgets nothing was reserved.
type bill struct {
	policy   run.PolicyRef // that the budgets are of
	budgets  []budget.Budget
	user     string // of the call
	tags     []string
	reserved *budget.Reservation // nothing, so that it can be settled; nil at first
}

// charge settles what the call has cost. In a budget without room it is charged all
// the same.
func (b *bill) charge(ctx context.Context, u *unfinished) ([]budget.Alert, error) {
	if b.reserved != nil {
		return b.reserved.Again(ctx)
	}
	claim, err := b.claim(ctx, u)
	if err != nil {
		return nil, err
	}
	var r budget.Reservation // of nothing: if it is lost, nothing is
	err = u.g.keeper.Reserve(ctx, &r, claim)
	if _, short := errors.AsType[*budget.ExhaustedError](err); short {
		relax(claim)
		r = budget.Reservation{}
		err = u.g.keeper.Reserve(ctx, &r, claim)
	}
	if err != nil {
		return nil, err
	}
	alerts, err := r.Settle(ctx, u.cost, u.tokens, u.g.note(&u.run, u.agent.ID))
	if err != nil {
		b.reserved = r.Move()
	}
	return alerts, err
}

// claim asks for nothing in all budgets that are not spent.
func (b *bill) claim(ctx context.Context, u *unfinished) (*budget.Claim, error) {
	budgets := b.budgets
	if u.run.Policy != b.policy && u.g.binder != nil {
		if bound, err := u.g.binder.Budgets(ctx, u.run.Policy); err == nil {
			budgets = bound
		}
	}
	above, err := u.g.ancestors(ctx, &u.run)
	if err != nil {
		return nil, err
	}
	for i := range above {
		above[i].Budgets = untilSpent(above[i].Budgets)
	}
	return &budget.Claim{Budgets: untilSpent(budgets), Projection: &budget.Projection{}, Subject: &budget.Subject{
		Team: u.run.Team, Run: budgetRun(&u.run), Agent: u.agent.ID, User: cmp.Or(b.user, u.run.User), Tags: slices.Concat(b.tags, u.run.Tags),
		Policy: u.run.Policy.ID, Ancestors: above,
	}}, nil
}

// untilSpent are budgets that have room until they are spent.
func untilSpent(budgets []budget.Budget) []budget.Budget {
	all := slices.Clone(budgets)
	for i := range all {
		all[i].Admission = budget.Spent
	}
	return all
}
