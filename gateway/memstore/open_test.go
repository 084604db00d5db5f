package memstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

func TestOpenRunsAreBounded(t *testing.T) {
	d := newDiary(t, memstore.Options{OpenRuns: 2})
	d.open("busy", noon, false)
	d.end(d.open("parent", noon, false).ID, noon, nil)
	d.attach(&run.Attachment{At: noon, ID: "child", Parent: "parent", Start: &run.Run{IdleTimeout: -1}})
	for i := range 4 {
		at := noon.Add(time.Duration(i) * time.Second)
		d.end(d.open(fmt.Sprint("r", i), at, false).ID, at, nil)
	}
	swept := func() (ids []string) {
		s, err := d.Sweep(context.Background(), noon.Add(time.Minute))
		require.NoError(t, err)
		for _, r := range s.Completed {
			assert.Equal(t, run.Completed, r.Status)
			assert.Equal(t, run.ReasonCrowdedOut, r.Reason)
			assert.Equal(t, noon.Add(time.Minute), r.Closed)
			ids = append(ids, r.ID)
		}
		return ids
	}
	assert.Equal(t, []string{"r0", "r1", "r2", "r3"}, swept(), "those called longest ago, but none with a call in flight, of its own or of a child")
	assert.Empty(t, swept())
	d.end("busy", noon, nil)
	assert.Equal(t, []string{"busy"}, swept(), "as soon as its call has ended")
}

// The ids of steps are remembered as long as the steps are, and no longer.
func TestStepIDs(t *testing.T) {
	const keep = 100
	d := newDiary(t, memstore.Options{Steps: keep})
	rnd := rand.New(rand.NewPCG(1, 2))
	var remembered []string
	for range 5000 {
		id := fmt.Sprint("s", rnd.IntN(3*keep))
		d.open("r", noon, false)
		before := d.find("r").Steps
		known := slices.Contains(remembered, id)
		after := d.end("r", noon, &run.Step{ID: id}).Steps
		require.Equal(t, !known, after == before+1, "step %s", id)
		if known {
			d.end("r", noon, nil)
			continue
		}
		remembered = append(remembered, id)
		remembered = remembered[max(0, len(remembered)-keep):]
	}
	assert.Zero(t, d.find("r").InFlight)
}

func (d diary) find(id string) run.Run {
	d.t.Helper()
	r, err := d.Find(context.Background(), key(id), noon)
	require.NoError(d.t, err)
	return r
}

// What a run is blocked or closed by is known to those below it also when it is
// forgotten itself.
func TestAForgottenParentIsClosed(t *testing.T) {
	for _, how := range []string{"closed", "blocked"} {
		t.Run(how, func(t *testing.T) {
			d := newDiary(t, memstore.Options{ClosedRuns: time.Minute})
			d.end(d.open("parent", noon, false).ID, noon, nil)
			d.attach(&run.Attachment{At: noon, ID: "child", Parent: "parent", Start: &run.Run{IdleTimeout: -1}})
			if how == "closed" {
				d.closed("parent", noon)
			} else {
				d.blocked("parent", noon)
			}
			require.Equal(t, []string{"parent"}, d.sweep(noon.Add(time.Hour)))
			d.closed("parent", noon.Add(time.Hour)) // another run of that name
			r := d.find("child")
			assert.Equal(t, run.Completed, r.Status)
			assert.Equal(t, run.ReasonParentClosed, r.Reason)
			assert.Equal(t, noon, r.Closed)
		})
	}
}

// What an open run without steps costs is bounded, however much it repeats.
func TestOpenRunsCostLittle(t *testing.T) {
	tests := []struct {
		name                 string
		turns, announcements uint64 // of each run
		most                 int64  // bytes of each
	}{
		{"that does nothing twice", 0, 0, 1500},
		{"that might", 4, 4, 1800},
		{"with as many turns and announcements as are remembered", 256, 32, 11_000},
		{"with more of them", 300, 50, 11_000},
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const runs = 300
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ids := make([]string, runs)
			for i := range ids {
				ids[i] = fmt.Sprintf("run_%032d", i)
			}
			before := heap()
			d := newDiary(t, memstore.Options{})
			repeat := func(id string, n uint64, p run.Repetition) {
				for p.Hash = range n {
					_, err := d.Repeat(t.Context(), key(id), p)
					require.NoError(t, err)
				}
			}
			for _, id := range ids {
				d.end(d.open(id, noon, false).ID, noon, nil)
				repeat(id, tt.turns, run.Repetition{Limit: 3, Within: time.Minute, At: noon})
				repeat(id, tt.announcements, run.Repetition{Event: &run.Event{}, Limit: 1, At: noon})
			}
			each := int64(heap()-before) / runs
			t.Logf("%d bytes a run", each)
			assert.Less(t, each, tt.most)
			runtime.KeepAlive(d)
		})
	}
}

// Turns whose time is over go first when there is no room for others.
func TestTurnsThatAreOverAreForgotten(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	p := run.Repetition{Limit: 9, Within: time.Hour, At: noon}
	count := func(hash uint64, within time.Duration, at time.Time) int64 {
		p.Hash, p.Within, p.At = hash, within, at
		n, err := d.Repeat(t.Context(), key("r"), p)
		require.NoError(t, err)
		return n
	}
	count(1, time.Hour, noon)
	for i := range uint64(1000) {
		count(1000+i, time.Second, noon.Add(time.Duration(i)*time.Second))
	}
	assert.EqualValues(t, 2, count(1, time.Hour, noon.Add(30*time.Minute)), "those that came later were over before")
}
