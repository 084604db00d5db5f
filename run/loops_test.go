package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// turn is a call of the run that comes now and is forwarded, unless it is one
// too many.
func (d *desk) turn(r *run.Run, l *run.Loops, hash uint64) error {
	return d.Repeat(d.Context(), r, l, &run.Turn{Agent: "b", At: time.Now(), Rule: run.RuleIdenticalCalls, Hash: hash})
}

func TestIdenticalCalls(t *testing.T) {
	at(t, func(d *desk) {
		l := &run.Loops{IdenticalCalls: 2, Within: time.Minute}
		r := d.call(run.Directives{RunID: "r"})
		d.heard()
		require.NoError(t, d.turn(&r, l, 7))
		time.Sleep(30 * time.Second)
		require.NoError(t, d.turn(&r, l, 7))
		require.NoError(t, d.turn(&r, l, 8), "another request")
		for _, want := range [][]string{{"loop.detected of r by b: open"}, nil, nil} {
			err := d.turn(&r, l, 7)
			var loop *run.LoopError
			require.ErrorAs(t, err, &loop)
			assert.EqualError(t, err, `run "r" repeats itself: identical_calls, 2 times within 1m0s`)
			assert.Equal(t, &run.Block{Code: "loop_detected", Rule: "identical_calls",
				Message: `Rungate: run "r" has made the same call 2 times within 1m0s (identical_calls). Do something else, or ask an operator to raise the limit.`,
				Context: []byte(`{"policy_id":"pol_1","policy_name":"prod","repeats":2,"rule":"identical_calls","run_id":"r","window":"1m0s"}`)}, loop.Block())
			assert.Equal(t, want, d.heard(), "it is told once")
		}
		assert.Equal(t, "identical_calls", d.last.Finding.Rule)
		time.Sleep(30 * time.Second)
		assert.NoError(t, d.turn(&r, l, 7), "a minute after the first, counting begins again, and what was refused did not count")
		assert.NoError(t, d.turn(&r, l, 7))
		assert.Error(t, d.turn(&r, l, 7))
		assert.Empty(t, d.heard(), "of the same loop nothing is told again")

		require.NoError(t, d.turn(&r, l, 9))
		require.NoError(t, d.turn(&r, l, 9))
		assert.Error(t, d.turn(&r, l, 9))
		assert.Len(t, d.heard(), 1, "of another one it is")
	})
}

func TestWhatIsNotForwardedIsNoTurn(t *testing.T) {
	at(t, func(d *desk) {
		l := &run.Loops{IdenticalCalls: 1}
		for i := range 3 {
			r, err := d.arrive(run.Directives{RunID: "r"})
			require.NoError(t, err)
			require.NoError(t, d.turn(&r, l, 7), "call %d", i)
			end := run.Detachment{Key: r.Key, Call: d.latest(r.Key), At: time.Now(), Refusal: &run.Refusal{Code: "rate_limited"}, Repeated: 7}
			require.NoError(t, d.End(t.Context(), &end, &r))
		}
	})
}

func TestIdenticalToolCalls(t *testing.T) {
	at(t, func(d *desk) {
		r := d.call(run.Directives{RunID: "r"})
		l := &run.Loops{IdenticalCalls: 1, IdenticalToolCalls: 3}
		tool := &run.Turn{Agent: "agt", At: time.Now(), Rule: run.RuleIdenticalToolCalls, Tool: "grep", Hash: 7}
		for range 3 {
			require.NoError(t, d.Repeat(t.Context(), &r, l, tool))
		}
		err := d.Repeat(t.Context(), &r, l, tool)
		var loop *run.LoopError
		require.ErrorAs(t, err, &loop)
		assert.Equal(t, run.DefaultWithin, loop.Within)
		assert.Equal(t, `Rungate: run "r" has called the tool "grep" with the same arguments 3 times within 10m0s (identical_tool_calls). Do something else, or ask an operator to raise the limit.`, loop.Block().Message)
		assert.Equal(t, "grep", d.last.Finding.Tool)

		r, err = d.Raise(t.Context(), r.Key, run.Raised{Rule: run.RuleIdenticalToolCalls, Limit: 4})
		require.NoError(t, err)
		assert.NoError(t, d.Repeat(t.Context(), &r, l, tool), "one more, since the limit was raised")
		assert.Error(t, d.Repeat(t.Context(), &r, l, tool))
	})
}

func TestNoLoops(t *testing.T) {
	d := newDesk(t) // which has no journal to ask
	for range 3 {
		assert.NoError(t, d.turn(&run.Run{}, &run.Loops{IdenticalToolCalls: 1}, 7))
		assert.NoError(t, d.turn(&run.Run{}, &run.Loops{}, 7))
	}
}

func TestALoopBlocksTheRun(t *testing.T) {
	at(t, func(d *desk) {
		l := &run.Loops{IdenticalCalls: 1, Block: true}
		r := d.call(run.Directives{RunID: "r"})
		d.heard()
		require.NoError(t, d.turn(&r, l, 7))
		var loop *run.LoopError
		require.ErrorAs(t, d.turn(&r, l, 7), &loop)
		assert.Equal(t, run.Blocked, r.Status)
		assert.Equal(t, loop.Block(), r.Block)
		assert.Equal(t, []string{"loop.detected of r by b: open", "run.blocked of r by agt: blocked"}, d.heard())
		_, err := d.arrive(run.Directives{RunID: "r"})
		assert.EqualError(t, err, `run "r" is blocked: loop_detected`)
	})
}

