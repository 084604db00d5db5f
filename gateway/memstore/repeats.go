package memstore

import (
	"time"

	"github.com/rungate/rungate/run"
)

// maxRepeats is how many things are remembered of one run in case that they come
// again.
const maxRepeats = 32

// repeats counts what comes again in a run, in the order in which it came last.
type repeats []repeat

type repeat struct {
	hash  uint64
	count int64
	first int64 // when, in nanoseconds since 1970
}

// count implements run.Journal.Repeat.
func (rs *repeats) count(p run.Repetition) int64 {
	x := rs.take(p)
	if p.Within > 0 && time.Duration(p.At.UnixNano()-x.first) >= p.Within {
		x.count, x.first = 0, p.At.UnixNano()
	}
	n := x.count + 1
	if n <= p.Limit {
		x.count = n
	}
	*rs = append(*rs, x)
	return min(n, p.Limit+1)
}

// take removes what p stands for, and returns it; there is room for it again.
func (rs *repeats) take(p run.Repetition) repeat {
	s := *rs
	x, i := repeat{hash: p.Hash, first: p.At.UnixNano()}, s.find(p.Hash)
	switch {
	case i >= 0:
		x = s[i]
	case len(s) < maxRepeats:
		return x
	default:
		i = 0
	}
	copy(s[i:], s[i+1:])
	*rs = s[:len(s)-1]
	return x
}

// takeOff undoes one count.
func (rs repeats) takeOff(hash uint64) {
	if i := rs.find(hash); i >= 0 && rs[i].count > 0 {
		rs[i].count--
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
