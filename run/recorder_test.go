package run_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// desk is a recorder, and notes what it tells.
type desk struct {
	*testing.T
	run.Recorder
	told []string
	last *run.Event

	came  int                  // calls
	calls map[run.Key][]string // that have not ended
}

func newDesk(t *testing.T) *desk { return &desk{T: t, calls: map[run.Key][]string{}} }

func (d *desk) Event(_ context.Context, e *run.Event) {
	d.told = append(d.told, fmt.Sprintf("%s of %s by %s: %s", e.Type, e.Run.ID, e.Agent, e.Run.Status))
	d.last = e
}

func (d *desk) Step(_ context.Context, r *run.Run, s *run.Step) {
	d.told = append(d.told, fmt.Sprintf("%s of %s, which has %d", s.ID, r.ID, r.Steps))
}

// heard returns what has been told since it was asked last.
func (d *desk) heard() []string {
	told := d.told
	d.told = nil
	return told
}

// at begins a case with an empty journal, at a time of its own.
func at(t *testing.T, do func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Recorder = run.Recorder{Journal: memstore.New(memstore.Options{}), Observer: d}
		do(d)
	})
}

var (
	agent  = &run.Agent{ID: "agt", Team: "ops", Policy: "prod"}
	policy = run.PolicyRef{ID: "pol_1", Name: "prod", Revision: "1"}
)

// arrive attaches a call of agent that comes now.
func (d *desk) arrive(s run.Directives) (run.Run, error) {
	return d.attach(&run.Arrival{Agent: agent, Directives: &s, At: time.Now(), Policy: policy})
}

func (d *desk) attach(ar *run.Arrival) (r run.Run, err error) {
	d.came++
	ar.Call = fmt.Sprint("call-", d.came)
	err = d.Attach(d.Context(), ar, &r)
	conflict, _ := errors.AsType[*run.ConflictError](err)
	limit, _ := errors.AsType[*run.LimitError](err)
	if err == nil || conflict != nil && !conflict.New || limit != nil && limit.Deferred {
		d.calls[r.Key] = append(d.calls[r.Key], ar.Call)
	}
	return r, err
}

// end ends the call of a run that came last, now.
func (d *desk) end(k run.Key, s *run.Step, f *run.Refusal) error {
	return d.End(d.Context(), &run.Detachment{Key: k, Call: d.latest(k), At: time.Now(), Step: s, Refusal: f}, new(run.Run))
}

// latest is the call of a run that came last, which ends.
func (d *desk) latest(k run.Key) (call string) {
	if last := len(d.calls[k]) - 1; last >= 0 {
		call, d.calls[k] = d.calls[k][last], d.calls[k][:last]
	}
	return call
}

// call is a call that comes and ends now.
func (d *desk) call(s run.Directives) run.Run {
	d.Helper()
	r, err := d.arrive(s)
	require.NoError(d, err)
	require.NoError(d, d.end(r.Key, nil, nil))
	return r
}

func TestEnd(t *testing.T) {
	at(t, func(d *desk) {
		r, err := d.arrive(run.Directives{RunID: "r"})
		require.NoError(t, err)
		_, err = d.arrive(run.Directives{RunID: "r"})
		require.NoError(t, err)
		d.heard()
		require.NoError(t, d.end(r.Key, &run.Step{ID: "s", Cost: 5}, nil))
		assert.Equal(t, []string{"s of r, which has 1"}, d.heard())
		require.NoError(t, d.end(r.Key, nil, &run.Refusal{Code: "policy_violation"}))
		assert.Empty(t, d.heard(), "a call that was not forwarded is no step")
		steps, err := d.Steps(t.Context(), r.Key, 0, 9)
		require.NoError(t, err)
		assert.Len(t, steps, 1)
		refusals, err := d.Refusals(t.Context(), r.Key)
		require.NoError(t, err)
		assert.Len(t, refusals, 1)
		r, err = d.Find(t.Context(), r.Key)
		require.NoError(t, err)
		assert.Zero(t, r.InFlight)
		assert.EqualValues(t, 5, r.Spent)
		assert.ErrorIs(t, d.end(run.Key{ID: "none"}, &run.Step{ID: "s"}, nil), run.ErrNotFound)
		assert.Empty(t, d.heard(), "what is not recorded is not told")
	})
}