func TestAnnounce(t *testing.T) {
	at(t, func(d *desk) {
		r := d.call(run.Directives{RunID: "r"})
		other := d.call(run.Directives{RunID: "other"})
		d.heard()
		f := run.Finding{Rule: "allowed_models", Field: "model", Requested: "gpt-4", Tool: "t", Args: []byte(`{}`), Reason: "no"}
		for _, want := range [][]string{{"policy.drift of r by b: open"}, nil} {
			require.NoError(t, d.Announce(t.Context(), run.PolicyDrift, &r, "b", &f))
			assert.Equal(t, want, d.heard(), "it is told once")
		}
		assert.Equal(t, &f, d.last.Finding)
		different := []run.Finding{f, f, f, f, f, f}
		different[0].Rule, different[1].Field, different[2].Requested, different[3].Tool = "x", "x", "x", "x"
		different[4].Args, different[5].Reason = []byte(`{"a":1}`), "x"
		for _, x := range different {
			require.NoError(t, d.Announce(t.Context(), run.PolicyDrift, &r, "b", &x))
			assert.Equal(t, []string{"policy.drift of r by b: open"}, d.heard(), "%+v is another finding", x)
		}
		require.NoError(t, d.Announce(t.Context(), run.PolicyShadow, &r, "b", &f))
		require.NoError(t, d.Announce(t.Context(), run.PolicyDrift, &other, "b", &f))
		assert.Equal(t, []string{"policy.shadow of r by b: open", "policy.drift of other by b: open"}, d.heard())
		assert.ErrorIs(t, d.Announce(t.Context(), run.RuleAlert, &run.Run{}, "b", &f), run.ErrNotFound)
	})
}

func TestFailOver(t *testing.T) {
	at(t, func(d *desk) {
		r := d.call(run.Directives{RunID: "r"})
		other := d.call(run.Directives{RunID: "other"})
		d.heard()
		f := run.FailedOver{Step: "step_1", From: "openai/gpt-4.1", To: "anthropic/claude-sonnet-4-5", Fault: "overloaded", Status: 503, Attempt: 1}
		for _, want := range [][]string{{"step.failed_over of r by b: open"}, nil} {
			require.NoError(t, d.FailOver(t.Context(), &r, "b", &f))
			assert.Equal(t, want, d.heard(), "it is told once")
		}
		assert.Equal(t, &f, d.last.FailedOver)
		next := f
		next.Step, next.Attempt = "step_2", 2
		require.NoError(t, d.FailOver(t.Context(), &r, "b", &next))
		require.NoError(t, d.FailOver(t.Context(), &other, "b", &f))
		assert.Equal(t, []string{"step.failed_over of r by b: open", "step.failed_over of other by b: open"}, d.heard())
		assert.ErrorIs(t, d.FailOver(t.Context(), &run.Run{}, "b", &f), run.ErrNotFound)
		d.Observer = nil
		assert.NoError(t, d.FailOver(t.Context(), &run.Run{}, "b", &f), "nobody is told")
	})
}

// BenchmarkLimitsAndLoops is what it takes to begin and end a call in a run that
// is three levels below its root, with all limits, and both kinds of loops
// looked for.
func BenchmarkLimitsAndLoops(b *testing.B) {
	rc := run.Recorder{Journal: memstore.New(memstore.Options{})}
	ctx, who := b.Context(), enrolled(b)
	var ar run.Arrival
	var end run.Detachment
	var r run.Run
	one := func(d *run.Directives, hash uint64) {
		ar = run.Arrival{Agent: who, Directives: d, Call: "call", At: time.Now(), Policy: policy,
			Limits: run.Limits{MaxDuration: time.Hour, MaxSteps: 1e9, MaxDepth: 5, MaxChildren: 5}}
		if err := rc.Attach(ctx, &ar, &r); err != nil {
			b.Fatal(err)
		}
		l := &run.Loops{IdenticalCalls: 1e9, IdenticalToolCalls: 1e9}
		for _, rule := range []string{run.RuleIdenticalCalls, run.RuleIdenticalToolCalls} {
			if err := rc.Repeat(ctx, &r, l, &run.Turn{At: ar.At, Rule: rule, Hash: hash}); err != nil {
				b.Fatal(err)
			}
		}
		end = run.Detachment{Key: r.Key, Call: ar.Call, At: ar.At, Repeated: hash}
		if err := rc.End(ctx, &end, &r); err != nil {
			b.Fatal(err)
		}
	}
	d := &run.Directives{}
	for _, id := range []string{"a", "b", "c", "d"} {
		d = &run.Directives{RunID: id, Parent: d.RunID}
		one(d, 0)
	}
	b.ReportAllocs()
	for hash := uint64(0); b.Loop(); hash++ {
		one(d, hash)
	}
}
