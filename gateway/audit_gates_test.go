package gateway_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// An answer that is withheld, and then delivered by an approval: each step is in the
// trail before it has an effect.
func TestAuditOfActionGates(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			t.Run(a.name+map[bool]string{false: "/whole", true: "/stream"}[streamed], func(t *testing.T) {
				d := newDiary(t)
				gated(t, `{}`, sends(streamed, a.refunding(streamed, largeRefund)), func(t *testing.T, l *gateLab) {
					body := a.declares(streamed)
					pending(t, l.Post(a.path, body))
					want := []string{"run.started", "call.allowed", "call.ended status=200", "gate.opened rule=refund:over-$500 tools=[issue_refund]"}
					assert.Equal(t, want, d.Story())
					pending(t, l.Post(a.path, body))
					assert.Equal(t, want, d.Story(), "to ask again is no decision")

					l.Decide(true)
					want = append(want, "gate.approved rule=refund:over-$500 tools=[issue_refund] decided_by=carol reason=seen the order")
					assert.Equal(t, want, d.Story())
					require.Equal(t, 200, l.Post(a.path, body).StatusCode)
					want = append(want, "gate.used rule=refund:over-$500 tools=[issue_refund] decided_by=carol reason=seen the order")
					assert.Equal(t, want, d.Story())

					all := d.All()
					g := l.Gate()
					for _, i := range []int{3, 4, 5} {
						m := all[i].Members
						assert.Equal(t, []any{g.ID, "action", "POST " + a.path, g.Fingerprint.String(), "slack://#customer-ops", a.cost},
							[]any{m["gate_id"], m["kind"], m["request"], m["fingerprint"], m["channel"], m["cost_usd"]})
						assert.NotContains(t, string(all[i].Text), "1240")
					}
					assert.NotEmpty(t, all[5].Members["call_id"])
				}, d.on)
			})
		}
	}
}

// A request that is asked about is allowed by the approval; one that is rejected is
// refused by it; and what nobody has decided expires.
func TestAuditOfCallGates(t *testing.T) {
	d := newDiary(t)
	a := apis[0]
	gated(t, `{}`, ofProvider(a.calling()), func(t *testing.T, l *gateLab) {
		body := a.asksDear(a.declares(false))
		pending(t, l.Post(a.path, body))
		l.Decide(true)
		require.Equal(t, 200, l.Post(a.path, body).StatusCode)
		opened, approved := "gate.opened rule=dear-model", "gate.approved rule=dear-model decided_by=carol reason=seen the order"
		want := []string{"run.started", opened, approved, "call.allowed decided_by=carol", "gate.used rule=dear-model decided_by=carol reason=seen the order", "call.ended status=200"}
		assert.Equal(t, want, d.Story())
		all := d.All()
		assert.Equal(t, l.Gates()[0].ID, all[3].Members["gate_id"])

		pass(time.Second)
		pending(t, l.Post(a.path, body))
		l.Decide(false)
		require.Equal(t, 403, l.Post(a.path, body).StatusCode)
		want = append(want, opened, "gate.rejected rule=dear-model decided_by=carol reason=seen the order", "call.refused code=approval_rejected rule=dear-model decided_by=carol")
		assert.Equal(t, want, d.Story())
	}, d.on)

	d = newDiary(t)
	gated(t, `{}`, ofProvider(a.calling()), func(t *testing.T, l *gateLab) {
		body := a.asksDear(a.declares(false))
		pending(t, l.Post(a.path, body))
		pass(time.Hour + time.Minute)
		require.Equal(t, 403, l.Post(a.path, body).StatusCode)
		assert.Equal(t, []string{"run.started", "gate.opened rule=dear-model", "gate.expired rule=dear-model", "call.refused code=approval_expired rule=dear-model"}, d.Story())
	}, d.on)
}