func TestComplete(t *testing.T) {
	at(t, func(d *desk) {
		k := d.call(run.Directives{RunID: "r"}).Key
		d.heard()
		time.Sleep(time.Second)
		now := time.Now()
		r, err := d.Complete(t.Context(), k, run.ReasonByAgent)
		require.NoError(t, err)
		assert.Equal(t, run.Completed, r.Status)
		assert.Equal(t, run.ReasonByAgent, r.Reason)
		assert.Equal(t, now, r.Closed)
		assert.Equal(t, []string{"run.completed of r by agt: completed"}, d.heard())
		assert.Equal(t, now, d.last.At)
		time.Sleep(time.Second)
		again, err := d.Complete(t.Context(), k, "for another reason")
		require.NoError(t, err)
		assert.Equal(t, r, again, "a closed run stays as it is")
		assert.Empty(t, d.heard())
		_, err = d.Complete(t.Context(), run.Key{Team: "team:other", ID: "r"}, run.ReasonByAgent)
		assert.ErrorIs(t, err, run.ErrNotFound)

		k = d.call(run.Directives{RunID: "idle"}).Key
		idle := time.Now().Add(run.DefaultIdleTimeout)
		d.heard()
		time.Sleep(time.Hour)
		_, err = d.Find(t.Context(), k)
		require.NoError(t, err)
		r, err = d.Complete(t.Context(), k, run.ReasonByAgent)
		require.NoError(t, err)
		assert.Equal(t, run.ReasonIdle, r.Reason)
		assert.Equal(t, []string{"run.completed of idle by agt: completed"}, d.heard(), "that it ended is told even if others have looked before")
		assert.Equal(t, idle, d.last.At, "and when that was")
	})
}

func TestBlock(t *testing.T) {
	at(t, func(d *desk) {
		short := &budget.ExhaustedError{Budget: budget.Budget{Name: "b"}}
		block := &run.Block{Code: "budget_exceeded", Message: "m", Context: []byte("{}")}
		k := d.call(run.Directives{RunID: "r"}).Key
		d.heard()
		r, err := d.Block(t.Context(), k, block, short)
		require.NoError(t, err)
		assert.Equal(t, run.Blocked, r.Status)
		kept := *block
		kept.Exhausted = nil
		assert.Equal(t, &kept, r.Block)
		assert.Equal(t, []string{"budget.exceeded of r by agt: blocked", "run.blocked of r by agt: blocked"}, d.heard())
		r, err = d.Block(t.Context(), k, &run.Block{Code: "other"}, short)
		require.NoError(t, err)
		assert.Equal(t, &kept, r.Block, "what blocked it first does")
		assert.Empty(t, d.heard(), "it is told once")

		k = d.call(run.Directives{RunID: "other"}).Key
		d.heard()
		_, err = d.Block(t.Context(), k, block, nil)
		require.NoError(t, err)
		assert.Equal(t, []string{"run.blocked of other by agt: blocked"}, d.heard())
		_, err = d.Block(t.Context(), run.Key{ID: "none"}, block, nil)
		assert.ErrorIs(t, err, run.ErrNotFound)
	})
}

func TestAlert(t *testing.T) {
	at(t, func(d *desk) {
		r := d.call(run.Directives{RunID: "r"})
		d.heard()
		alerts := []budget.Alert{{At: 0.5}, {At: 0.8}}
		d.Alert(t.Context(), &r, "b", alerts)
		assert.Equal(t, []string{"budget.alert of r by b: open", "budget.alert of r by b: open"}, d.heard())
		assert.Equal(t, &alerts[1], d.last.Alert)
	})
}

func TestSweep(t *testing.T) {
	at(t, func(d *desk) {
		d.call(run.Directives{RunID: "a"})
		k := d.call(run.Directives{RunID: "b"}).Key
		_, err := d.Complete(t.Context(), k, run.ReasonByAgent)
		require.NoError(t, err)
		d.heard()
		time.Sleep(run.DefaultIdleTimeout)
		forgotten, err := d.Sweep(t.Context())
		require.NoError(t, err)
		assert.Empty(t, forgotten)
		assert.Equal(t, []string{"run.completed of a by agt: completed"}, d.heard())
		time.Sleep(1000 * time.Hour)
		forgotten, err = d.Sweep(t.Context())
		require.NoError(t, err)
		assert.Len(t, forgotten, 2)
		assert.Empty(t, d.heard(), "that a run is forgotten is no news")
	})
}

// brokenJournal fails.
type brokenJournal struct{ run.Journal }

var errBroken = errors.New("connection reset")

func (brokenJournal) Attach(context.Context, *run.Attachment, *run.Run) (run.Attached, error) {
	return run.Attached{}, errBroken
}

