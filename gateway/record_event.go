package gateway

import (
	"context"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/run"
)

// eventEntries are the types of the entries about events. Those of others there are
// none about: the entries about calls have them.
var eventEntries = map[run.EventType]string{
	run.RunStarted:       audit.RunStarted,
	run.RunCompleted:     audit.RunCompleted,
	run.RunBlocked:       audit.RunBlocked,
	run.RunUnblocked:     audit.RunUnblocked,
	run.LimitRaised:      audit.LimitRaised,
	run.StepFailedOver:   audit.CallFailedOver,
	run.ApprovalPending:  audit.GateOpened,
	run.ApprovalApproved: audit.GateApproved,
	run.ApprovalRejected: audit.GateRejected,
	run.ApprovalExpired:  audit.GateExpired,
}

// Event implements run.Observer: it notes what has happened. What was ordered the
// trail has already, under the same ID.
func (s *scribe) Event(ctx context.Context, e *run.Event) {
	if r := recordOf(ctx, e); r != nil {
		s.note(ctx, r)
	}
}

// Step implements run.Observer.
func (s *scribe) Step(context.Context, *run.Run, *run.Step) {}

// Before implements run.Witness.
func (s *scribe) Before(ctx context.Context, e *run.Event) error {
	return s.write(ctx, recordOf(ctx, e))
}

// Void implements run.Witness.
func (s *scribe) Void(ctx context.Context, e *run.Event, err error) {
	of := recordOf(ctx, e)
	v := eventEntry(ctx, audit.Void, e).text("of", of.ID).truth("unknown", err != nil)
	s.note(ctx, v.record(of.Team, audit.Void+"/"+of.ID+"/"+strconv.FormatInt(e.At.UnixNano(), 10)))
}

// recordOf is the record of an event; nil if there is none.
func recordOf(ctx context.Context, e *run.Event) *budget.Record {
	kind := eventEntries[e.Type]
	if kind == "" {
		return nil
	}
	o := eventEntry(ctx, kind, e)
	if e.Gate != nil {
		return describeGate(o, e.Gate).record(e.Run.Team, gateEntryID(kind, e.Gate))
	}
	if f := e.FailedOver; f != nil {
		o = o.text("call_id", f.Step).text("from", f.From).text("to", f.To).text("fault", f.Fault)
		if f.Status != 0 {
			o = o.number("status", int64(f.Status))
		}
		return o.number("attempt", int64(f.Attempt)).record(e.Run.Team, kind+"/"+f.Step)
	}
	r := &e.Run
	id := kind + "/" + r.ID + "/" + strconv.FormatInt(r.Created.UnixMilli(), 10)
	switch e.Type { // what happens to a run once has no other ID
	case run.RunStarted:
		return o.text("parent", r.Parent()).texts("tags", r.Tags).record(r.Team, id)
	case run.RunCompleted:
		return o.text("reason", r.Reason).record(r.Team, id)
	case run.RunBlocked:
		if r.Block != nil {
			o = o.text("code", r.Block.Code).text("rule", r.Block.Rule)
		}
	case run.LimitRaised:
		o = o.text("rule", e.Raised.Rule).number("limit", e.Raised.Limit)
	}
	return o.record(r.Team, id+"/"+strconv.FormatInt(e.At.UnixNano(), 10))
}

// eventEntry begins the entry about an event.
func eventEntry(ctx context.Context, kind string, e *run.Event) entry {
	r := &e.Run
	return newEntry(kind, e.At, r.Team).text("run_id", r.ID).text("agent_id", e.Agent).text("user", r.User).
		policy(&r.Policy).text("operator", run.Operator(ctx))
}

// gateEntryID is the ID of the entry about a gate: each has one of a type.
func gateEntryID(kind string, g *run.Gate) string { return kind + "/" + g.ID }

// describeGate adds what a gate is about, and who has decided how.
func describeGate(e entry, g *run.Gate) entry {
	e = e.text("gate_id", g.ID).text("kind", string(g.Kind)).text("rule", g.Rule).text("request", g.Request).text("requested_model", g.Model)
	tools := make([]string, len(g.Proposed))
	for i := range g.Proposed {
		tools[i] = g.Proposed[i].Tool
	}
	e = e.texts("tools", tools).text("channel", g.Channel).text("fingerprint", g.Fingerprint.String())
	if g.Priced {
		e = e.money("cost_usd", g.Cost)
	}
	return e.time("expires_at", g.Expires).text("decided_by", g.By).text("reason", g.Comment)
}

// recordUse writes that the approval of the call's gate is about to be used. That it
// was given the trail has by then in any case.
func (c *call) recordUse() error {
	s, g := c.g.scribe, &c.gate.gate
	if s == nil {
		return nil
	}
	approval := run.Event{Type: run.ApprovalApproved, At: g.Decided, Run: g.Subject(), Agent: g.Agent, Gate: g}
	if err := s.write(c.settling, recordOf(c.settling, &approval)); err != nil {
		return err
	}
	return s.write(c.settling, c.use())
}

// noteUse notes that the approval is used up by an answer that the agent did not get.
func (c *call) noteUse() {
	if c.g.scribe != nil {
		c.g.scribe.note(c.settling, c.use())
	}
}

// use is the record that the approval of the call's gate is used.
func (c *call) use() *budget.Record {
	g := &c.gate.gate
	e := eventEntry(c.settling, audit.GateUsed, &run.Event{At: time.Now(), Run: g.Subject(), Agent: c.agent.ID}).text("call_id", c.id)
	return describeGate(e, g).record(g.Run.Team, c.useID())
}

func (c *call) useID() string { return gateEntryID(audit.GateUsed, &c.gate.gate) + "/" + c.id }

// recordUnused notes that the approval was not used after all.
func (c *call) recordUnused() {
	if s := c.g.scribe; s != nil {
		of := c.useID()
		s.note(c.settling, c.entry(audit.Void).text("gate_id", c.gate.gate.ID).text("of", of).record(c.team(), audit.Void+"/"+of))
	}
}
