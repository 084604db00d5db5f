package sqlstore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Whatever happens, in whatever order, a Store says what a store in memory says.
// Every verb is now and then called again, as one does whose answer was lost.
func TestJournalModel(t *testing.T) {
	seeds, verbs := uint64(8), 300
	if testing.Short() {
		seeds, verbs = 2, 150
	}
	onBoth(t, func(t *testing.T, d Dialect) {
		empty := emptied(t, d)
		for seed := range seeds {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				w := &journalWorld{
					rnd: rand.New(rand.NewPCG(seed, 1)), now: noon,
					model: memstore.New(memstore.Options{ClosedRuns: 1000 * time.Hour, OpenRuns: 6}),
					store: empty(t, Options{ClosedRuns: 1000 * time.Hour, OpenRuns: 6}),
				}
				for range verbs {
					w.step(t)
				}
			})
		}
	})
}

// journalWorld is a store and its model, and what happens to both.
type journalWorld struct {
	rnd                 *rand.Rand
	now                 time.Time
	model, store        storetest.GateStore
	calls, gates, autos int
	trail               []string
}

var (
	worldRuns   = []string{"a", "b", "c", "a.2", "b.2", "c.2"}
	worldAgents = []string{"agt_one", "agt_two"}
)

func pick[T any](w *journalWorld, from []T) T { return from[w.rnd.IntN(len(from))] }

func (w *journalWorld) rarely(n int) bool { return w.rnd.IntN(n) == 0 }

// step lets one thing happen to both, sometimes twice, and checks that they say the same.
func (w *journalWorld) step(t *testing.T) {
	t.Helper()
	w.now = w.now.Add(time.Millisecond)
	if w.rarely(12) {
		w.now = w.now.Add(time.Duration(w.rnd.IntN(400)) * time.Second)
	}
	name, verb := w.verb()
	times := 1
	if w.rarely(5) {
		times = 2
	}
	for range times {
		w.trail = append(w.trail, fmt.Sprintf("%s %s", w.now.Format("15:04:05.000"), name))
		want, got := verb(w.model), verb(w.store)
		if want != got {
			t.Fatalf("%s\nafter:\n%s", differ(want, got), strings.Join(w.trail[max(0, len(w.trail)-40):], "\n"))
		}
	}
}

// verb returns something that is done to a store, and what it says.
func (w *journalWorld) verb() (string, func(s storetest.GateStore) string) {
	k, at := run.Key{Team: "t", ID: pick(w, append([]string{fmt.Sprint("auto-", max(1, w.autos-w.rnd.IntN(4)))}, worldRuns...))}, w.now
	ctx := context.Background()
	switch n := w.rnd.IntN(100); {
	case n < 30:
		a := w.attachment()
		return fmt.Sprintf("Attach %s %s, auto %q, parent %q, follows %q, new %v, exact %v, join %v, orphan %v, past %v, %+v", a.Call, a.ID, a.Auto, a.Parent, a.Follows, a.New, a.Exact, a.Join, a.Orphan, a.PastGates, *a.Start), func(s storetest.GateStore) string {
			r := run.Run{User: "as it was"}
			mine, start := *a, *a.Start
			mine.Start = &start
			got, err := s.Attach(ctx, &mine, &r)
			return said(err, got, r)
		}
	case n < 50:
		d := w.detachment(k)
		return fmt.Sprintf("Detach %v %s, step %v, refusal %v, repeated %d", d.Key, d.Call, d.Step != nil, d.Refusal != nil, d.Repeated), func(s storetest.GateStore) string {
			r := run.Run{User: "as it was"}
			mine := *d
			return said(s.Detach(ctx, &mine, &r), r)
		}
	case n < 54:
		call, until := w.call(), at.Add(time.Minute)
		return fmt.Sprint("RenewCall ", k, call), func(s storetest.GateStore) string {
			return said(s.RenewCall(ctx, k, call, at, until))
		}
	case n < 57:
		return fmt.Sprint("Complete ", k), func(s storetest.GateStore) string {
			r, changed, err := s.Complete(ctx, k, run.ReasonByAgent, at)
			return said(err, changed, r)
		}
	case n < 60:
		b := run.Block{Code: "c", Rule: pick(w, []string{"stop", run.RuleMaxSteps}), Context: []byte("{}")}
		return fmt.Sprint("Block ", k, b.Rule), func(s storetest.GateStore) string {
			mine := b
			r, changed, err := s.Block(ctx, k, &mine, at)
			return said(err, changed, r)
		}
	case n < 63:
		return fmt.Sprint("Lift ", k), func(s storetest.GateStore) string {
			r, changed, err := s.Lift(ctx, k, at)
			return said(err, changed, r)
		}
	case n < 66:
		limit := run.Raised{Rule: pick(w, []string{"stop", run.RuleMaxSteps, run.RuleMaxChildren, run.RuleMaxDuration}), Limit: int64(w.rnd.IntN(20))}
		if limit.Rule == run.RuleMaxDuration {
			limit.Limit *= int64(time.Minute)
		}
		return fmt.Sprint("Raise ", k, limit), func(s storetest.GateStore) string {
			r, lifted, err := s.Raise(ctx, k, limit, at)
			return said(err, lifted, r)
		}
	case n < 71:
		p := run.Repetition{Hash: uint64(w.rnd.IntN(3)), Limit: 2, At: at}
		p.Within = time.Duration(p.Hash) * time.Minute
		if w.rarely(2) {
			p.Event = &run.Event{Type: run.RuleAlert, At: at, Run: run.Run{Key: k}}
		} else if w.rarely(2) {
			p.Call = w.call()
		}
		return fmt.Sprintf("Repeat %v %+v", k, p), func(s storetest.GateStore) string {
			n, err := s.Repeat(ctx, k, p)
			return said(err, n)
		}
	case n < 76:
		return fmt.Sprint("Find ", k), func(s storetest.GateStore) string {
			r, err := s.Find(ctx, k, at)
			return said(err, r)
		}
	case n < 79:
		skip := int64(w.rnd.IntN(4))
		return fmt.Sprint("Steps and Refusals ", k), func(s storetest.GateStore) string {
			steps, err := s.Steps(ctx, k, skip, 3)
			refusals, failed := s.Refusals(ctx, k)
			return said(errors.Join(err, failed), len(steps), steps, refusals)
		}
	case n < 82:
		return "Sweep", func(s storetest.GateStore) string { return swept(s.Sweep(ctx, at)) }
	default:
		return w.gateVerb(k)
	}
}

