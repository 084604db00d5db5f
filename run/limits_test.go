package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// limited attaches a call that comes now, of a run with limits.
func (d *desk) limited(s run.Directives, l run.Limits) (run.Run, error) {
	return d.attach(&run.Arrival{Agent: agent, Directives: &s, At: time.Now(), Policy: policy, Limits: l})
}

func TestMaxSteps(t *testing.T) {
	at(t, func(d *desk) {
		two := run.Limits{MaxSteps: 2}
		_, err := d.limited(run.Directives{RunID: "r"}, two)
		require.NoError(t, err)
		_, err = d.limited(run.Directives{RunID: "r"}, two)
		require.NoError(t, err)
		d.heard()

		r, err := d.limited(run.Directives{RunID: "r"}, two)
		var limit *run.LimitError
		require.ErrorAs(t, err, &limit, "two are under way")
		assert.EqualError(t, err, `run "r" has reached its limit max_steps`)
		assert.Equal(t, r, limit.Run)
		assert.Equal(t, &run.Block{Code: "policy_violation", Rule: "max_steps",
			Message: `Rungate: run "r" has made the 2 calls that policy "prod" allows (max_steps). Some of them are under way: one that is not forwarded leaves its place to another.`,
			Context: []byte(`{"limit":"2","policy_id":"pol_1","policy_name":"prod","rule":"max_steps","run_id":"r"}`)}, limit.Block())
		assert.Equal(t, run.Open, r.Status)
		assert.EqualValues(t, 2, r.InFlight, "the call is not attached")
		assert.Empty(t, d.heard())

		require.NoError(t, d.end(r.Key, nil, nil))
		_, err = d.limited(run.Directives{RunID: "r"}, two)
		require.NoError(t, err, "one that was not forwarded leaves its place")
		require.NoError(t, d.end(r.Key, &run.Step{ID: "s1"}, nil))
		require.NoError(t, d.end(r.Key, &run.Step{ID: "s2"}, nil))
		d.heard()
		for _, want := range [][]string{{"run.blocked of r by agt: blocked"}, nil} {
			r, err = d.limited(run.Directives{RunID: "r"}, two)
			var state *run.StateError
			require.ErrorAs(t, err, &state)
			assert.Equal(t, r, state.Run)
			assert.Equal(t, run.Blocked, r.Status)
			assert.Equal(t, "policy_violation", r.Reason)
			assert.Equal(t, `Rungate: run "r" has made the 2 calls that policy "prod" allows (max_steps). Start a new run, or ask an operator to raise the limit.`, r.Block.Message)
			assert.Equal(t, want, d.heard(), "it is told once")
		}
	})
}

func TestMaxDuration(t *testing.T) {
	at(t, func(d *desk) {
		hour := run.Limits{MaxDuration: time.Hour}
		d.Lease = 2 * time.Hour
		_, err := d.limited(run.Directives{RunID: "r"}, hour)
		require.NoError(t, err)
		time.Sleep(time.Hour - 1)
		_, err = d.limited(run.Directives{RunID: "r"}, hour)
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		r, err := d.limited(run.Directives{RunID: "r"}, hour)
		var state *run.StateError
		require.ErrorAs(t, err, &state)
		assert.Equal(t, "max_duration", r.Block.Rule)
		assert.Equal(t, `Rungate: run "r" is older than the 1h0m0s that policy "prod" allows (max_duration). Start a new run, or ask an operator to raise the limit.`, r.Block.Message)
		assert.JSONEq(t, `{"limit":"1h0m0s","policy_id":"pol_1","policy_name":"prod","rule":"max_duration","run_id":"r"}`, string(r.Block.Context))
		assert.EqualValues(t, 2, r.InFlight)
		require.NoError(t, d.end(r.Key, &run.Step{ID: "s"}, nil), "what is in flight ends")
	})
}

