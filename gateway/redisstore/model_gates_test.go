package redisstore_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

func (w *world) openGate() {
	k := w.any()
	if w.one(2) && len(w.calls) > 0 {
		k = w.calls[w.rand.IntN(len(w.calls))].Key
	}
	window := time.Duration(1 + w.rand.IntN(int(2*time.Minute)))
	g := &run.Gate{
		ID: fmt.Sprint("gate_", w.n), Run: k, Agent: "agt", Policy: run.PolicyRef{ID: "p"}, Rule: "ask", Kind: run.ActionGate, Fingerprint: w.request(),
		Proposed: []run.Proposal{{Tool: "refund", Args: []byte(`{}`)}}, Pauses: w.one(3), Window: window,
		Status: run.GatePending, Opened: w.at, Expires: w.at.Add(window),
	}
	if w.one(6) && len(w.gates) > 0 {
		if found, _ := w.want.FindGates(w.Context(), []string{w.last.ID}, w.at); len(found) == 1 && found[0].Status == run.GatePending {
			again := w.last
			g = &again
		}
	}
	got := w.both("OpenGate", func(j gateJournal) []any {
		x, opened, err := j.OpenGate(w.Context(), g, []byte("answer of "+g.ID))
		return []any{x, opened, err}
	})
	if x := got[0].(run.Gate); got[1].(bool) {
		w.gates, w.last = append(w.gates, g.ID), *g
		if w.first[g.ID] {
			return
		}
		w.first[g.ID] = true
		w.tell(run.Event{Type: run.ApprovalPending, At: w.at, Run: x.Subject(), Agent: x.Agent, Gate: &x})
	}
}

func (w *world) request() run.Fingerprint { return sha256.Sum256([]byte{byte(w.rand.IntN(3))}) }

func (w *world) meet() {
	k, f := w.any(), w.request()
	w.both("MeetGate", func(j gateJournal) []any {
		g, own, err := j.MeetGate(w.Context(), k, f, w.at)
		return []any{g, own, err}
	})
}

// gate is one of the last that were opened, or one that was not.
func (w *world) gate() string {
	if len(w.gates) == 0 || w.one(20) {
		return "gate_none"
	}
	return w.gates[max(0, len(w.gates)-1-w.rand.IntN(6))]
}

// changesGate compares a method that changes a gate, and what it withholds then.
func (w *world) changesGate(what, id string, call func(j gateJournal) (run.Gate, bool, error)) (run.Gate, bool) {
	w.Helper()
	got := w.both(what, func(j gateJournal) []any {
		g, did, err := call(j)
		answer, err2 := j.GateAnswer(w.Context(), id)
		if g.Status == run.GateExpired {
			answer = nil // it goes with the next sweep at the latest
		}
		return []any{g, did, err, string(answer), err2}
	})
	return got[0].(run.Gate), got[1].(bool)
}

func (w *world) decide() {
	id, v := w.gate(), &run.Verdict{Approve: !w.one(3), By: "ada", Comment: "so"}
	g, changed := w.changesGate("DecideGate", id, func(j gateJournal) (run.Gate, bool, error) { return j.DecideGate(w.Context(), id, v, w.at) })
	if !changed {
		return
	}
	t := run.ApprovalRejected
	if v.Approve {
		t = run.ApprovalApproved
	}
	w.tell(run.Event{Type: t, At: w.at, Run: g.Subject(), Agent: g.Agent, Gate: &g})
}

func (w *world) claimant() string { return fmt.Sprint("claim-", w.rand.IntN(2)) }

func (w *world) claim() {
	id, claim, until := w.gate(), w.claimant(), w.at.Add(time.Duration(w.rand.IntN(int(time.Minute))))
	w.changesGate("ClaimGate", id, func(j gateJournal) (run.Gate, bool, error) { return j.ClaimGate(w.Context(), id, claim, w.at, until) })
}

func (w *world) renewClaim() {
	id, claim, until := w.gate(), w.claimant(), w.at.Add(time.Duration(w.rand.IntN(int(time.Minute))))
	w.changesGate("RenewClaim", id, func(j gateJournal) (run.Gate, bool, error) { return j.RenewClaim(w.Context(), id, claim, w.at, until) })
}

func (w *world) endClaim() {
	id, claim, used := w.gate(), w.claimant(), w.one(2)
	w.changesGate("EndClaim", id, func(j gateJournal) (run.Gate, bool, error) { return j.EndClaim(w.Context(), id, claim, used, w.at) })
}

func (w *world) list() {
	q := &run.GateQuery{N: 1 + w.rand.IntN(5)}
	if w.one(2) {
		q.Status = []run.GateStatus{run.GatePending, run.GateApproved, run.GateExpired, run.GateCancelled}[w.rand.IntN(4)]
	}
	if w.one(2) {
		q.Run = w.any()
	} else if w.one(2) {
		q.Run.Team = "team:one"
	}
	if w.one(3) {
		q.Before = w.gate()
	}
	w.both("ListGates", func(j gateJournal) []any {
		list, err := j.ListGates(w.Context(), q, w.at)
		return []any{append([]run.Gate{}, list...), err}
	})
	ids := []string{w.gate(), w.gate()}
	w.both("FindGates", func(j gateJournal) []any {
		found, err := j.FindGates(w.Context(), ids, w.at)
		slices.SortFunc(found, func(a, b run.Gate) int { return compare(a.ID, b.ID) })
		return []any{append([]run.Gate{}, found...), err}
	})
}