func (brokenJournal) Detach(context.Context, *run.Detachment, *run.Run) error { return errBroken }

func (brokenJournal) Lift(context.Context, run.Key, time.Time) (run.Run, bool, error) {
	return run.Run{}, false, errBroken
}

func (brokenJournal) Raise(context.Context, run.Key, run.Raised, time.Time) (run.Run, bool, error) {
	return run.Run{}, false, errBroken
}

func (brokenJournal) Repeat(context.Context, run.Key, run.Repetition) (int64, error) {
	return 0, errBroken
}

func (brokenJournal) Complete(context.Context, run.Key, string, time.Time) (run.Run, bool, error) {
	return run.Run{}, false, errBroken
}

func (brokenJournal) Block(context.Context, run.Key, *run.Block, time.Time) (run.Run, bool, error) {
	return run.Run{}, false, errBroken
}

func (brokenJournal) Sweep(context.Context, time.Time) (run.Swept, error) {
	return run.Swept{}, errBroken
}

func TestJournalFails(t *testing.T) {
	at(t, func(d *desk) {
		d.Journal = brokenJournal{}
		_, err := d.arrive(run.Directives{RunID: "r"})
		assert.ErrorIs(t, err, errBroken)
		assert.ErrorIs(t, d.end(run.Key{}, &run.Step{}, nil), errBroken)
		_, err = d.Complete(t.Context(), run.Key{}, "")
		assert.ErrorIs(t, err, errBroken)
		_, err = d.Block(t.Context(), run.Key{}, &run.Block{}, nil)
		assert.ErrorIs(t, err, errBroken)
		_, err = d.Lift(t.Context(), run.Key{})
		assert.ErrorIs(t, err, errBroken)
		_, err = d.Raise(t.Context(), run.Key{}, run.Raised{Rule: "b"})
		assert.ErrorIs(t, err, errBroken)
		assert.ErrorIs(t, d.Announce(t.Context(), run.PolicyDrift, &run.Run{}, "agt", &run.Finding{}), errBroken)
		assert.ErrorIs(t, d.Repeat(t.Context(), &run.Run{}, &run.Loops{IdenticalCalls: 1}, &run.Turn{Rule: run.RuleIdenticalCalls}), errBroken)
		_, err = d.Sweep(t.Context())
		assert.ErrorIs(t, err, errBroken)
		assert.Empty(t, d.heard(), "what could not be done is not told")
	})
}

func TestNoObserver(t *testing.T) {
	for _, observer := range []run.Observer{nil, run.Unobserved{}} {
		at(t, func(d *desk) {
			d.Observer = observer
			r, err := d.arrive(run.Directives{RunID: "r"})
			require.NoError(t, err)
			require.NoError(t, d.end(r.Key, &run.Step{ID: "s"}, nil))
			d.Alert(t.Context(), &r, "agt", []budget.Alert{{}})
			_, err = d.Block(t.Context(), r.Key, &run.Block{Code: "c"}, &budget.ExhaustedError{})
			require.NoError(t, err)
			_, err = d.Complete(t.Context(), r.Key, run.ReasonByAgent)
			require.NoError(t, err)
			d.call(run.Directives{})
			time.Sleep(time.Hour)
			_, err = d.Sweep(t.Context())
			require.NoError(t, err)
		})
	}
}

// enrolled is agent, as a table knows it.
func enrolled(b *testing.B) *run.Agent {
	var table run.AgentTable
	require.NoError(b, table.Add(run.Enrolment{Agent: *agent}))
	who, err := table.ByID(b.Context(), agent.ID)
	require.NoError(b, err)
	return who
}

func BenchmarkRecorder(b *testing.B) {
	rc := run.Recorder{Journal: memstore.New(memstore.Options{})}
	ctx := b.Context()
	d := &run.Directives{RunID: "nightly"}
	who := enrolled(b)
	var ar run.Arrival
	var end run.Detachment
	var r run.Run
	b.ReportAllocs()
	for b.Loop() {
		ar = run.Arrival{Agent: who, Directives: d, Call: "call", At: time.Now(), Policy: policy, Limits: run.Limits{MaxDuration: time.Hour, MaxSteps: 1e9, MaxDepth: 1, MaxChildren: 1}}
		if err := rc.Attach(ctx, &ar, &r); err != nil {
			b.Fatal(err)
		}
		end = run.Detachment{Key: r.Key, Call: ar.Call, At: ar.At}
		if err := rc.End(ctx, &end, &r); err != nil {
			b.Fatal(err)
		}
	}
}
