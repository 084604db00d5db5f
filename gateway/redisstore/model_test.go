package redisstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// gateJournal is what the model and the store have in common.
type gateJournal interface {
	run.Journal
	run.GateJournal
}

// A world makes random calls of a store and of a memstore, and compares what they
// answer, and what the store has kept for whom with what the memstore's answers say
// has happened. The store is two that share a Redis. Some calls are made twice, as
// by somebody who has not got the first answer.
type world struct {
	*testing.T
	dice  *rand.PCG
	rand  *rand.Rand
	want  gateJournal
	got   *redisstore.Store
	other *redisstore.Store
	at    time.Time
	n     int
	gates []string
	first map[string]bool  // gates whose opening was told
	last  run.Gate         // that was opened
	calls []run.Detachment // that were attached
	told  []string         // what the outbox should have
}

func TestJournalAgreesWithMemory(t *testing.T) {
	one, cluster := connect(t), connectCluster(t)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rdb := one
			if seed%4 == 0 {
				rdb = cluster
			}
			o := empty()
			o.ClosedRuns, o.Steps = time.Hour, 5
			dice := rand.NewPCG(seed, 1)
			w := &world{
				T: t, dice: dice, rand: rand.New(dice), at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
				want: memstore.New(memstore.Options{ClosedRuns: time.Hour, Steps: 5}), got: redisstore.New(rdb, o), other: redisstore.New(rdb, o), first: map[string]bool{},
			}
			every := []run.EventType{
				run.RunStarted, run.RunCompleted, run.RunBlocked, run.RunUnblocked, run.LimitRaised, run.BudgetExceeded,
				run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected, run.ApprovalExpired, run.LoopDetected,
			}
			require.NoError(t, w.got.Subscribe(t.Context(), "all", every, w.at, w.at.AddDate(1, 0, 0)))
			for range 8 {
				for range 100 {
					w.step()
				}
				w.longAfter()
			}
		})
	}
}

// step makes one call, some time after the last one.
func (w *world) step() {
	w.n++
	w.at = w.at.Add(time.Duration(1 + w.rand.IntN(int(3*time.Second))))
	if w.rand.IntN(20) == 0 {
		w.at = w.at.Add(time.Duration(w.rand.IntN(int(40 * time.Second))))
	}
	verbs := []func(){
		w.attach, w.attach, w.attach, w.attach, w.detach, w.detach, w.detach, w.renew, w.complete, w.block, w.lift, w.raise, w.repeat,
		w.find, w.steps, w.sweep, w.openGate, w.openGate, w.meet, w.decide, w.decide, w.claim, w.renewClaim, w.endClaim, w.list,
	}
	if w.one(2) {
		w.got, w.other = w.other, w.got
	}
	verb, twice, before, dice := verbs[w.rand.IntN(len(verbs))], w.one(5), *w, *w.dice
	verb()
	w.events()
	if twice {
		*w.dice, w.calls, w.gates, w.last = dice, before.calls, before.gates, before.last // so that it is the same call
		w.got, w.other = w.other, w.got
		verb()
		w.events()
	}
}

// both calls a method of the memstore and of the store, and compares what they
// return.
func (w *world) both(what string, call func(j gateJournal) []any) []any {
	w.Helper()
	want, got := call(w.want), call(w.got)
	if a, b := spell(want), spell(got); a != b {
		w.Fatalf("%d, %s:\nmemory %s\n redis %s", w.n, what, a, b)
	}
	return want
}

// events compares what was told with what should have been.
func (w *world) events() {
	w.Helper()
	var got []string
	for {
		messages, err := w.got.TakeMessages(w.Context(), "all", 100, w.at, w.at.Add(time.Minute))
		require.NoError(w, err)
		if len(messages) == 0 {
			break
		}
		for _, m := range messages {
			got = append(got, spell([]any{m.Event}))
			require.NoError(w, w.got.EndMessage(w.Context(), &m, &run.Outcome{At: w.at, Delivered: true}))
		}
	}
	slices.Sort(got)
	slices.Sort(w.told)
	require.Equal(w, w.told, got, "events of step %d", w.n)
	w.told = nil
}

