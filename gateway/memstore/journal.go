package memstore

import (
	"container/list"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

var seed = maphash.MakeSeed()

// maxRefusals is how many kinds of refusals of one run are told apart.
const maxRefusals = 100

// journal implements run.Journal.
type journal struct {
	opts Options

	mu    sync.Mutex
	runs  map[run.Key]*record
	heads map[head]*record // the newest of its generations
	open  list.List        // of *record: the open ones, the one called longest ago first
	ended list.List        // of *record: the closed and blocked ones, in the order in which they became so or, blocked, were called

	// shortest is the shortest idle timeout of any run, negative before the first.
	shortest time.Duration
}

// A head is a name that means the newest of several runs.
type head struct {
	team string
	auto bool
	name string // without generation; or of the automatic run
}

// record is a run with what belongs to it.
type record struct {
	run.Run
	head       head
	generation int
	place      *list.Element // in open or ended
	ended      time.Time     // when it came there, or was last called there; zero while it is open

	steps    []run.Step // the newest, in a ring that begins at oldest
	oldest   int
	stepIDs  map[uint64]struct{} // of steps: 64 bits of a hash, which is enough to tell those of one run apart
	refusals []run.Refusal
}

func (j *journal) init(o Options) {
	j.opts = o
	j.runs = map[run.Key]*record{}
	j.heads = map[head]*record{}
	j.shortest = -1
}

// Attach implements run.Journal.
func (j *journal) Attach(_ context.Context, a *run.Attachment) (got run.Attached, _ error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := head{a.Team, a.ID == "", a.ID}
	if h.auto {
		h.name = a.Auto
	}
	r := j.heads[h]
	if r == nil && !h.auto {
		r = j.runs[run.Key{Team: a.Team, ID: a.ID}] // a full id
		if r != nil && a.New && !r.head.auto && j.heads[r.head] != nil {
			r = j.heads[r.head] // a new run follows on the newest of its kind
		}
	}
	if r != nil {
		closed := j.lapse(r, a.At)
		if a.New && !a.Join && r.Status != run.Completed {
			j.complete(r, run.ReasonSuperseded, a.At)
			closed = true
		}
		if closed {
			ended := r.Run
			got.Ended = &ended
		}
	}
	if r == nil || a.New || h.auto && (r.Status == run.Completed || r.idle(a.At)) {
		if a.Join {
			return got, run.ErrNotFound
		}
		r = j.start(a, h, r)
		got.Started = true
	}
	switch r.Status {
	case run.Open:
		r.InFlight++
	case run.Blocked:
		r.refuse(&run.Refusal{Code: r.Block.Code, Rule: r.Block.Rule, Model: a.Model, Agent: a.Start.Agent}, a.At)
	case run.Completed:
		r.refuse(&run.Refusal{Code: run.RefusedClosed, Model: a.Model, Agent: a.Start.Agent}, a.At)
	}
	j.touch(r, a.At)
	got.Run = r.Run
	return got, nil
}

// start begins the run that a asks for, in the place of old, if there is one.
func (j *journal) start(a *run.Attachment, h head, old *record) *record {
	r := &record{Run: *a.Start, generation: 1}
	r.Team, r.ID = a.Team, a.ID
	if h.auto {
		r.ID = a.AutoID
	} else if old != nil {
		if !old.head.auto {
			h = old.head // the full id of a generation: what comes next is of its base
		}
		if newest := j.heads[h]; newest != nil {
			old = newest
		}
		r.generation = old.generation
		for taken := true; taken; taken = j.runs[r.Key] != nil {
			r.generation++
			r.ID = fmt.Sprintf("%s.%d", h.name, r.generation)
		}
	}
	r.Status, r.Created, r.LastCall = run.Open, a.At, a.At
	r.Tags = slices.Clone(r.Tags)
	r.head = h
	j.runs[r.Key] = r
	j.heads[h] = r
	r.place = j.open.PushBack(r)
	if t := r.IdleTimeout; t >= 0 && (j.shortest < 0 || t < j.shortest) {
		j.shortest = t
	}
	return r
}

// Detach implements run.Journal.
func (j *journal) Detach(_ context.Context, k run.Key, at time.Time, step *run.Step, refusal *run.Refusal) (run.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return run.Run{}, run.ErrNotFound
	}
	if step != nil {
		if !r.add(step, j.opts.Steps) {
			return r.Run, nil
		}
	}
	if refusal != nil {
		r.refuse(refusal, at)
	}
	r.InFlight = max(0, r.InFlight-1)
	j.touch(r, at)
	return r.Run, nil
}

