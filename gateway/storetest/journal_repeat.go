package storetest

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

// announce counts one more announcement in the run r, of which there may be one.
func (j *journal) announce(hash uint64, at time.Time) int64 {
	j.Helper()
	n, err := j.store.Repeat(j.Context(), key("r"), run.Repetition{Event: &run.Event{Type: run.LoopDetected, At: at}, Hash: hash, Limit: 1, At: at})
	j.must("Repeat", err)
	return n
}

// repeat counts one more turn of the run r, of which there may be three within a
// minute.
func (j *journal) repeat(hash uint64, at time.Time) int64 {
	j.Helper()
	n, err := j.store.Repeat(j.Context(), key("r"), run.Repetition{Hash: hash, Limit: 3, Within: time.Minute, At: at})
	j.must("Repeat", err)
	return n
}

var repeatCases = []journalCase{
	{"Repeat counts each thing of a run by itself, up to its limit", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(to("other", after(0)))
		for _, want := range []int64{1, 2, 3, 4, 4, 4} {
			same(j.T, "Repeat", j.repeat(math.MaxUint64, after(0)), want)
		}
		same(j.T, "another thing", j.repeat(math.MaxUint64-1, after(0)), 1)
		n, err := j.store.Repeat(j.Context(), key("other"), run.Repetition{Hash: math.MaxUint64, Limit: 3, Within: time.Minute, At: after(0)})
		j.must("Repeat", err)
		same(j.T, "another run", n, 1)
		n, err = j.store.Repeat(j.Context(), key("r"), run.Repetition{Hash: math.MaxUint64, Limit: 9, Within: time.Minute, At: after(0)})
		j.must("Repeat", err)
		same(j.T, "with a higher limit, since none was counted beyond the first", n, 4)
	}},
	{"Repeat begins again when the time since the first is over", func(j *journal) {
		j.past(to("r", after(0)))
		for i, want := range []int64{1, 2, 3, 4, 4, 4, 1, 2} {
			same(j.T, "Repeat", j.repeat(7, after(time.Duration(i)*10*time.Second)), want)
		}
	}},
	{"what is repeated without Within is counted for ever", func(j *journal) {
		j.past(to("r", after(0)))
		for _, want := range []int64{1, 2, 2} {
			n, err := j.store.Repeat(j.Context(), key("r"), run.Repetition{Hash: 7, Limit: 1, At: after(time.Duration(want) * 1000 * time.Hour)})
			j.must("Repeat", err)
			same(j.T, "Repeat", n, want)
		}
	}},
	{"Repeat counts in whatever state the run is", func(j *journal) {
		k := j.past(to("r", after(0)))
		j.block(k, after(0))
		same(j.T, "while it is blocked", j.repeat(7, after(0)), 1)
		j.complete(k, run.ReasonByAgent, after(0))
		same(j.T, "when it is completed", j.repeat(7, after(0)), 2)
	}},
	{"a turn that 256 others came after may be forgotten, not one that fewer did", func(j *journal) {
		j.past(to("r", after(0)))
		for i := range uint64(1000) {
			j.repeat(1000+i, after(0))
		}
		j.repeat(7, after(0))
		j.repeat(8, after(0))
		j.repeat(7, after(0))
		for i := range uint64(255) {
			j.repeat(2000+i, after(0))
		}
		same(j.T, "after 255 others", j.repeat(7, after(0)), 3)
	}},
	{"a turn is remembered until its time is over, not that of others", func(j *journal) {
		j.past(to("r", after(0)))
		long := run.Repetition{Hash: 7, Limit: 3, Within: time.Hour, At: after(0)}
		_, err := j.store.Repeat(j.Context(), key("r"), long)
		j.must("Repeat", err)
		for i := range uint64(255) {
			j.repeat(1000+i, after(time.Duration(i)*time.Minute/10))
		}
		long.At = after(30 * time.Minute)
		n, err := j.store.Repeat(j.Context(), key("r"), long)
		j.must("Repeat", err)
		same(j.T, "Repeat", n, 2)
	}},
	{"an announcement that 32 others came after may be forgotten, not one that fewer did", func(j *journal) {
		j.past(to("r", after(0)))
		for i := range uint64(100) {
			j.announce(1000+i, after(0))
		}
		j.announce(7, after(0))
		j.announce(8, after(0))
		j.announce(7, after(0))
		for i := range uint64(30) {
			j.announce(2000+i, after(0))
		}
		same(j.T, "after 31 others", j.announce(7, after(0)), 2)
	}},
	{"announcements are no turns, and do not make a run forget them", func(j *journal) {
		j.past(to("r", after(0)))
		j.repeat(7, after(0))
		j.announce(8, after(0))
		for i := range uint64(300) {
			j.announce(1000+i, after(0))
		}
		same(j.T, "a turn", j.repeat(7, after(0)), 2)
		same(j.T, "what was announced", j.repeat(8, after(0)), 1)
		j.announce(9, after(0))
		for i := range uint64(300) {
			j.repeat(1000+i, after(0))
		}
		same(j.T, "an announcement", j.announce(9, after(0)), 2)
		same(j.T, "what was a turn", j.announce(7, after(0)), 1)
	}},
	{"a call that came to nothing is taken off what it repeated", func(j *journal) {
		k := j.past(to("r", after(0)))
		end := func(repeated uint64, s *run.Step) {
			d := &run.Detachment{Key: j.open(to("r", after(0))), At: after(0), Step: s, Repeated: repeated}
			d.Call = j.calls.take(k)
			for range 2 { // the second time, it is not in flight any more
				j.must("Detach", j.store.Detach(j.Context(), d, new(run.Run)))
			}
		}
		same(j.T, "the first", j.repeat(7, after(0)), 1)
		same(j.T, "the second", j.repeat(7, after(0)), 2)
		end(7, nil)
		end(8, nil) // never counted
		same(j.T, "after one that was not made", j.repeat(7, after(0)), 2)
		end(7, step("s-1", 1))
		same(j.T, "after one that failed", j.repeat(7, after(0)), 2)
		end(0, step("s-2", 1))
		same(j.T, "after one that is to be counted", j.repeat(7, after(0)), 3)
		end(7, nil)
		same(j.T, "after another one that was not made", j.repeat(7, after(0)), 3)
		same(j.T, "what was never counted", j.repeat(8, after(0)), 1)
	}},
	{"what the same call has counted last is not counted again", func(j *journal) {
		k := j.past(to("r", after(0)))
		for name, event := range map[string]*run.Event{"a turn": nil, "an announcement": {Type: run.LoopDetected, At: after(0)}} {
			by := func(hash uint64, call string) int64 {
				j.Helper()
				n, err := j.store.Repeat(j.Context(), k, run.Repetition{Event: event, Hash: hash, Call: call, Limit: 3, Within: time.Minute, At: after(0)})
				j.must("Repeat", err)
				return n
			}
			same(j.T, name+", by the first", by(7, "call-1"), 1)
			same(j.T, name+", by the first again", by(7, "call-1"), 1)
			same(j.T, name+", by the second", by(7, "call-2"), 2)
			same(j.T, name+", by the second again", by(7, "call-2"), 2)
			same(j.T, "another thing, by the second", by(8, "call-2"), 1)
			same(j.T, name+", by the third", by(7, "call-3"), 3)
			same(j.T, name+", by the fourth, beyond the limit", by(7, "call-4"), 4)
			same(j.T, name+", by the fourth again", by(7, "call-4"), 4)
			same(j.T, name+", by the third again, that has counted last", by(7, "call-3"), 3)
		}
	}},
	{"a call that comes to nothing takes its turn with it, and can count it again", func(j *journal) {
		a := to("r", after(0))
		a.Call = "call-1"
		k := j.open(a)
		p := run.Repetition{Hash: 7, Call: "call-1", Limit: 3, Within: time.Minute, At: after(0)}
		for range 2 {
			n, err := j.store.Repeat(j.Context(), k, p)
			j.must("Repeat", err)
			same(j.T, "Repeat", n, 1)
		}
		d := &run.Detachment{Key: k, Call: "call-1", At: after(0), Repeated: 7}
		for range 2 {
			j.must("Detach", j.store.Detach(j.Context(), d, new(run.Run)))
		}
		same(j.T, "another call", j.repeat(7, after(0)), 1)
	}},
	{"of many that repeat the same at once, as many are counted as may be", func(j *journal) {
		j.past(to("r", after(0)))
		var counted atomic.Int64
		together(func(int) {
			if j.repeat(7, after(0)) <= 3 {
				counted.Add(1)
			}
		})
		same(j.T, "counted", counted.Load(), 3)
	}},
}
