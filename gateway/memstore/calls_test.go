package memstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Whatever calls of a family of runs come, are renewed, end, or are not heard of any
// more: as many are in flight as anyone can count, and nothing is left of the others.
func TestCallsAgainstModel(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		s := New(Options{})
		ids := []string{"root", "child", "grandchild"}
		until := map[string]map[string]time.Time{}
		for _, id := range ids {
			until[id] = map[string]time.Time{}
		}
		at := noon
		for n := range 600 {
			at = at.Add(time.Duration(rnd.IntN(3)) * time.Second)
			i := rnd.IntN(len(ids))
			k := run.Key{Team: "t", ID: ids[i]}
			calls := until[k.ID]
			name := fmt.Sprint("call-", rnd.IntN(40)) // more than a few
			lease := at.Add(time.Duration(1+rnd.IntN(90)) * time.Second)
			held := calls[name].After(at)
			switch op := rnd.IntN(5); {
			case op < 2 || n < len(ids):
				if n < len(ids) {
					k.ID, calls = ids[n], until[ids[n]]
				}
				a := run.Attachment{Team: "t", At: at, Call: name, Until: lease, ID: k.ID, Start: &run.Run{IdleTimeout: -1}}
				if n > 0 && n < len(ids) {
					a.Parent = ids[n-1]
				}
				_, err := s.Attach(t.Context(), &a, new(run.Run))
				require.NoError(t, err)
				if calls[name].After(at) && lease.Before(calls[name]) {
					lease = calls[name]
				}
				calls[name] = lease
			case op < 4:
				require.NoError(t, s.RenewCall(t.Context(), k, name, at, lease))
				if held && lease.After(calls[name]) {
					calls[name] = lease
				}
			default:
				require.NoError(t, s.Detach(t.Context(), &run.Detachment{Key: k, Call: name, At: at}, new(run.Run)))
				delete(calls, name)
			}
			busy := false
			for i := range slices.Backward(ids[:min(n+1, len(ids))]) {
				r, err := s.Find(t.Context(), run.Key{Team: "t", ID: ids[i]}, at)
				require.NoError(t, err)
				want := int64(0)
				for _, end := range until[ids[i]] {
					if end.After(at) {
						want++
					}
				}
				busy = busy || want > 0
				require.Equal(t, want, r.InFlight, "seed %d, step %d: run %s", seed, n, ids[i])
				require.Equal(t, busy, s.runs[r.Key].called(at), "seed %d, step %d: run %s", seed, n, ids[i])
			}
		}
		for i := range slices.Backward(ids) { // who looks later finds that all have ended
			require.NoError(t, s.Detach(t.Context(), &run.Detachment{Key: run.Key{Team: "t", ID: ids[i]}, At: at.Add(time.Hour)}, new(run.Run)))
			r := s.runs[run.Key{Team: "t", ID: ids[i]}]
			assert.Equal(t, []any{queue[*call]{}, queue[*call]{}, int64(0), map[string]*call(nil)}, []any{r.calls, r.below, r.InFlight, r.byName})
		}
	}
}

// A run of which no call was ever detached is forgotten like others.
func TestRunsOfDeadProcessesAreForgotten(t *testing.T) {
	s := New(Options{ClosedRuns: time.Minute})
	for n := range 100 {
		a := run.Attachment{Team: "t", At: noon, Call: fmt.Sprint(n), Until: noon.Add(time.Hour), ID: fmt.Sprint("r", n%10), Start: &run.Run{IdleTimeout: time.Second}}
		_, err := s.Attach(t.Context(), &a, new(run.Run))
		require.NoError(t, err)
	}
	k := run.Key{Team: "t", ID: "r0"}
	_, _, err := s.Complete(t.Context(), k, run.ReasonByAgent, noon)
	require.NoError(t, err)
	swept, err := s.Sweep(t.Context(), noon.Add(time.Hour-1))
	require.NoError(t, err)
	assert.Empty(t, swept, "not while they may be alive")
	for range 2 {
		_, err = s.Sweep(t.Context(), noon.Add(2*time.Hour))
		require.NoError(t, err)
	}
	assert.Empty(t, s.runs)
	assert.Empty(t, s.heads)
}

// BenchmarkCallsOfARun is a call of a run that has many in flight, of which the
// oldest ends.
func BenchmarkCallsOfARun(b *testing.B) {
	for _, n := range []int{1, fewCalls, 10_000} {
		b.Run(fmt.Sprint("calls=", n), func(b *testing.B) {
			s := New(Options{})
			names := make([]string, n+1)
			for i := range names {
				names[i] = fmt.Sprintf("step_%032d", i)
			}
			a := run.Attachment{Team: "t", ID: "r", Start: &run.Run{IdleTimeout: -1}}
			d := run.Detachment{Key: run.Key{Team: "t", ID: "r"}}
			var r run.Run
			attach := func(i int) {
				a.Call, a.At = names[i%len(names)], noon.Add(time.Duration(i))
				a.Until = a.At.Add(time.Minute)
				if _, err := s.Attach(b.Context(), &a, &r); err != nil {
					b.Fatal(err)
				}
			}
			for i := range n {
				attach(i)
			}
			b.ReportAllocs()
			for i := n; b.Loop(); i++ {
				attach(i)
				d.Call, d.At = names[(i+1)%len(names)], a.At
				if err := s.Detach(b.Context(), &d, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
