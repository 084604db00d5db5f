package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// diary is a store's journal, with methods that must not fail.
type diary struct {
	t *testing.T
	*memstore.Store
	calls map[run.Key][]string // in flight
}

func newDiary(t *testing.T, o memstore.Options) diary {
	return diary{t, memstore.New(o), map[run.Key][]string{}}
}

func key(id string) run.Key { return run.Key{Team: "team:a", ID: id} }

func (d diary) open(id string, at time.Time, anew bool) run.Run {
	d.t.Helper()
	return d.attach(&run.Attachment{At: at, ID: id, New: anew, Start: &run.Run{IdleTimeout: time.Hour}})
}

// attach attaches a call of the team, which stays in flight until end.
func (d diary) attach(a *run.Attachment) (r run.Run) {
	d.t.Helper()
	a.Team, a.Call, a.Until = "team:a", fmt.Sprint("call", rand.Uint64()), a.At.Add(10*365*24*time.Hour)
	for {
		_, err := d.Attach(context.Background(), a, &r)
		if newer, ok := errors.AsType[*run.OvertakenError](err); ok {
			a.Follows = newer.Run.ID
			continue
		}
		require.NoError(d.t, err)
		if r.Status.Live() {
			d.calls[r.Key] = append(d.calls[r.Key], a.Call)
		}
		return r
	}
}

// call returns the last call of a run that is in flight, which will end.
func (d diary) call(id string) (call string) {
	if all := d.calls[key(id)]; len(all) > 0 {
		call, d.calls[key(id)] = all[len(all)-1], all[:len(all)-1]
	}
	return call
}

func (d diary) end(id string, at time.Time, step *run.Step) (r run.Run) {
	d.t.Helper()
	require.NoError(d.t, d.Detach(context.Background(), &run.Detachment{Key: key(id), Call: d.call(id), At: at, Step: step}, &r))
	return r
}

// closed makes a run that was closed at that time.
func (d diary) closed(id string, at time.Time) {
	d.t.Helper()
	r := d.open(id, at, false)
	d.end(r.ID, at, nil)
	_, changed, err := d.Complete(context.Background(), key(r.ID), run.ReasonByAgent, at)
	require.NoError(d.t, err)
	require.True(d.t, changed)
}

func (d diary) blocked(id string, at time.Time) {
	d.t.Helper()
	d.end(d.open(id, at, false).ID, at, nil)
	_, changed, err := d.Block(context.Background(), key(id), &run.Block{Code: "c"}, at)
	require.NoError(d.t, err)
	require.True(d.t, changed)
}

// sweep returns the ids of the runs that are forgotten.
func (d diary) sweep(at time.Time) []string {
	d.t.Helper()
	s, err := d.Sweep(context.Background(), at)
	require.NoError(d.t, err)
	ids := []string{}
	for _, r := range s.Forgotten {
		ids = append(ids, r.ID)
		_, err := d.Refusals(context.Background(), r.Key) // Find may find a newer generation
		assert.ErrorIs(d.t, err, run.ErrNotFound)
	}
	return ids
}

func TestStepsAreBounded(t *testing.T) {
	d := newDiary(t, memstore.Options{Steps: 3})
	for i := range 7 {
		d.open("r", noon, false)
		d.end("r", noon, &run.Step{ID: fmt.Sprint("s", i), Cost: 10})
		for skip := range int64(9) {
			steps, err := d.Steps(context.Background(), key("r"), skip, 2)
			require.NoError(t, err)
			want := []string{}
			for n := max(int(skip), i-2); n <= i && len(want) < 2; n++ {
				want = append(want, fmt.Sprint("s", n))
			}
			got := []string{}
			for _, s := range steps {
				got = append(got, s.ID)
			}
			assert.Equal(t, want, got, "two of %d steps, without the first %d", i+1, skip)
		}
	}
	r, err := d.Find(context.Background(), key("r"), noon)
	require.NoError(t, err)
	assert.EqualValues(t, 7, r.Steps, "the run counts also those that are forgotten")
	assert.EqualValues(t, 70, r.Spent)
	d.open("r", noon, false)
	assert.EqualValues(t, 7, d.end("r", noon, &run.Step{ID: "s6"}).Steps, "one that is remembered is not added again")
	assert.EqualValues(t, 8, d.end("r", noon, &run.Step{ID: "s0"}).Steps, "of one that is forgotten nothing is left")
}

func TestRefusalsAreBounded(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	for i := range 250 {
		d.open("r", noon, false)
		end := run.Detachment{Key: key("r"), Call: d.call("r"), At: noon, Refusal: &run.Refusal{Code: "c", Model: fmt.Sprint("m", i)}}
		require.NoError(t, d.Detach(context.Background(), &end, new(run.Run)))
	}
	f, err := d.Refusals(context.Background(), key("r"))
	require.NoError(t, err)
	require.Len(t, f, 100)
	assert.Equal(t, "m150", f[0].Model, "the newest are kept")
}

