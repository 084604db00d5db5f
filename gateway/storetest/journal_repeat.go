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
	n, err := j.store.Repeat(j.Context(), key("r"), run.Repetition{Announced: true, Hash: hash, Limit: 1, At: at})
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
			j.open(to("r", after(0)))
			j.must("Detach", j.store.Detach(j.Context(), &run.Detachment{Key: k, At: after(0), Step: s, Repeated: repeated}, new(run.Run)))
		}
		same(j.T, "the first", j.repeat(7, after(0)), 1)
		end(7, nil)
		end(8, nil) // never counted
		same(j.T, "after one that was not made", j.repeat(7, after(0)), 1)
		end(7, step("s-1", 1))
		same(j.T, "after one that failed", j.repeat(7, after(0)), 1)
		end(7, step("s-1", 1)) // told of already
		end(0, step("s-2", 1))
		same(j.T, "after one that is to be counted", j.repeat(7, after(0)), 2)
		end(0, nil)
		same(j.T, "after one that was not counted", j.repeat(7, after(0)), 3)
		same(j.T, "what was never counted", j.repeat(8, after(0)), 1)
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
