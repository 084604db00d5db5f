package memstore

import (
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// How many turns of loops, and announcements, are remembered of one run in case
// that they come again.
const (
	maxTurns         = 256
	maxAnnouncements = 32
)

// repeats counts what comes again in a run, in the order in which it came last.
type repeats []repeat

type repeat struct {
	hash   uint64
	call   uint32        // a hash of the call that has counted last; 0 is none
	count  int32         // no run has more calls
	first  int64         // when, in nanoseconds since 1970
	within time.Duration // since then; 0 is for ever
}

// over reports whether counting begins again, at a time like first.
func (x *repeat) over(at int64) bool {
	return x.within > 0 && time.Duration(at-x.first) >= x.within
}

// count implements run.Journal.Repeat, with room for most things.
func (rs *repeats) count(p run.Repetition, most int) int64 {
	call := callHash(p.Call)
	if i := rs.find(p.Hash); i >= 0 && call != 0 && (*rs)[i].call == call {
		return int64((*rs)[i].count)
	}
	x, at := rs.take(p.Hash), p.At.UnixNano()
	x.within = p.Within
	if x.count == 0 || x.over(at) {
		x.count, x.first = 0, at
	}
	n := int64(x.count) + 1
	if n <= p.Limit {
		x.count, x.call = int32(n), call
	}
	if len(*rs) == cap(*rs) || len(*rs) == most {
		rs.makeRoom(at, most)
	}
	*rs = append(*rs, x)
	return min(n, p.Limit+1)
}

// callHash is what is remembered of the name of a call.
func callHash(name string) uint32 {
	if name == "" {
		return 0
	}
	return max(1, uint32(hashOf(name)))
}

// take removes what is there of hash, and returns it.
func (rs *repeats) take(hash uint64) repeat {
	i := rs.find(hash)
	if i < 0 {
		return repeat{hash: hash}
	}
	x := (*rs)[i]
	*rs = slices.Delete(*rs, i, i+1)
	return x
}

// makeRoom drops one thing that is over. If there is none, it drops what came the
// longest ago, unless there may be more.
func (rs *repeats) makeRoom(at int64, most int) {
	s, i := *rs, 0
	for i < len(s) && !s[i].over(at) {
		i++
	}
	if i == len(s) {
		if len(s) < most {
			return
		}
		i = 0
	}
	*rs = slices.Delete(s, i, i+1)
}

// takeOff undoes one count.
func (rs repeats) takeOff(hash uint64) {
	if i := rs.find(hash); i >= 0 && rs[i].count > 0 {
		rs[i].count--
		rs[i].call = 0
	}
}

// find returns where hash is, -1 if it is nowhere.
func (rs repeats) find(hash uint64) int {
	for i := len(rs) - 1; i >= 0; i-- {
		if rs[i].hash == hash {
			return i
		}
	}
	return -1
}