// add adds a step that is not there yet, in the place of the oldest if there
// are keep of them.
func (r *record) add(s *run.Step, keep int) bool {
	id := maphash.String(seed, s.ID)
	if _, dup := r.stepIDs[id]; dup {
		return false
	}
	if r.stepIDs == nil {
		r.stepIDs = map[uint64]struct{}{}
	}
	r.stepIDs[id] = struct{}{}
	r.Steps++
	r.Spent = r.Spent.Plus(s.Cost)
	r.Tokens = r.Tokens.Plus(s.Usage.Tokens)
	if len(r.steps) < keep {
		r.steps = append(r.steps, *s)
		return true
	}
	delete(r.stepIDs, maphash.String(seed, r.steps[r.oldest].ID))
	r.steps[r.oldest] = *s
	r.oldest = (r.oldest + 1) % keep
	return true
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

// Complete implements run.Journal.
func (j *journal) Complete(_ context.Context, k run.Key, reason string, at time.Time) (run.Run, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.find(k)
	if r == nil {
		return run.Run{}, false, run.ErrNotFound
	}
	changed := j.lapse(r, at)
	if r.Status != run.Completed {
		j.complete(r, reason, at)
		changed = true
	}
	return r.Run, changed, nil
}

// Block implements run.Journal.
func (j *journal) Block(_ context.Context, k run.Key, b *run.Block, at time.Time) (run.Run, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k] // no newer one: what is said of a run is not said of the next
	if r == nil {
		return run.Run{}, false, run.ErrNotFound
	}
	if r.Status != run.Open || r.idle(at) {
		return r.at(at), false, nil
	}
	block := *b
	r.Status, r.Reason, r.Block = run.Blocked, b.Code, &block
	j.end(r, at)
	return r.Run, true, nil
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
	gone := r.Steps - int64(len(r.steps)) // forgotten ones count as skipped
	from := min(int64(len(r.steps)), max(0, skip-gone))
	n = max(0, min(n, len(r.steps)-int(from)))
	steps := make([]run.Step, 0, n)
	for i := range n {
		steps = append(steps, r.steps[(r.oldest+int(from)+i)%len(r.steps)])
	}
	return steps, nil
}

// Refusals implements run.Journal.
func (j *journal) Refusals(_ context.Context, k run.Key) ([]run.Refusal, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[k]
	if r == nil {
		return nil, run.ErrNotFound
	}
	return slices.Clone(r.refusals), nil
}

// Sweep implements run.Journal.
func (j *journal) Sweep(_ context.Context, at time.Time) (run.Swept, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var s run.Swept
	for e := j.open.Front(); e != nil; {
		r := e.Value.(*record)
		if j.shortest < 0 || at.Before(r.LastCall.Add(j.shortest)) {
			break // and none after it has waited longer
		}
		e = e.Next()
		if j.lapse(r, at) {
			s.Completed = append(s.Completed, r.Run)
		}
	}
	for e := j.ended.Front(); e != nil; {
		r := e.Value.(*record)
		if j.ended.Len() <= j.opts.Runs && at.Before(r.ended.Add(j.opts.ClosedRuns)) {
			break
		}
		e = e.Next()
		if r.InFlight == 0 { // else its calls still have to be recorded
			s.Forgotten = append(s.Forgotten, r.Key)
			j.forget(r)
		}
	}
	return s, nil
}

// find returns the run that k names, nil if there is none.
func (j *journal) find(k run.Key) *record {
	if r := j.heads[head{team: k.Team, name: k.ID}]; r != nil {
		return r
	}
	return j.runs[k]
}

// idle reports whether r has been called for too long ago.
func (r *record) idle(at time.Time) bool {
	return r.InFlight == 0 && r.IdleTimeout >= 0 && !at.Before(r.LastCall.Add(r.IdleTimeout))
}

// at returns the run as it is at that time.
func (r *record) at(at time.Time) run.Run {
	x := r.Run
	if x.Status == run.Open && r.idle(at) {
		x.Status, x.Reason, x.Closed = run.Completed, run.ReasonIdle, x.LastCall.Add(x.IdleTimeout)
	}
	return x
}

// lapse completes an open run that has been idle for too long, and reports
// whether it did.
func (j *journal) lapse(r *record, at time.Time) bool {
	if r.Status != run.Open || !r.idle(at) {
		return false
	}
	r.Run = r.at(at)
	j.end(r, r.Closed)
	return true
}

func (j *journal) complete(r *record, reason string, at time.Time) {
	r.Status, r.Reason, r.Closed, r.Block = run.Completed, reason, at, nil
	j.end(r, at)
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

// touch notes that r was called.
func (j *journal) touch(r *record, at time.Time) {
	if r.Status == run.Completed {
		return
	}
	if at.After(r.LastCall) {
		r.LastCall = at
	}
	if r.Status == run.Open {
		j.open.MoveToBack(r.place)
		return
	}
	j.ended.MoveToBack(r.place) // a blocked one is remembered as long as it is called
	r.ended = r.LastCall
}

func (j *journal) forget(r *record) {
	j.ended.Remove(r.place)
	delete(j.runs, r.Key)
	if j.heads[r.head] == r {
		delete(j.heads, r.head)
	}
}
