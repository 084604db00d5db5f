package memstore

import (
	"time"
)

// A call is one in flight, until its lease ends.
type call struct {
	run   *record
	name  string
	own   lease[*call]
	above []lease[*call] // one for each ancestor of its run, the parent first
	free  *call          // the next one that is free
}

// fewCalls is how many calls of a run are found by looking at all of them.
const fewCalls = 8

// call returns the call of that name, nil if it is not in flight.
func (r *record) call(name string) *call {
	if r.byName != nil {
		return r.byName[name]
	}
	for x := r.calls.first; x != nil; x = x.next {
		if x.of.name == name {
			return x.of
		}
	}
	return nil
}

// begin counts a call of r in flight.
func (j *journal) begin(r *record, name string, until time.Time) {
	c := j.free
	if c == nil {
		c = &call{}
	} else {
		j.free, c.free = c.free, nil
	}
	c.run, c.name = r, name
	for p := r.parent; p != nil; p = p.parent {
		c.above = append(c.above, lease[*call]{})
	}
	r.InFlight++
	c.lease(until)
	switch {
	case r.byName != nil:
		r.byName[name] = c
	case r.InFlight > fewCalls:
		r.byName = map[string]*call{}
		for x := r.calls.first; x != nil; x = x.next {
			r.byName[x.of.name] = x.of
		}
	}
}

// renew leases a call until a time, unless it lasts longer already.
func (c *call) renew(until time.Time) {
	if c.own.until.Before(until) {
		c.release()
		c.lease(until)
	}
}

// finish ends a call.
func (j *journal) finish(c *call) {
	c.release()
	r := c.run
	r.InFlight--
	if delete(r.byName, c.name); r.InFlight == 0 {
		r.byName = nil
	}
	clear(c.above)
	*c = call{above: c.above[:0], free: j.free}
	j.free = c
}

func (c *call) lease(until time.Time) {
	c.own.of, c.own.until = c, until
	c.run.calls.insert(&c.own)
	p := c.run.parent
	for i := range c.above {
		c.above[i].of, c.above[i].until = c, until
		p.below.insert(&c.above[i])
		p = p.parent
	}
}

func (c *call) release() {
	c.run.calls.remove(&c.own)
	p := c.run.parent
	for i := range c.above {
		p.below.remove(&c.above[i])
		p = p.parent
	}
}

// lapseCalls ends the calls of r whose leases have ended.
func (j *journal) lapseCalls(r *record, at time.Time) {
	for x := r.calls.ended(at); x != nil; x = r.calls.ended(at) {
		for p := r; p != nil; p = p.parent {
			p.lapsed = later(p.lapsed, x.until)
		}
		j.finish(x.of)
	}
}

// inFlight is how many calls of r are in flight at that time.
func (r *record) inFlight(at time.Time) int64 {
	n := r.InFlight
	for x := r.calls.first; x != nil && !at.Before(x.until); x = x.next {
		n--
	}
	return n
}

// called reports whether a call of r, or of a run below it, is in flight at that
// time.
func (r *record) called(at time.Time) bool { return r.calls.lasts(at) || r.below.lasts(at) }

// calledUntil is when the last of these ended that has not been detached.
func (r *record) calledUntil() time.Time {
	return later(r.lapsed, later(r.calls.end(), r.below.end()))
}