func TestRunsAreForgotten(t *testing.T) {
	late := noon.Add(time.Minute)
	tests := []struct {
		name string
		o    memstore.Options
		do   func(d diary)
		at   time.Time
		want []string
	}{
		{"not before their time", memstore.Options{ClosedRuns: time.Minute}, func(d diary) {
			d.closed("a", noon)
		}, late.Add(-1), []string{}},
		{"when they have been closed for long", memstore.Options{ClosedRuns: time.Minute}, func(d diary) {
			d.closed("a", noon)
			d.closed("b", noon)
			d.closed("c", noon.Add(1))
		}, late, []string{"a", "b"}},
		{"by default after a day", memstore.Options{}, func(d diary) {
			d.closed("a", noon)
			d.closed("b", noon.Add(1))
		}, noon.Add(24 * time.Hour), []string{"a"}},
		{"at once if so wanted", memstore.Options{ClosedRuns: -1}, func(d diary) {
			d.closed("a", noon)
		}, noon, []string{"a"}},
		{"never while they are open", memstore.Options{ClosedRuns: time.Minute, Runs: 1}, func(d diary) {
			d.open("a", noon, false)
			d.open("b", noon, false)
		}, noon.Add(1000 * time.Hour), []string{}},
		{"also if they were blocked", memstore.Options{ClosedRuns: time.Minute}, func(d diary) {
			d.blocked("a", noon)
		}, late, []string{"a"}},
		{"not while they are blocked and called", memstore.Options{ClosedRuns: time.Minute}, func(d diary) {
			d.blocked("a", noon)
			d.closed("b", noon)
			d.open("a", noon.Add(time.Second), false)
		}, late, []string{"b"}},
		{"not before their last call has ended", memstore.Options{ClosedRuns: time.Minute}, func(d diary) {
			d.open("a", noon, false)
			d.open("a", noon, false)
			d.closed("a", noon) // a third call
			d.end("a", noon, nil)
			d.closed("b", noon)
		}, late, []string{"b"}},
		{"when there are too many, those that closed first", memstore.Options{Runs: 1}, func(d diary) {
			d.closed("a", noon)
			d.open("b", noon, false)
			d.closed("c", noon)
			d.closed("d", noon)
		}, noon, []string{"a", "c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDiary(t, tt.o)
			tt.do(d)
			assert.Equal(t, tt.want, d.sweep(tt.at))
			assert.Empty(t, d.sweep(tt.at), "a second sweep finds nothing more")
		})
	}
}

func TestForgottenIDs(t *testing.T) {
	t.Run("an id that is forgotten starts a run again", func(t *testing.T) {
		d := newDiary(t, memstore.Options{ClosedRuns: time.Minute})
		d.closed("r", noon)
		d.sweep(noon.Add(time.Minute))
		r := d.open("r", noon.Add(time.Minute), false)
		assert.Equal(t, run.Open, r.Status)
		assert.Equal(t, "r", r.ID)
	})
	t.Run("generations are counted on when older ones are forgotten", func(t *testing.T) {
		d := newDiary(t, memstore.Options{ClosedRuns: time.Minute})
		d.closed("r", noon)
		d.end(d.open("r", noon, true).ID, noon, nil)
		require.Equal(t, []string{"r"}, d.sweep(noon.Add(time.Minute)))
		assert.Equal(t, "r.3", d.open("r", noon.Add(time.Minute), true).ID)
		_, err := d.Find(context.Background(), key("r.2"), noon.Add(time.Minute))
		assert.NoError(t, err)
	})
	t.Run("the full id of an old generation counts on from the newest", func(t *testing.T) {
		d := newDiary(t, memstore.Options{ClosedRuns: time.Minute})
		d.open("r", noon, true)                      // r
		d.open("r", noon, true)                      // r.2; both stay in flight
		d.end(d.open("r", noon, true).ID, noon, nil) // r.3
		d.open("r", noon, true)                      // r.4
		require.Equal(t, []string{"r.3"}, d.sweep(noon.Add(time.Minute)))
		assert.Equal(t, "r.5", d.open("r.2", noon.Add(time.Minute), true).ID, "no name is used again")
	})
}

func TestSweepFindsARunBehindOneThatWasCalledLater(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	for i, id := range []string{"a", "b", "c", "a"} {
		at := noon.Add(time.Duration(i) * time.Minute)
		d.end(d.open(id, at, false).ID, at, nil)
	}
	s, err := d.Sweep(context.Background(), noon.Add(time.Hour+time.Minute))
	require.NoError(t, err)
	require.Len(t, s.Completed, 1)
	assert.Equal(t, "b", s.Completed[0].ID)
}

// A sweep looks at open runs in the order of their last calls and stops at the
// first that cannot be idle yet, so it has to know the shortest timeout.
func TestSweepFindsEveryIdleRun(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	attach := func(id string, idle time.Duration) {
		d.attach(&run.Attachment{At: noon, ID: id, Start: &run.Run{IdleTimeout: idle}})
		d.end(id, noon, nil)
	}
	for i, idle := range []time.Duration{time.Hour, -1, time.Minute, 2 * time.Minute, time.Second, 0} {
		attach(fmt.Sprint("r", i), idle)
	}
	for _, c := range []struct {
		after time.Duration
		want  []string
	}{
		{0, []string{"r5"}},
		{time.Second, []string{"r4"}},
		{2 * time.Minute, []string{"r2", "r3"}},
		{time.Hour - 1, nil},
		{time.Hour, []string{"r0"}},
		{1000 * time.Hour, nil},
	} {
		s, err := d.Sweep(context.Background(), noon.Add(c.after))
		require.NoError(t, err)
		var got []string
		for _, r := range s.Completed {
			got = append(got, r.ID)
		}
		assert.Equal(t, c.want, got, "after %v", c.after)
	}
}