// What operators order is in the trail before it is done, with who has.
func TestAuditOfOperators(t *testing.T) {
	d := newDiary(t)
	b := newRig(t, `{"name":"p","budgets":[{"name":"usd","per":"run","limit_usd":"0.0001","admission":"spent"}]}`, d.on)
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	require.Equal(t, 402, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	dana := run.WithOperator(context.Background(), "dana")
	k := run.Key{Team: "team:ops", ID: "nightly"}
	_, err := b.Gateway.Runs().Raise(dana, k, run.Raised{Rule: "usd", Limit: int64(usd(t, "5"))})
	require.NoError(t, err)
	_, err = b.Gateway.Runs().Lift(dana, k)
	require.NoError(t, err, "it goes on already")
	_, err = b.Gateway.Runs().Block(dana, k, &run.Block{Code: "stopped", Rule: "by-hand"}, nil)
	require.NoError(t, err)
	_, err = b.Gateway.Runs().Lift(dana, k)
	require.NoError(t, err)
	for range 2 {
		_, err = b.Gateway.Runs().Complete(dana, k, run.ReasonByOperator)
		require.NoError(t, err)
	}
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: other").StatusCode)
	require.Equal(t, 200, b.Post("/v1/runs/other/complete", "").StatusCode)
	assert.Equal(t, []string{
		"run.started", "call.allowed", "call.ended status=200", "run.blocked code=budget_exceeded rule=usd", "call.refused code=budget_exceeded rule=usd",
		"limit.raised rule=usd operator=dana limit=5e+12", "run.unblocked operator=dana",
		"run.blocked code=stopped rule=by-hand operator=dana", "run.unblocked operator=dana", "run.completed reason=completed_by_operator operator=dana",
		"run.started", "call.allowed", "call.ended status=200", "run.completed reason=completed_by_agent",
	}, d.Story())
}

// The trail says which target was given up on for which, once for a step.
func TestAuditOfFailover(t *testing.T) {
	d := newDiary(t)
	b := newRig(t, `{"name":"p","on_store_error":"deny"}`, d.on)
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	r := b.Run("nightly")
	for i, f := range []run.FailedOver{
		{Step: "step_1", From: "openai/gpt-4.1", To: "anthropic/claude-sonnet-4-5", Fault: "overloaded", Status: 503, Attempt: 1},
		{Step: "step_2", From: "anthropic/claude-sonnet-4-5", To: "local/llama-3", Fault: "timeout", Attempt: 2},
	} {
		for range 2 {
			require.NoError(t, b.Gateway.Runs().FailOver(context.Background(), &r, "alice", &f))
		}
		require.Eventually(t, func() bool { return len(d.All()) == 4+i }, 10*time.Second, time.Millisecond)
	}
	var got []map[string]any
	for _, e := range d.All()[3:] {
		assert.Equal(t, "alice", e.Members["agent_id"])
		for _, name := range []string{"time", "team", "run_id", "agent_id", "policy_id", "policy_name", "policy_revision"} {
			assert.NotEmpty(t, e.Members[name], name)
			delete(e.Members, name)
		}
		got = append(got, e.Members)
	}
	assert.Equal(t, []map[string]any{
		{"type": "call.failed_over", "call_id": "step_1", "from": "openai/gpt-4.1", "to": "anthropic/claude-sonnet-4-5", "fault": "overloaded", "status": 503., "attempt": 1.},
		{"type": "call.failed_over", "call_id": "step_2", "from": "anthropic/claude-sonnet-4-5", "to": "local/llama-3", "fault": "timeout", "attempt": 2.},
	}, got)
}

// Where the trail does not take it, nothing is done.
func TestOrdersWithoutATrail(t *testing.T) {
	d := newDiary(t)
	a := apis[0]
	gated(t, `{}`, ofProvider(a.calling()), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.asksDear(a.declares(false))))
		before, g := l.Run(), l.Gate()
		d.Fail("gate.approved")
		_, err := l.Gateway.Gates().Decide(context.Background(), g.ID, run.Verdict{Approve: true, By: "carol"})
		require.Error(t, err)
		assert.Equal(t, g, l.Gate())
		d.Fail("limit.raised")
		pass(10 * time.Second)
		_, err = l.Gateway.Runs().Raise(context.Background(), labRun, run.Raised{Rule: "usd", Limit: 1})
		require.Error(t, err)
		d.Fail("run.completed")
		pass(10 * time.Second)
		_, err = l.Gateway.Runs().Complete(context.Background(), labRun, run.ReasonByOperator)
		require.Error(t, err)
		assert.Equal(t, before, l.Run())
		d.Fail("")
		pass(10 * time.Second)
		l.Decide(true)
		assert.Equal(t, []string{"run.started", "gate.opened", "gate.approved"}, d.Types())
	}, d.on)
}

