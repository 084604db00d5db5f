package memstore

import (
	"bytes"
	"container/heap"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// maxDone is how many gates of one run are remembered that are not live any more,
// and maxDoneBytes how much they may take together; one is in any case.
const (
	maxDone      = 1000
	maxDoneBytes = 1 << 20
)

// OpenGate implements run.GateJournal.
func (j *journal) OpenGate(_ context.Context, asked *run.Gate, answer []byte) (run.Gate, bool, error) {
	// The copies hold on to nothing but what they need: the arguments of a call
	// are part of a whole answer.
	g := &gate{Gate: *asked, answer: bytes.Clone(answer)}
	g.Proposed = slices.Clone(g.Proposed)
	for i := range g.Proposed {
		g.Proposed[i].Args = bytes.Clone(g.Proposed[i].Args)
		g.args += int64(len(g.Proposed[i].Args))
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	g.of = j.runs[g.Run]
	if g.of == nil {
		return run.Gate{}, false, run.ErrNotFound
	}
	if r := g.of.at(g.Opened); !r.Status.Live() {
		return run.Gate{}, false, &run.StateError{Run: r}
	}
	if g.of.gates != nil {
		for _, x := range g.of.gates.same[g.Fingerprint] {
			if s := x.At(g.Opened); s == run.GatePending || s == run.GateApproved {
				return x.show(g.Opened), x.ID == g.ID, nil
			}
		}
	}
	if j.full(g) {
		if j.expire(g.Opened); j.full(g) {
			return run.Gate{}, false, run.ErrGatesFull
		}
	}
	g.add()
	j.gates[g.ID] = g
	j.opened.add(g)
	j.take(g, 1)
	heap.Push(&j.due, g)
	return g.Gate, true, nil
}

// MeetGate implements run.GateJournal.
func (j *journal) MeetGate(_ context.Context, k run.Key, f run.Fingerprint, at time.Time) (_ run.Gate, own bool, _ error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil || r.gates == nil {
		return run.Gate{}, false, run.ErrNoGate
	}
	for _, g := range slices.Backward(r.gates.same[f]) {
		if g.past {
			continue
		}
		x := g.show(at)
		if x.Status == run.GateExpired {
			g.pass()
		}
		return x, true, nil
	}
	if g := r.gates.pausedBy(at); g != nil {
		return g.Gate, false, nil
	}
	return run.Gate{}, false, run.ErrNoGate
}

// DecideGate implements run.GateJournal.
func (j *journal) DecideGate(_ context.Context, id string, v *run.Verdict, at time.Time) (run.Gate, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.gates[id]
	if g == nil {
		return run.Gate{}, false, run.ErrNoGate
	}
	if g.At(at) != run.GatePending {
		return g.show(at), false, nil
	}
	g.Decided, g.By, g.Comment = at, v.By, v.Comment
	if v.Approve {
		g.Status, g.Expires = run.GateApproved, at.Add(g.Window)
		heap.Fix(&j.due, g.place)
	} else {
		j.endGate(g, run.GateRejected, at)
	}
	return g.Gate, true, nil
}

// GateAnswer implements run.GateJournal.
func (j *journal) GateAnswer(_ context.Context, id string) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.gates[id]
	if g == nil {
		return nil, run.ErrNoGate
	}
	return g.answer, nil
}

// FindGates implements run.GateJournal.
func (j *journal) FindGates(_ context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := make([]run.Gate, 0, len(ids))
	for _, id := range ids {
		if g := j.gates[id]; g != nil {
			found = append(found, g.show(at))
		}
	}
	return found, nil
}

// ListGates implements run.GateJournal.
func (j *journal) ListGates(_ context.Context, q *run.GateQuery, at time.Time) ([]run.Gate, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	list, before := &j.opened, j.gates[q.Before]
	if before == nil && q.Before != "" {
		return nil, run.ErrNoGate
	}
	if q.Run.ID != "" {
		r := j.runs[q.Run]
		if r == nil || r.gates == nil {
			return nil, nil
		}
		list = &r.gates.list
	}
	var got []run.Gate
	for _, g := range slices.Backward(list.before(before)) {
		if g.forgotten || q.Run.Team != "" && q.Run.Team != g.Run.Team {
			continue
		}
		if x := g.show(at); q.Status == "" || q.Status == x.Status {
			if got = append(got, x); len(got) == q.N {
				break
			}
		}
	}
	return got, nil
}

// endGate makes g, which is live, one that is not any more.
func (j *journal) endGate(g *gate, s run.GateStatus, at time.Time) {
	heap.Remove(&j.due, g.place)
	j.take(g, -1)
	g.Status, g.answer = s, nil
	g.end(at)
	if s == run.GateUsed || s == run.GateCancelled {
		g.pass()
	}
	for s := g.of.gates; len(s.done) > maxDone || len(s.done) > 1 && s.doneBytes > maxDoneBytes; {
		oldest := s.done[0]
		s.done = slices.Delete(s.done, 0, 1)
		s.doneBytes -= oldest.args
		j.forgetGate(oldest)
	}
}

// expire ends the gates that have expired.
func (j *journal) expire(at time.Time) {
	for len(j.due) > 0 && !at.Before(j.due[0].ends()) {
		g := j.due[0]
		j.endGate(g, run.GateExpired, g.ends())
		j.expired = append(j.expired, g.Gate)
	}
}

// cancel ends the live gates of a run that has been completed, and of those below
// it.
func (j *journal) cancel(r *record) {
	if r.gates == nil {
		return
	}
	j.expire(r.Closed)
	for _, g := range slices.SortedFunc(maps.Keys(r.gates.lively), byOpened) {
		j.endGate(g, run.GateCancelled, r.Closed)
	}
}

// forgetGates drops the gates of a run that is closed and will be forgotten.
func (j *journal) forgetGates(r *record) {
	if r.gates == nil {
		return
	}
	for _, g := range slices.Clone(r.gates.list.all) {
		if !g.forgotten {
			j.forgetGate(g)
		}
	}
	r.gates = nil
}

// forgetGate drops a gate that is not live any more.
func (j *journal) forgetGate(g *gate) {
	g.pass()
	g.forgotten = true
	g.of.gates.drop(g)
	j.opened.drop()
	delete(j.gates, g.ID)
}