func (w *journalWorld) gateVerb(k run.Key) (string, func(s storetest.GateStore) string) {
	at, ctx := w.now, context.Background()
	f := run.Fingerprint(sha256.Sum256([]byte{byte(w.rnd.IntN(3))}))
	id := fmt.Sprint("gate_", max(1, w.gates-w.rnd.IntN(4)))
	claim, until := pick(w, []string{"A", "B"}), at.Add(time.Duration(w.rnd.IntN(300))*time.Second)
	one := func(g run.Gate, done bool, err error) string { return said(err, done, g) }
	switch w.rnd.IntN(9) {
	case 0, 1, 2:
		w.gates++
		g := &run.Gate{
			ID: fmt.Sprint("gate_", w.gates), Run: k, Agent: "agt_one", Kind: run.ActionGate, Fingerprint: f, Pauses: w.rarely(2),
			Proposed: []run.Proposal{{Tool: "t", Args: []byte("{}")}}, Window: 3 * time.Minute, Status: run.GatePending, Opened: at, Expires: at.Add(3 * time.Minute),
		}
		return fmt.Sprint("OpenGate ", g.ID, k, f[0]), func(s storetest.GateStore) string {
			mine := *g
			return one(s.OpenGate(ctx, &mine, []byte("answer")))
		}
	case 3:
		return fmt.Sprint("MeetGate ", k, f[0]), func(s storetest.GateStore) string { return one(s.MeetGate(ctx, k, f, at)) }
	case 4:
		v := &run.Verdict{Approve: !w.rarely(3), By: "ada", Comment: "why"}
		return fmt.Sprint("DecideGate ", id, v.Approve), func(s storetest.GateStore) string { return one(s.DecideGate(ctx, id, v, at)) }
	case 5:
		return fmt.Sprint("ClaimGate ", id, claim, until.Sub(at)), func(s storetest.GateStore) string { return one(s.ClaimGate(ctx, id, claim, at, until)) }
	case 6:
		return fmt.Sprint("RenewClaim ", id, claim, until.Sub(at)), func(s storetest.GateStore) string { return one(s.RenewClaim(ctx, id, claim, at, until)) }
	case 7:
		used := w.rarely(2)
		return fmt.Sprint("EndClaim ", id, claim, used), func(s storetest.GateStore) string { return one(s.EndClaim(ctx, id, claim, used, at)) }
	default:
		q := run.GateQuery{N: 5}
		if w.rarely(2) {
			q.Run = k
		}
		if w.rarely(2) {
			q.Status = pick(w, gateStatuses[:])
		}
		return fmt.Sprintf("ListGates %+v", q), func(s storetest.GateStore) string {
			all, err := s.ListGates(ctx, &q, at)
			return said(err, len(all), all)
		}
	}
}

