package memstore

import (
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// gate is a gate with what belongs to it.
type gate struct {
	run.Gate
	of     *record
	answer []byte // nil if it is not live
	args   int64  // bytes, of all that is proposed
	claim  string // the last one

	past      bool // MeetGate does not return it any more
	forgotten bool // and will leave the lists that it is in
	place     int  // in journal.due, while it is live
}

// bytes is how much g takes beside what every gate does.
func (g *gate) bytes() int64 { return g.args + int64(len(g.answer)) }

// ends is when g, which is live, expires.
func (g *gate) ends() time.Time { return later(g.Expires, g.Claimed) }

// show returns the gate as it is at that time.
func (g *gate) show(at time.Time) run.Gate {
	x := g.Gate
	x.Status = g.At(at)
	return x
}

// claimedBy reports whether the claim is the last one and has not been given back.
func (g *gate) claimedBy(claim string) bool { return g.claim == claim && !g.Claimed.IsZero() }

// pass notes that MeetGate does not return g any more.
func (g *gate) pass() {
	if !g.past {
		g.past = true
		g.of.gates.met--
		g.of.Gated = g.of.gates.met > 0
	}
}

// gates are those of a run, and what is to be known of those of the runs below it.
type gates struct {
	list    gateList
	same    map[run.Fingerprint][]*gate // the one opened last at the end
	pausing []*gate                     // those that are live and may pause the run, the one opened first at the front
	done    []*gate                     // those no longer live, in the order in which they ended
	met     int                         // how many MeetGate may return

	doneBytes int64 // the args of done

	lively map[*gate]struct{} // those that are live, or have not been found expired, of the run and of those below it
	ended  time.Time          // when the last one of these ended that is not any more
}

// add adds g, which is pending, to its run, and notes it at the ancestors.
func (g *gate) add() {
	for r := g.of; r != nil; r = r.parent {
		if r.gates == nil {
			r.gates = &gates{lively: map[*gate]struct{}{}}
		}
		r.gates.lively[g] = struct{}{}
	}
	s := g.of.gates
	if s.same == nil {
		s.same = map[run.Fingerprint][]*gate{}
	}
	s.list.add(g)
	s.same[g.Fingerprint] = append(s.same[g.Fingerprint], g)
	if g.Pauses {
		s.pausing = append(s.pausing, g)
	}
	s.met++
	g.of.Gated = true
}

// end notes that g is not live any more.
func (g *gate) end(at time.Time) {
	for r := g.of; r != nil; r = r.parent {
		if s := r.gates; s != nil { // an ancestor may be forgotten
			delete(s.lively, g)
			s.ended = later(s.ended, at)
		}
	}
	s := g.of.gates
	if i := slices.Index(s.pausing, g); i >= 0 {
		s.pausing = slices.Delete(s.pausing, i, i+1)
	}
	s.done = append(s.done, g)
	s.doneBytes += g.args
}

// drop forgets g.
func (s *gates) drop(g *gate) {
	s.list.drop()
	like := s.same[g.Fingerprint]
	if i := slices.Index(like, g); len(like) > 1 {
		s.same[g.Fingerprint] = slices.Delete(like, i, i+1)
	} else {
		delete(s.same, g.Fingerprint)
	}
}

// pausedBy returns the gate that pauses the run at that time, nil if none does.
func (s *gates) pausedBy(at time.Time) *gate {
	for _, g := range s.pausing {
		if g.At(at) == run.GatePending {
			return g
		}
	}
	return nil
}

// live reports whether there is a live gate at that time, of the run or of one
// below it.
func (s *gates) live(at time.Time) bool {
	for g := range s.lively {
		if g.At(at) != run.GateExpired {
			return true
		}
	}
	return false
}

// end is when the last such gate ended, or will expire.
func (s *gates) end() time.Time {
	end := s.ended
	for g := range s.lively {
		end = later(end, g.ends())
	}
	return end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
