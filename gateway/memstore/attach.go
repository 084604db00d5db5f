package memstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/rungate/rungate/run"
)

// Attach implements run.Journal.
func (j *journal) Attach(_ context.Context, a *run.Attachment, out *run.Run) (got run.Attached, _ error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := head{a.Team, a.ID == "", a.ID}
	if h.auto {
		h.name = a.Auto
	}
	r := j.heads[h]
	if a.Exact {
		r = nil // it may be a newer one
	}
	if r == nil && !h.auto {
		r = j.runs[run.Key{Team: a.Team, ID: a.ID}] // a full id
		if r != nil && a.New && !r.head.auto && j.heads[r.head] != nil {
			r = j.heads[r.head] // a new run follows on the newest of its kind
		}
	}
	if r != nil {
		j.lapseCalls(r, a.At)
		if c := r.call(a.Call); c != nil {
			return j.callAgain(c, a, out), nil
		}
	}
	if a.New && !a.Join && !a.Exact {
		if err := mayFollow(r, a); err != nil {
			return got, err
		}
	}
	if r != nil && j.lapse(r, a.At) {
		got.Ended = r.copy(a.At)
	}
	if r == nil || a.New || h.auto && (r.Status == run.Completed || r.idle(a.At)) {
		if a.Join || a.Exact {
			return got, run.ErrNotFound
		}
		parent, err := j.parentOf(a, r)
		if err != nil {
			return got, err
		}
		if parent != nil {
			parent.show(out, a.At)
			got.Exceeded = out.ExceededByChild(a.At)
			if !out.Status.Live() || got.Exceeded != "" {
				j.refuse(parent, a, out, &got)
				return got, nil
			}
		}
		if r != nil && a.New && r.Status != run.Completed {
			j.complete(r, run.ReasonSuperseded, a.At)
			got.Ended = r.copy(a.At)
		}
		r = j.start(a, h, r, parent)
		got.Started = true
	}
	r.show(out, a.At)
	got.Exceeded = out.Exceeded(a.At)
	if !out.Status.Live() || got.Exceeded != "" && !out.Gated {
		j.refuse(r, a, out, &got)
		return got, nil
	}
	got.Deferred = got.Exceeded != ""
	j.begin(r, a.Call, a.Until)
	j.touch(r, a.At)
	out.InFlight, out.LastCall = r.InFlight, r.LastCall
	return got, nil
}

// callAgain attaches a call that is in flight already.
func (j *journal) callAgain(c *call, a *run.Attachment, out *run.Run) (got run.Attached) {
	r := c.run
	if j.lapse(r, a.At) { // with its parent
		got.Ended = r.copy(a.At)
	}
	j.touch(r, a.At)
	c.renew(a.Until)
	r.show(out, a.At)
	if out.Status.Live() && out.Gated {
		others := *out
		others.InFlight--
		got.Exceeded = others.Exceeded(a.At)
		got.Deferred = got.Exceeded != ""
	}
	return got
}

// mayFollow reports whether a new run may be started in the place of r, which may be
// nil.
func mayFollow(r *record, a *run.Attachment) error {
	var newest run.Run
	if r != nil {
		newest = r.at(a.At)
	}
	switch {
	case a.ID != "" && a.Follows != newest.ID:
		return &run.OvertakenError{Run: newest}
	case newest.Gated && !a.PastGates:
		return &run.GatedError{Run: newest}
	}
	return nil
}

// parentOf returns the run that a new one is to be started below, in the place of
// old if that is not nil; nil is none.
func (j *journal) parentOf(a *run.Attachment, old *record) (*record, error) {
	if a.Parent == "" {
		return nil, nil
	}
	parent := j.find(run.Key{Team: a.Team, ID: a.Parent})
	if old != nil && old.Status != run.Completed {
		for p := parent; p != nil; p = p.parent {
			if p == old {
				parent = nil // it would end with this call
				break
			}
		}
	}
	if parent == nil && !a.Orphan {
		return nil, &run.ParentError{Parent: a.Parent}
	}
	return parent, nil
}

// refuse counts a call that r, which is as out shows it, does not take.
func (j *journal) refuse(r *record, a *run.Attachment, out *run.Run, got *run.Attached) {
	f := run.Refusal{Model: a.Model, Agent: a.Start.Agent}
	switch out.Status {
	case run.Open, run.Paused:
		f.Code, f.Rule = run.RefusedLimit, got.Exceeded
	case run.Blocked:
		f.Code, f.Rule, got.Exceeded = out.Block.Code, out.Block.Rule, ""
	case run.Completed:
		f.Code, got.Exceeded = run.RefusedClosed, ""
	}
	r.refuse(&f, a.At)
	if out.Status != run.Completed {
		j.touch(r, a.At)
		out.LastCall = r.LastCall
	}
}

// start begins the run that a asks for, in the place of old and below parent, if
// there are such.
func (j *journal) start(a *run.Attachment, h head, old, parent *record) *record {
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
	if parent != nil {
		r.Descend(&parent.Run)
		r.parent = parent
		parent.Children++
	}
	r.head = h
	j.runs[r.Key] = r
	j.heads[h] = r
	r.place = j.open.PushBack(r)
	if t := r.IdleTimeout; t >= 0 && (j.shortest < 0 || t < j.shortest) {
		j.shortest = t
	}
	return r
}