func (w *world) tell(e run.Event) { w.told = append(w.told, spell([]any{&e})) }

// longAfter has all be forgotten.
func (w *world) longAfter() {
	w.at = w.at.Add(3 * time.Hour)
	for range 4 {
		w.sweep()
		w.at = w.at.Add(2 * time.Hour)
	}
	w.events()
	for id := range 6 {
		w.both("Find", func(j gateJournal) []any {
			_, err := j.Find(w.Context(), w.key(id), w.at)
			return []any{err}
		})
	}
}

// sweep compares all that a sweep and those after it say: what one says is left to
// the next by the other.
func (w *world) sweep() {
	sweep := func(j gateJournal) (s run.Swept) {
		for range 3 {
			x, err := j.Sweep(w.Context(), w.at)
			require.NoError(w, err)
			s.Completed, s.Expired, s.Forgotten = append(s.Completed, x.Completed...), append(s.Expired, x.Expired...), append(s.Forgotten, x.Forgotten...)
		}
		slices.SortFunc(s.Completed, byID)
		slices.SortFunc(s.Forgotten, byID)
		slices.SortFunc(s.Expired, func(a, b run.Gate) int { return compare(a.ID, b.ID) })
		return s
	}
	got := w.both("Sweep", func(j gateJournal) []any {
		s := sweep(j)
		return []any{s.Completed, s.Expired, s.Forgotten}
	})
	for _, r := range got[0].([]run.Run) {
		w.tell(run.Event{Type: run.RunCompleted, At: w.at, Run: r, Agent: r.Agent})
	}
	for _, g := range got[1].([]run.Gate) {
		w.tell(run.Event{Type: run.ApprovalExpired, At: w.at, Run: g.Subject(), Agent: g.Agent, Gate: &g})
	}
}

func byID(a, b run.Run) int { return compare(a.ID, b.ID) }

func compare(a, b string) int { return slices.Compare([]byte(a), []byte(b)) }

