package memstore

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

// journal implements run.Journal and run.GateJournal.
type journal struct {
	opts Options

	mu    sync.Mutex
	runs  map[run.Key]*record
	heads map[head]*record // the newest of its generations
	open  list.List        // of *record: the open ones, the one called longest ago first
	ended list.List        // of *record: the closed and blocked ones, in the order in which they became so or, blocked, were called

	// shortest is the shortest idle timeout of any run, negative before the first.
	shortest time.Duration

	// orphans says that a run with children has been closed since the last sweep,
	// which then has to look for them among all that are open.
	orphans bool

	free *call // to be used again

	gates   map[string]*gate // by ID
	opened  gateList
	due     gateQueue // the live ones
	load    gateLoad  // of these
	teams   map[string]gateLoad
	expired []run.Gate // that the next sweep tells of
}

// A head is a name that means the newest of several runs.
type head struct {
	team string
	auto bool
	name string // without generation; or of the automatic run
}

func (j *journal) init(o Options) {
	j.opts = o
	j.runs = map[run.Key]*record{}
	j.heads = map[head]*record{}
	j.gates = map[string]*gate{}
	j.teams = map[string]gateLoad{}
	j.shortest = -1
}

// RenewCall implements run.Journal.
func (j *journal) RenewCall(_ context.Context, k run.Key, name string, at, until time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return nil
	}
	if c := r.call(name); c != nil && at.Before(c.own.until) {
		j.touch(r, at)
		c.renew(until)
	}
	return nil
}

// Detach implements run.Journal.
func (j *journal) Detach(_ context.Context, d *run.Detachment, out *run.Run) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[d.Key]
	if r == nil {
		return run.ErrNotFound
	}
	j.lapseCalls(r, d.At)
	if d.Step != nil {
		r.add(d.Step, j.opts.Steps)
	}
	if c := r.call(d.Call); c != nil {
		if d.Repeated != 0 {
			r.turns.takeOff(d.Repeated)
		}
		if d.Refusal != nil {
			r.refuse(d.Refusal, d.At)
		}
		j.touch(r, d.At)
		j.finish(c)
	}
	r.show(out, d.At)
	return nil
}

// Complete implements run.Journal.
func (j *journal) Complete(_ context.Context, k run.Key, reason string, at time.Time) (run.Run, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.find(k)
	if r == nil {
		return run.Run{}, false, run.ErrNotFound
	}
	changed := j.lapse(r, at)
	if x := r.at(at); !x.Status.Live() {
		return x, changed, nil
	}
	j.complete(r, reason, at)
	return r.at(at), true, nil
}

// Block implements run.Journal.
func (j *journal) Block(_ context.Context, k run.Key, b *run.Block, at time.Time) (run.Run, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k] // no newer one: what is said of a run is not said of the next
	if r == nil {
		return run.Run{}, false, run.ErrNotFound
	}
	if x := r.at(at); !x.Status.Live() {
		return x, false, nil
	}
	block := *b
	block.Exhausted = nil
	r.Status, r.Reason, r.Block = run.Blocked, b.Code, &block
	j.end(r, at)
	return r.at(at), true, nil
}

// Lift implements run.Journal.
func (j *journal) Lift(_ context.Context, k run.Key, at time.Time) (run.Run, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return run.Run{}, false, run.ErrNotFound
	}
	changed := r.Status == run.Blocked
	if changed {
		j.lift(r, at)
	}
	return r.at(at), changed, nil
}

// Raise implements run.Journal.
func (j *journal) Raise(_ context.Context, k run.Key, limit run.Raised, at time.Time) (run.Run, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return run.Run{}, false, run.ErrNotFound
	}
	if x := r.at(at); x.Status == run.Completed {
		return x, false, nil
	}
	r.Raise(limit.Rule, limit.Limit)
	lifted := r.Status == run.Blocked && r.Block.Rule == limit.Rule
	if lifted {
		j.lift(r, at)
	}
	return r.at(at), lifted, nil
}

// Repeat implements run.Journal.
func (j *journal) Repeat(_ context.Context, k run.Key, p run.Repetition) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return 0, run.ErrNotFound
	}
	if p.Event != nil {
		return r.announcements.count(p, maxAnnouncements), nil
	}
	return r.turns.count(p, maxTurns), nil
}

// Find implements run.Journal.
func (j *journal) Find(_ context.Context, k run.Key, at time.Time) (run.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.find(k); r != nil {
		return r.at(at), nil
	}
	return run.Run{}, run.ErrNotFound
}

// Steps implements run.Journal.
func (j *journal) Steps(_ context.Context, k run.Key, skip int64, n int) ([]run.Step, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return nil, run.ErrNotFound
	}
	return r.stepsFrom(skip, n), nil
}

// Refusals implements run.Journal.
func (j *journal) Refusals(_ context.Context, k run.Key) ([]run.Refusal, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return nil, run.ErrNotFound
	}
	return append([]run.Refusal(nil), r.refusals...), nil
}

// find returns the run that k names, nil if there is none.
func (j *journal) find(k run.Key) *record {
	if r := j.heads[head{team: k.Team, name: k.ID}]; r != nil {
		return r
	}
	return j.runs[k]
}

// lapse completes an open run that is over, and reports whether it did.
func (j *journal) lapse(r *record, at time.Time) bool {
	if r.Status != run.Open {
		return false
	}
	reason, since := r.over(at)
	if reason == "" {
		return false
	}
	j.complete(r, reason, since)
	return true
}

func (j *journal) complete(r *record, reason string, at time.Time) {
	r.Status, r.Reason, r.Closed, r.Block = run.Completed, reason, at, nil
	j.end(r, at)
	j.cancel(r)
	if r.Children > 0 {
		j.orphans = true
	}
}

// end puts r, open or ended before, at the end of those that will be forgotten.
func (j *journal) end(r *record, at time.Time) {
	if r.ended.IsZero() {
		j.open.Remove(r.place)
	} else {
		j.ended.Remove(r.place)
	}
	r.ended = at
	r.place = j.ended.PushBack(r)
}

// lift makes a blocked run open again.
func (j *journal) lift(r *record, at time.Time) {
	j.touch(r, at)
	r.Status, r.Reason, r.Block = run.Open, "", nil
	j.ended.Remove(r.place)
	r.ended = time.Time{}
	r.place = j.open.PushBack(r)
}

// touch notes that r was called, and so its ancestors were. Those that are over
// stay so.
func (j *journal) touch(r *record, at time.Time) {
	for ; r != nil; r = r.parent {
		if r.Status == run.Completed || r.Status == run.Open && r.idle(at) {
			continue
		}
		if at.After(r.LastCall) {
			r.LastCall = at
		}
		if r.Status == run.Open {
			j.open.MoveToBack(r.place)
			continue
		}
		j.ended.MoveToBack(r.place) // a blocked one is remembered as long as it is called
		r.ended = r.LastCall
	}
}
