package memstore

import (
	"context"
	"time"

	"github.com/rungate/rungate/run"
)

// Sweep implements run.Journal.
func (j *journal) Sweep(_ context.Context, at time.Time) (run.Swept, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var s run.Swept
	j.sweepOpen(&s, at)
	j.crowdOut(&s, at)
	j.expire(at)
	s.Expired, j.expired = j.expired, nil
	for e := j.ended.Front(); e != nil; {
		r := e.Value.(*record)
		if j.ended.Len() <= j.opts.Runs && at.Before(r.ended.Add(j.opts.ClosedRuns)) {
			break
		}
		e = e.Next()
		if j.lapseCalls(r, at); r.InFlight == 0 { // else its calls still have to be recorded
			s.Forgotten = append(s.Forgotten, r.Run)
			j.forget(r)
		}
	}
	return s, nil
}

// sweepOpen completes the runs that are over.
func (j *journal) sweepOpen(s *run.Swept, at time.Time) {
	for again := true; again; again = j.orphans {
		all := j.orphans // a run has ended whose children may be anywhere
		j.orphans = false
		for e := j.open.Front(); e != nil; {
			r := e.Value.(*record)
			if !all && (j.shortest < 0 || at.Before(r.LastCall.Add(j.shortest))) {
				break // and none after it has waited longer
			}
			e = e.Next()
			if j.lapse(r, at) {
				s.Completed = append(s.Completed, r.at(at))
			}
		}
	}
}

// crowdOut completes runs as long as too many are open, those first that were
// called longest ago.
func (j *journal) crowdOut(s *run.Swept, at time.Time) {
	for e := j.open.Front(); e != nil && j.open.Len() > j.opts.OpenRuns; {
		r := e.Value.(*record)
		e = e.Next()
		if !r.called(at) && (r.gates == nil || !r.gates.live(at)) {
			j.complete(r, run.ReasonCrowdedOut, at)
			s.Completed = append(s.Completed, r.at(at))
		}
	}
}

// forget drops a run. Those that it is the parent of go on pointing to it, and
// find it completed.
func (j *journal) forget(r *record) {
	j.ended.Remove(r.place)
	delete(j.runs, r.Key)
	if j.heads[r.head] == r {
		delete(j.heads, r.head)
	}
	if r.Status == run.Blocked {
		r.Status, r.Closed = run.Completed, r.ended
		j.cancel(r)
		j.orphans = j.orphans || r.Children > 0
	}
	j.forgetGates(r)
	r.steps, r.refusals, r.turns, r.announcements = steps{}, nil, nil, nil
}