func (w *journalWorld) call() string { return fmt.Sprint("call-", max(1, w.calls-w.rnd.IntN(6))) }

func (w *journalWorld) attachment() *run.Attachment {
	if !w.rarely(6) {
		w.calls++
	}
	a := &run.Attachment{
		Team: "t", At: w.now, Call: fmt.Sprint("call-", max(1, w.calls)), Until: w.now.Add(time.Minute), ID: pick(w, worldRuns),
		New: w.rarely(5), PastGates: w.rarely(2), Join: w.rarely(10), Orphan: w.rarely(2), Model: "m",
		Start: &run.Run{Agent: pick(w, worldAgents), IdleTimeout: pick(w, []time.Duration{time.Minute, 5 * time.Minute, -1}), Tags: []string{"x"}},
	}
	if w.rarely(3) {
		a.Start.Limits = run.Limits{MaxSteps: int64(w.rnd.IntN(6)), MaxChildren: int64(w.rnd.IntN(4)), MaxDuration: time.Duration(w.rnd.IntN(3)) * 10 * time.Minute}
	}
	if w.rarely(3) {
		a.Parent = pick(w, worldRuns)
	}
	switch {
	case w.rarely(4):
		w.autos++
		a.ID, a.Auto, a.AutoID = "", pick(w, []string{"x", "y"}), fmt.Sprint("auto-", w.autos)
	case w.rarely(8):
		a.Exact = true
	}
	if a.New && a.ID != "" && !w.rarely(8) {
		if r, err := w.model.Find(context.Background(), run.Key{Team: "t", ID: a.ID}, w.now); err == nil {
			a.Follows = r.ID
		}
		var newer *run.OvertakenError
		trial := *a
		trial.Call = "trial"
		if _, err := w.model.Attach(context.Background(), &trial, new(run.Run)); errors.As(err, &newer) {
			a.Follows = newer.Run.ID
		}
		_, _ = w.store.Attach(context.Background(), &trial, new(run.Run)) // to be in step
	}
	return a
}

func (w *journalWorld) detachment(k run.Key) *run.Detachment {
	d := &run.Detachment{Key: k, Call: w.call(), At: w.now}
	switch w.rnd.IntN(4) {
	case 0, 1:
		d.Step = &run.Step{
			ID: d.Call, Agent: "agt_one", Start: w.now.Add(-time.Second), Duration: time.Second, Model: "m",
			Cost: budget.Money(w.rnd.IntN(100)), Usage: provider.Usage{Tokens: provider.Tokens{Input: int64(w.rnd.IntN(9)), Output: 1}},
		}
	case 2:
		d.Refusal = &run.Refusal{Code: "c", Rule: pick(w, []string{"one", "two"}), Agent: "agt_one"}
	}
	if w.rarely(3) {
		d.Repeated = uint64(w.rnd.IntN(3))
	}
	return d
}

// differ is what two texts say differently.
func differ(want, got string) string {
	var s strings.Builder
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			fmt.Fprintf(&s, " got also %s\n", b[i])
		case i >= len(b):
			fmt.Fprintf(&s, "want also %s\n", a[i])
		case a[i] != b[i]:
			fmt.Fprintf(&s, "want %s\n got %s\n", a[i], b[i])
		}
	}
	return s.String()
}

// said spells what a method returns.
func said(err error, values ...any) string {
	var s strings.Builder
	fmt.Fprintf(&s, "error %T %v\n", err, err)
	var state *run.StateError
	var newer *run.OvertakenError
	var gated *run.GatedError
	switch {
	case errors.As(err, &state):
		values = append(values, state.Run)
	case errors.As(err, &newer):
		values = append(values, newer.Run)
	case errors.As(err, &gated):
		values = append(values, gated.Run)
	}
	for _, v := range values {
		text, err := json.MarshalIndent(plain(v), "", " ")
		if err != nil {
			panic(err) // of plain structs: cannot fail
		}
		s.Write(text)
		s.WriteString("\n")
	}
	return s.String()
}

// plain is a value without the difference between no list and an empty one.
func plain(v any) any {
	switch x := v.(type) {
	case []run.Step:
		return append([]run.Step{}, x...)
	case []run.Refusal:
		return append([]run.Refusal{}, x...)
	case []run.Gate:
		return append([]run.Gate{}, x...)
	}
	return v
}

// swept spells what a sweep has done, in whatever order, but for what it forgets.
func swept(x run.Swept, err error) string {
	slices.SortFunc(x.Completed, func(a, b run.Run) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(x.Expired, func(a, b run.Gate) int { return cmp.Compare(a.ID, b.ID) })
	return said(err, len(x.Completed), append([]run.Run{}, x.Completed...), append([]run.Gate{}, x.Expired...))
}