// spell writes what values say, wherever their times are.
func spell(values []any) string {
	out := make([]any, len(values))
	for i, v := range values {
		if err, ok := v.(error); ok {
			v = describe(err)
		}
		out[i] = v
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func describe(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*run.OvertakenError](err); ok {
		text += spell([]any{e.Run})
	}
	if e, ok := errors.AsType[*run.GatedError](err); ok {
		text += spell([]any{e.Run})
	}
	if e, ok := errors.AsType[*run.StateError](err); ok {
		text += spell([]any{e.Run})
	}
	return fmt.Sprintf("%T %s", err, text)
}

func (w *world) one(n int) bool { return w.rand.IntN(n) == 0 }

func (w *world) key(i int) run.Key { return run.Key{Team: "team:one", ID: fmt.Sprint("r", i)} }

// id is the id of a run, which there may be or not.
func (w *world) id() string {
	id := fmt.Sprint("r", w.rand.IntN(6))
	switch w.rand.IntN(8) {
	case 0:
		id += ".2"
	case 1:
		id += ".3"
	}
	return id
}

func (w *world) any() run.Key { return run.Key{Team: "team:one", ID: w.id()} }

func (w *world) attach() {
	a := &run.Attachment{
		Team: "team:one", At: w.at, Call: fmt.Sprint("call-", w.n), Until: w.at.Add(time.Duration(1 + w.rand.IntN(int(90*time.Second)))), ID: w.id(),
		Exact: w.one(12), Join: w.one(12), New: w.one(4), PastGates: w.one(2), Orphan: w.one(2), Model: fmt.Sprint("m", w.rand.IntN(3)),
		Start: &run.Run{
			Agent: fmt.Sprint("agt_", w.rand.IntN(2)), Policy: run.PolicyRef{ID: "p", Name: "prod", Revision: "1"}, User: "u", Tags: []string{"a", "b"},
			IdleTimeout: time.Duration(w.rand.IntN(int(2*time.Minute))) - time.Second,
		},
	}
	if w.one(5) && len(w.calls) > 0 {
		a.Call = w.calls[w.rand.IntN(len(w.calls))].Call
	}
	if w.one(4) {
		a.Auto, a.AutoID, a.ID = a.Start.Agent, fmt.Sprint("auto-", w.n), ""
	}
	if w.one(2) {
		a.Parent = w.id()
	}
	if w.one(3) {
		a.Start.Limits = run.Limits{
			MaxDuration: time.Duration(w.rand.IntN(int(5 * time.Minute))), MaxSteps: w.rand.Int64N(5), MaxDepth: w.rand.Int64N(3), MaxChildren: w.rand.Int64N(3),
		}
	}
	var out run.Run
	var last run.Attached
	for {
		follows := ""
		again := false
		w.both(fmt.Sprintf("Attach %s", spell([]any{a})), func(j gateJournal) []any {
			start, x := *a.Start, *a
			x.Start = &start
			got, err := j.Attach(w.Context(), &x, &out)
			if e, ok := errors.AsType[*run.OvertakenError](err); ok {
				again, follows = true, e.Run.ID
			} else if j == w.want {
				last = got
			}
			return []any{got, err, out}
		})
		if !again {
			break
		}
		a.Follows = follows
	}
	if last.Ended != nil {
		w.tell(run.Event{Type: run.RunCompleted, At: w.at, Run: *last.Ended, Agent: a.Start.Agent})
	}
	if last.Started {
		w.tell(run.Event{Type: run.RunStarted, At: w.at, Run: out, Agent: a.Start.Agent})
	}
	if out.ID != "" {
		w.calls = append(w.calls, run.Detachment{Key: out.Key, Call: a.Call})
		if len(w.calls) > 12 {
			w.calls = w.calls[1:]
		}
	}
}

func (w *world) detach() {
	if len(w.calls) == 0 {
		return
	}
	d := w.calls[w.rand.IntN(len(w.calls))]
	d.At = w.at
	switch w.rand.IntN(3) {
	case 0:
		d.Step = &run.Step{
			ID: d.Call, Start: w.at, Cost: budget.Money(w.rand.Int64N(1 << 50)),
			Usage: provider.Usage{Tokens: provider.Tokens{Input: 1<<54 + 1, Output: w.rand.Int64N(9), Reasoning: 1}},
		}
	case 1:
		d.Refusal = &run.Refusal{Code: fmt.Sprint("code-", w.rand.IntN(3)), Rule: "rule", Model: "m", Agent: "agt"}
		d.Repeated = w.rand.Uint64N(4)
	}
	w.both("Detach", func(j gateJournal) []any {
		var out run.Run
		err := j.Detach(w.Context(), &d, &out)
		return []any{err, out}
	})
}

func (w *world) renew() {
	if len(w.calls) == 0 {
		return
	}
	d := w.calls[w.rand.IntN(len(w.calls))]
	until := w.at.Add(time.Duration(w.rand.IntN(int(time.Minute))))
	w.both("RenewCall", func(j gateJournal) []any { return []any{j.RenewCall(w.Context(), d.Key, d.Call, w.at, until)} })
	w.find()
}

// changes compares a method that changes a run, and returns that.
func (w *world) changes(what string, call func(j gateJournal) (run.Run, bool, error)) (run.Run, bool, bool) {
	w.Helper()
	got := w.both(what, func(j gateJournal) []any {
		r, changed, err := call(j)
		return []any{r, changed, err}
	})
	return got[0].(run.Run), got[1].(bool), got[2] == nil
}

func (w *world) complete() {
	k := w.any()
	r, changed, _ := w.changes("Complete", func(j gateJournal) (run.Run, bool, error) {
		return j.Complete(w.Context(), k, run.ReasonByAgent, w.at)
	})
	if changed {
		w.tell(run.Event{Type: run.RunCompleted, At: r.Closed, Run: r, Agent: r.Agent})
	}
}

func (w *world) block() {
	k := w.any()
	b := &run.Block{Code: "budget_exceeded", Rule: fmt.Sprint("rule-", w.rand.IntN(2)), Message: "It is spent.", Context: []byte(`{"a":1}`)}
	if w.one(2) {
		b.Exhausted = &budget.ExhaustedError{Budget: budget.Budget{Name: b.Rule, Limit: 1<<60 + 1}}
	}
	r, changed, _ := w.changes("Block", func(j gateJournal) (run.Run, bool, error) { return j.Block(w.Context(), k, b, w.at) })
	if changed && b.Exhausted != nil {
		w.tell(run.Event{Type: run.BudgetExceeded, At: w.at, Run: r, Agent: r.Agent, Exhausted: b.Exhausted})
	}
	if changed {
		w.tell(run.Event{Type: run.RunBlocked, At: w.at, Run: r, Agent: r.Agent})
	}
}

func (w *world) lift() {
	k := w.any()
	r, changed, _ := w.changes("Lift", func(j gateJournal) (run.Run, bool, error) { return j.Lift(w.Context(), k, w.at) })
	if changed {
		w.tell(run.Event{Type: run.RunUnblocked, At: w.at, Run: r, Agent: r.Agent})
	}
}

func (w *world) raise() {
	k := w.any()
	limit := run.Raised{Rule: []string{"rule-0", "rule-1", run.RuleMaxSteps, run.RuleMaxDuration, run.RuleMaxChildren}[w.rand.IntN(5)], Limit: w.rand.Int64N(1 << 60)}
	r, lifted, ok := w.changes("Raise", func(j gateJournal) (run.Run, bool, error) { return j.Raise(w.Context(), k, limit, w.at) })
	if ok && r.Status != run.Completed {
		w.tell(run.Event{Type: run.LimitRaised, At: w.at, Run: r, Agent: r.Agent, Raised: &limit})
	}
	if lifted {
		w.tell(run.Event{Type: run.RunUnblocked, At: w.at, Run: r, Agent: r.Agent})
	}
}

func (w *world) repeat() {
	k := w.any()
	p := run.Repetition{Hash: 1 + w.rand.Uint64N(3), Call: fmt.Sprint("call-", w.rand.IntN(2)), Limit: 1 + w.rand.Int64N(3), At: w.at}
	p.Within = time.Duration(p.Hash%2) * time.Minute
	if w.one(2) {
		p.Call, p.Limit, p.Event = "", 1, &run.Event{Type: run.LoopDetected, At: w.at, Run: run.Run{Key: k}, Finding: &run.Finding{Rule: "loop"}}
	}
	got := w.both("Repeat "+spell([]any{p}), func(j gateJournal) []any {
		n, err := j.Repeat(context.Background(), k, p)
		return []any{n, err}
	})
	if p.Event != nil && got[1] == nil && got[0].(int64) == 1 {
		w.tell(*p.Event)
	}
}

func (w *world) find() {
	k := w.any()
	w.both("Find", func(j gateJournal) []any {
		r, err := j.Find(w.Context(), k, w.at)
		return []any{r, err}
	})
}

func (w *world) steps() {
	k, skip, n := w.any(), w.rand.Int64N(8), w.rand.IntN(5)
	w.both("Steps", func(j gateJournal) []any {
		steps, err := j.Steps(w.Context(), k, skip, n)
		return []any{steps, err}
	})
	w.both("Refusals", func(j gateJournal) []any {
		refusals, err := j.Refusals(w.Context(), k)
		if len(refusals) == 0 {
			refusals = nil
		}
		return []any{refusals, err}
	})
}
