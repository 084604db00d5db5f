package guard

import (
	"context"
	"time"

	"github.com/rungate/rungate/run"
)

// OpenGate implements run.GateJournal.
func (j *Journal) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (got run.Gate, opened bool, err error) {
	err = j.ask(ctx, verb{name: "open gate"}, func(ctx context.Context) (err error) {
		got, opened, err = j.gates.OpenGate(ctx, g, answer)
		return err
	})
	return got, opened, err
}

// MeetGate implements run.GateJournal.
func (j *Journal) MeetGate(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (g run.Gate, own bool, err error) {
	err = j.ask(ctx, verb{name: "meet gate"}, func(ctx context.Context) (err error) {
		g, own, err = j.gates.MeetGate(ctx, k, f, at)
		return err
	})
	return g, own, err
}

// DecideGate implements run.GateJournal.
func (j *Journal) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (g run.Gate, changed bool, err error) {
	again := false
	err = j.ask(ctx, verb{name: "decide gate", patient: true}, func(ctx context.Context) (err error) {
		g, changed, err = j.gates.DecideGate(ctx, id, v, at)
		changed = changed || again && err == nil && isVerdict(&g, v, at)
		again = true
		return err
	})
	return g, changed, err
}

// ClaimGate implements run.GateJournal.
func (j *Journal) ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (g run.Gate, claimed bool, err error) {
	err = j.ask(ctx, verb{name: "claim gate"}, func(ctx context.Context) (err error) {
		g, claimed, err = j.gates.ClaimGate(ctx, id, claim, at, until)
		return err
	})
	return g, claimed, err
}

// RenewClaim implements run.GateJournal.
func (j *Journal) RenewClaim(ctx context.Context, id, claim string, at, until time.Time) (g run.Gate, renewed bool, err error) {
	err = j.ask(ctx, verb{name: "renew claim"}, func(ctx context.Context) (err error) {
		g, renewed, err = j.gates.RenewClaim(ctx, id, claim, at, until)
		return err
	})
	return g, renewed, err
}

// EndClaim implements run.GateJournal.
func (j *Journal) EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (g run.Gate, ended bool, err error) {
	err = j.ask(ctx, verb{name: "end claim"}, func(ctx context.Context) (err error) {
		g, ended, err = j.gates.EndClaim(ctx, id, claim, used, at)
		return err
	})
	return g, ended, err
}

// GateAnswer implements run.GateJournal.
func (j *Journal) GateAnswer(ctx context.Context, id string) (answer []byte, err error) {
	err = j.ask(ctx, verb{name: "gate answer"}, func(ctx context.Context) (err error) {
		answer, err = j.gates.GateAnswer(ctx, id)
		return err
	})
	return answer, err
}

// FindGates implements run.GateJournal.
func (j *Journal) FindGates(ctx context.Context, ids []string, at time.Time) (found []run.Gate, err error) {
	err = j.ask(ctx, verb{name: "find gates"}, func(ctx context.Context) (err error) {
		found, err = j.gates.FindGates(ctx, ids, at)
		return err
	})
	return found, err
}

// ListGates implements run.GateJournal.
func (j *Journal) ListGates(ctx context.Context, q *run.GateQuery, at time.Time) (list []run.Gate, err error) {
	err = j.ask(ctx, verb{name: "list gates", patient: true}, func(ctx context.Context) (err error) {
		list, err = j.gates.ListGates(ctx, q, at)
		return err
	})
	return list, err
}

// isVerdict reports whether it was by v at that time that the gate was decided. Some
// journals keep times to the microsecond.
func isVerdict(g *run.Gate, v *run.Verdict, at time.Time) bool {
	return (g.Status == run.GateRejected) != v.Approve && g.By == v.By && g.Comment == v.Comment && g.Decided.Sub(at).Abs() < time.Microsecond
}