func TestParents(t *testing.T) {
	tests := []struct {
		name   string
		limits run.Limits
		want   string // what refuses a run below the grandchild
		rule   string
		advice string
	}{
		{"no limits", run.Limits{}, "", "", ""},
		{"room for one more", run.Limits{MaxDepth: 3, MaxChildren: 1}, "", "", ""},
		{"two levels", run.Limits{MaxDepth: 2}, "grandchild", "max_depth",
			`Rungate: no run can be started below run "grandchild", which is 2 levels below its root: policy "prod" allows 2 (max_depth). Make the call in a run that there is, or ask an operator to raise the limit.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) {
				for _, s := range []run.Directives{{RunID: "root"}, {RunID: "child", Parent: "root"}, {RunID: "grandchild", Parent: "child"}} {
					_, err := d.limited(s, tt.limits)
					require.NoError(t, err)
				}
				r, err := d.limited(run.Directives{RunID: "r", Parent: "grandchild"}, tt.limits)
				if tt.want == "" {
					require.NoError(t, err)
					assert.Equal(t, []run.Ancestor{{ID: "grandchild", Policy: policy}, {ID: "child", Policy: policy}, {ID: "root", Policy: policy}}, r.Ancestors)
					assert.Equal(t, "grandchild", r.Parent())
					return
				}
				var limit *run.LimitError
				require.ErrorAs(t, err, &limit)
				assert.Equal(t, tt.want, limit.Run.ID)
				assert.Equal(t, tt.rule, limit.Rule)
				assert.Equal(t, tt.advice, limit.Block().Message)
				assert.Equal(t, run.Open, limit.Run.Status, "a parent is not blocked by the children that it does not get")
			})
		})
	}
	t.Run("too many children", func(t *testing.T) {
		at(t, func(d *desk) {
			one := run.Limits{MaxChildren: 1}
			_, err := d.limited(run.Directives{RunID: "root"}, one)
			require.NoError(t, err)
			_, err = d.limited(run.Directives{Parent: "root"}, one)
			require.NoError(t, err)
			_, err = d.limited(run.Directives{Parent: "root"}, one)
			require.NoError(t, err, "calls of an agent below one parent share a run")
			_, err = d.limited(run.Directives{Parent: "root", User: "u"}, one)
			var limit *run.LimitError
			require.ErrorAs(t, err, &limit)
			assert.Equal(t, `Rungate: run "root" has started the 1 runs below it that policy "prod" allows (max_children). Make the call in a run that there is, or ask an operator to raise the limit.`, limit.Block().Message)
		})
	})
	t.Run("without an id, each parent has a run of the agent below it", func(t *testing.T) {
		at(t, func(d *desk) {
			d.call(run.Directives{RunID: "a"})
			d.call(run.Directives{RunID: "b"})
			below := func(parent string) string { return d.call(run.Directives{Parent: parent}).ID }
			a := below("a")
			assert.Equal(t, a, below("a"))
			assert.NotEqual(t, a, below("b"))
			assert.NotEqual(t, a, below(""))
		})
	})
	t.Run("a parent that is not there", func(t *testing.T) {
		at(t, func(d *desk) {
			_, err := d.arrive(run.Directives{RunID: "r", Parent: "none"})
			assert.EqualError(t, err, `parent run "none" not found`)
			assert.ErrorIs(t, err, run.ErrNotFound)
			r, err := d.arrive(run.Directives{RunID: "r", Parent: "none", Orphan: true})
			require.NoError(t, err)
			assert.Empty(t, r.Parent())
		})
	})
	t.Run("a parent that is older than it may be", func(t *testing.T) {
		at(t, func(d *desk) {
			hour := run.Limits{MaxDuration: time.Hour}
			d.Lease = 2 * time.Hour
			_, err := d.limited(run.Directives{RunID: "root"}, hour)
			require.NoError(t, err)
			time.Sleep(time.Hour)
			r, err := d.limited(run.Directives{RunID: "r", Parent: "root"}, hour)
			var state *run.StateError
			require.ErrorAs(t, err, &state)
			assert.Equal(t, "root", r.ID)
			assert.Equal(t, run.Blocked, r.Status)
		})
	})
}

func TestWhatStopsAParentStopsItsChildren(t *testing.T) {
	at(t, func(d *desk) {
		root := d.call(run.Directives{RunID: "root"})
		d.call(run.Directives{RunID: "child", Parent: "root"})
		d.heard()
		_, err := d.Block(t.Context(), root.Key, &run.Block{Code: "budget_exceeded", Rule: "b", Message: "m"}, nil)
		require.NoError(t, err)
		r, err := d.arrive(run.Directives{RunID: "child"})
		assert.EqualError(t, err, `run "child" is blocked: budget_exceeded`)
		assert.Equal(t, "m", r.Block.Message)
		_, err = d.Raise(t.Context(), root.Key, run.Raised{Rule: "b", Limit: 7})
		require.NoError(t, err)
		d.call(run.Directives{RunID: "child"})
		_, err = d.Complete(t.Context(), root.Key, run.ReasonByAgent)
		require.NoError(t, err)
		_, err = d.arrive(run.Directives{RunID: "child"})
		assert.EqualError(t, err, `run "child" is completed: parent_closed`)
		assert.Equal(t, []string{
			"run.blocked of root by agt: blocked",
			"limit.raised of root by agt: open",
			"run.unblocked of root by agt: open",
			"run.completed of root by agt: completed",
			"run.completed of child by agt: completed",
		}, d.heard())
	})
}

func TestLiftAndRaise(t *testing.T) {
	at(t, func(d *desk) {
		one := run.Limits{MaxSteps: 1}
		r, err := d.limited(run.Directives{RunID: "r"}, one)
		require.NoError(t, err)
		require.NoError(t, d.end(r.Key, &run.Step{ID: "s"}, nil))
		blocked := func() {
			t.Helper()
			r, err = d.limited(run.Directives{RunID: "r"}, one)
			require.Error(t, err)
			require.Equal(t, run.Blocked, r.Status)
			d.heard()
		}
		blocked()
		time.Sleep(time.Hour)
		r, err = d.Lift(t.Context(), r.Key)
		require.NoError(t, err)
		assert.Equal(t, run.Open, r.Status)
		assert.Equal(t, time.Now(), r.LastCall)
		assert.Equal(t, []string{"run.unblocked of r by agt: open"}, d.heard())
		r, err = d.Lift(t.Context(), r.Key)
		require.NoError(t, err)
		assert.Empty(t, d.heard(), "what is open is not lifted")

		blocked() // by the limit that is exceeded yet
		r, err = d.Raise(t.Context(), r.Key, run.Raised{Rule: "other", Limit: 5})
		require.NoError(t, err)
		assert.Equal(t, run.Blocked, r.Status)
		assert.Equal(t, []string{"limit.raised of r by agt: blocked"}, d.heard())
		r, err = d.Raise(t.Context(), r.Key, run.Raised{Rule: run.RuleMaxSteps, Limit: 2})
		require.NoError(t, err)
		assert.Equal(t, []string{"limit.raised of r by agt: open", "run.unblocked of r by agt: open"}, d.heard())
		_, err = d.limited(run.Directives{RunID: "r"}, one)
		require.NoError(t, err)
		_, err = d.limited(run.Directives{RunID: "r"}, one)
		assert.Error(t, err, "there is room for one more only")

		_, err = d.Complete(t.Context(), r.Key, run.ReasonByAgent)
		require.NoError(t, err)
		d.heard()
		_, err = d.Raise(t.Context(), r.Key, run.Raised{Rule: run.RuleMaxSteps, Limit: 9})
		require.NoError(t, err)
		assert.Empty(t, d.heard(), "a closed run stays as it is")
		for _, k := range []run.Key{{Team: "team:ops", ID: "none"}} {
			_, err = d.Lift(t.Context(), k)
			assert.ErrorIs(t, err, run.ErrNotFound)
			_, err = d.Raise(t.Context(), k, run.Raised{Rule: "b"})
			assert.ErrorIs(t, err, run.ErrNotFound)
		}
	})
}
