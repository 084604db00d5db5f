package failover

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// An agent with its vendor's official SDK calls its tools until it is done, while the
// provider that it asks for dies at some point of the exchange. It does and says the
// same as if that had not been so.
func TestToolLoops(t *testing.T) {
	for _, way := range []struct{ first, next *vendor }{{openaiVendor, anthropicVendor}, {anthropicVendor, openaiVendor}} {
		for i := range faults {
			f := &faults[i]
			for _, streamed := range []bool{false, true} {
				if f.only != "" && streamed != (f.only == "streamed") {
					continue
				}
				for _, when := range []struct {
					name  string
					turns []int
				}{{"first turn", []int{0}}, {"middle turn", []int{1}}, {"last turn", []int{2}}, {"all turns", []int{0, 1, 2}}} {
					name := fmt.Sprintf("%s %s/%s/streamed=%t", way.first.name, f.name, when.name, streamed)
					t.Run(name+"/in process", func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							w := newWorld(t, way.first, way.next, f, when.turns, streamed, true)
							done := w.work()
							synctest.Wait()
							w.check(done)
						})
					})
					if f.as == provider.TimedOut && when.name != "first turn" || when.name == "last turn" {
						continue // the network takes its time
					}
					t.Run(name+"/over HTTP", func(t *testing.T) {
						t.Parallel()
						w := newWorld(t, way.first, way.next, f, when.turns, streamed, false)
						done := w.work()
						require.NoError(t, w.gateway.Close(t.Context())) // waits for what is still under way
						w.check(done)
					})
				}
			}
		}
	}
}

// work lets an agent of the first vendor do its work.
func (w *world) work() *talk {
	w.t.Helper()
	return work(w.t, w.first.agent(w.place, w.first.model, w.streamed), w.comes)
}

// out reports whether the first provider is left out of a turn, for what it did before.
func (w *world) out(n int) bool { return w.fault.opens && w.turns[0] < n }

// served are those that serve the turns.
func (w *world) served() (served []*vendor) {
	for n := range dialogue {
		if w.out(n) || slices.Contains(w.turns, n) && !w.fault.inside {
			served = append(served, w.next)
		} else {
			served = append(served, w.first)
		}
	}
	return served
}

// check checks what an agent was answered and did, what the providers heard, and what
// it has cost.
func (w *world) check(done *talk) {
	w.t.Helper()
	w.checkAnswers(done)
	w.checkHeard()
	w.checkSteps()
}

func (w *world) checkAnswers(done *talk) {
	t := w.t
	t.Helper()
	require.Len(t, done.turns, len(dialogue))
	var executed []call
	for n, v := range w.served() {
		got, want := done.turns[n], dialogue[n]
		assert.Equal(t, want.text, got.text)
		assert.Equal(t, want.in, got.in)
		assert.Equal(t, want.out, got.out)
		assert.Equal(t, normalised(want.calls), normalised(got.calls))
		assert.Equal(t, w.first.ends[min(1, len(want.calls))], got.end)
		if v == w.first {
			assert.Empty(t, got.served)
		} else {
			assert.Equal(t, w.next.target(), got.served)
		}
		if w.fault.inside && slices.Contains(w.turns, n) {
			assert.Error(t, done.errors[n])
		} else {
			assert.NoError(t, done.errors[n])
		}
		executed = append(executed, want.calls...)
	}
	assert.Equal(t, normalised(executed), normalised(done.executed), "each tool is run once")
}

func normalised(calls []call) (all []call) {
	for _, c := range calls {
		all = append(all, call{c.tool, normal(c.args)})
	}
	return all
}

// checkHeard checks that each provider was told in its own dialect what had been said
// before, and asked no more often than needed.
func (w *world) checkHeard() {
	t := w.t
	t.Helper()
	want := map[*vendor][][]string{}
	for n, v := range w.served() {
		if slices.Contains(w.turns, n) && !w.out(n) && w.fault.reply != nil {
			want[w.first] = append(want[w.first], said(n, false))
		}
		want[v] = append(want[v], said(n, v == openaiVendor && v == w.next))
	}
	paths := map[*vendor]string{openaiVendor: "/v1/chat/completions", anthropicVendor: "/v1/messages"}
	for v, model := range w.models {
		var told [][]string
		for _, r := range model.Requests() {
			assert.Equal(t, paths[v], r.Path)
			told = append(told, v.heard(r.Body))
		}
		assert.Equal(t, want[v], told, v.name)
	}
}

// checkSteps checks that the run has a step for each attempt, and that their costs are
// what its budget has spent.
func (w *world) checkSteps() {
	t := w.t
	t.Helper()
	key := run.Key{Team: (&run.Agent{ID: "support"}).TeamKey(), ID: "talk"}
	steps, err := w.gateway.Runs().Steps(t.Context(), key, 0, 100)
	require.NoError(t, err)
	slices.SortStableFunc(steps, func(a, b run.Step) int { return a.Start.Compare(b.Start) }) // they are recorded as they end
	take := func() run.Step {
		require.NotEmpty(t, steps)
		s := steps[0]
		steps = steps[1:]
		return s
	}
	for n, v := range w.served() {
		first := ""
		if slices.Contains(w.turns, n) && !w.out(n) {
			s := take()
			assert.Equal(t, w.first.target(), s.Provider+"/"+s.Model)
			if w.fault.inside {
				assert.Positive(t, s.Cost, "part of an answer is paid for")
			} else {
				assert.Equal(t, w.fault.as.String(), s.Fault)
				first = s.ID
			}
		}
		s := take()
		assert.Equal(t, v.target(), s.Provider+"/"+s.Model)
		assert.Equal(t, 200, s.Status)
		assert.Empty(t, s.Fault+s.Error)
		assert.Equal(t, first, s.First)
		assert.False(t, s.Usage.Estimated)
		assert.Equal(t, budget.Money(dialogue[n].in)*v.in+budget.Money(dialogue[n].out)*v.out, s.Cost)
	}
	assert.Empty(t, steps)
	w.checkSettled()
}