// An overtakenStore takes verdicts too late, or fails.
type overtakenStore struct {
	*memstore.Store
	first func(id string)
	err   error
}

func (s *overtakenStore) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (run.Gate, bool, error) {
	if s.err != nil {
		return run.Gate{}, false, s.err
	}
	s.first(id)
	return s.Store.DecideGate(ctx, id, v, at)
}

// An order that comes too late is taken back in the trail.
func TestVoidOrders(t *testing.T) {
	d := newDiary(t)
	var store *overtakenStore
	a := apis[0]
	gated(t, `{}`, ofProvider(a.calling()), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.asksDear(a.declares(false))))
		store.err = errFaulty
		_, err := l.Gateway.Gates().Decide(context.Background(), l.Gate().ID, run.Verdict{Approve: true, By: "carol"})
		require.ErrorIs(t, err, errFaulty)
		all := d.All()
		require.Equal(t, []string{"run.started", "gate.opened", "gate.approved", "void"}, d.Types())
		assert.Equal(t, []any{all[2].ID, true}, []any{all[3].Members["of"], all[3].Members["unknown"]})

		store.err = nil
		store.first = func(id string) {
			_, _, err := store.Store.DecideGate(context.Background(), id, &run.Verdict{By: "bob"}, time.Now())
			require.NoError(t, err)
		}
		_, err = l.Gateway.Gates().Decide(context.Background(), l.Gate().ID, run.Verdict{By: "carol"})
		require.ErrorAs(t, err, new(*run.DecidedError))
		all = d.All()
		require.Equal(t, []string{"gate.rejected", "void"}, d.Types()[4:])
		assert.Equal(t, []any{all[4].ID, nil}, []any{all[5].Members["of"], all[5].Members["unknown"]})
	}, d.on, func(cfg *gateway.Config) {
		store = &overtakenStore{Store: cfg.Store.(*memstore.Store)}
		cfg.Store = store
	})
}

// A keptDiary is a store that is a trail.
type keptDiary struct {
	*memstore.Store
	*diary
	reserved []string // IDs that came with a reservation
}

func (k *keptDiary) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	short, ok, err := k.Store.Reserve(ctx, id, d, lease)
	if ok && d.Record != nil {
		k.reserved = append(k.reserved, d.Record.ID)
		err = k.diary.Append(ctx, d.Record)
	}
	return short, ok, err
}

// A store that is a trail adds that a call is allowed with what it reserves for it,
// and only then.
func TestAuditInTheStore(t *testing.T) {
	d := newDiary(t)
	store := &keptDiary{Store: memstore.New(memstore.Options{}), diary: d}
	b := newRig(t, `{"name":"p","budgets":[{"name":"usd","per":"run","limit_usd":"0.003"}],"rules":[{"name":"ask","when":[{"call":"model","op":"==","value":"gpt-4o"}],"then":"approve"}]}`,
		func(cfg *gateway.Config) { cfg.Store = store })
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 202, b.Post("/v1/chat/completions", `{"model":"gpt-4o","max_tokens":10,"messages":[]}`, nightly).StatusCode)
	assert.Empty(t, store.reserved, "a person has to be asked first")
	other := "x-rungate-run-id: other"
	require.Equal(t, 200, b.Get("/v1/models", other).StatusCode)
	require.Equal(t, 200, b.Post("/v1/chat/completions", strings.Replace(chatCall, "{", `{"max_tokens":100,`, 1), other).StatusCode)
	require.Equal(t, 402, b.Post("/v1/chat/completions", chatCall, other).StatusCode)
	assert.Equal(t, []string{"run.started", "gate.opened", "run.started", "call.allowed", "call.ended", "call.allowed", "call.ended", "call.refused"}, d.Types())
	var allowed []string
	for _, e := range d.All() {
		if e.Members["type"] == "call.allowed" {
			allowed = append(allowed, e.ID)
		}
	}
	assert.Equal(t, store.reserved, allowed)
}
