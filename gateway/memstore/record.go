package memstore

import (
	"container/list"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// maxRefusals is how many kinds of refusals of one run are told apart.
const maxRefusals = 100

// record is a run with what belongs to it.
type record struct {
	run.Run
	head       head
	generation int
	parent     *record          // nil of a root
	calls      queue[*call]     // of its own, in the order in which their leases end
	below      queue[*call]     // of the runs below it, likewise
	byName     map[string]*call // calls, where there are more than a few
	lapsed     time.Time        // when the last of either ended whose lease has ended and that is in them no more
	place      *list.Element    // in open or ended
	ended      time.Time        // when it came there, or was last called there; zero while it is open

	steps    steps
	refusals []run.Refusal
	gates    *gates // nil while there were none

	turns         repeats // of loops
	announcements repeats
}

// add adds a step, of which so many are kept, unless it is there already.
func (r *record) add(s *run.Step, keep int) {
	if r.steps.add(s, keep) {
		r.Steps++
		r.Spent = r.Spent.Plus(s.Cost)
		r.Tokens = r.Tokens.Plus(s.Usage.Tokens)
	}
}

// stepsFrom returns up to n steps without the first skip ones. Those that are
// forgotten count as skipped.
func (r *record) stepsFrom(skip int64, n int) []run.Step {
	kept := len(r.steps.ring)
	from := int(min(int64(kept), max(0, skip-r.Steps+int64(kept))))
	return r.steps.from(from, max(0, min(n, kept-from)))
}

func (r *record) refuse(f *run.Refusal, at time.Time) {
	for i := range r.refusals {
		x := &r.refusals[i]
		if x.Code == f.Code && x.Rule == f.Rule && x.Model == f.Model && x.Agent == f.Agent {
			x.Count++
			x.Last = at
			return
		}
	}
	if len(r.refusals) == maxRefusals {
		r.refusals = slices.Delete(r.refusals, 0, 1)
	}
	x := *f
	x.Count, x.First, x.Last = 1, at, at
	r.refusals = append(r.refusals, x)
}

// idle reports whether r has been idle for too long.
func (r *record) idle(at time.Time) bool {
	return !r.called(at) && r.IdleTimeout >= 0 && !at.Before(r.LastCall.Add(r.IdleTimeout)) &&
		(r.gates == nil || !r.gates.live(at) && !at.Before(r.idleFrom()))
}

// idleFrom is when r has been idle for too long, unless something happens.
func (r *record) idleFrom() time.Time {
	since := r.LastCall
	if r.gates != nil {
		since = later(since, r.gates.end())
	}
	return later(since.Add(r.IdleTimeout), r.calledUntil())
}

// over says why and since when a run that is open so far is completed; why is
// empty if it is not.
func (r *record) over(at time.Time) (why string, since time.Time) {
	if r.idle(at) {
		why, since = run.ReasonIdle, r.idleFrom()
	}
	for p := r.parent; p != nil; p = p.parent {
		closed := p.Closed
		switch {
		case p.Status == run.Completed:
		case p.Status == run.Open && p.idle(at):
			closed = p.idleFrom()
		default:
			continue
		}
		if why == "" || closed.Before(since) {
			why, since = run.ReasonParentClosed, closed
		}
	}
	return why, since
}

// show writes the run to out as it is at that time.
func (r *record) show(out *run.Run, at time.Time) {
	*out = r.Run
	out.InFlight = r.inFlight(at)
	if r.Status != run.Open {
		return
	}
	if why, since := r.over(at); why != "" {
		out.Status, out.Reason, out.Closed = run.Completed, why, since
		return
	}
	for p := r.parent; p != nil; p = p.parent {
		if p.Status == run.Blocked {
			out.Status, out.Reason, out.Block = run.Blocked, p.Reason, p.Block
			return
		}
	}
	if r.gates != nil && r.gates.pausedBy(at) != nil {
		out.Status = run.Paused
	}
}

// at returns the run as it is at that time.
func (r *record) at(at time.Time) (x run.Run) {
	r.show(&x, at)
	return x
}

// copy returns a run that is completed, in memory of its own.
func (r *record) copy(at time.Time) *run.Run {
	x := r.at(at)
	return &x
}
