package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A journal is what a case works with: its methods are those of the store, and
// stop the test if one fails.
type journal struct {
	*testing.T
	store run.Journal
	calls *calls
}

func newJournal(t *testing.T, s run.Journal) *journal {
	return &journal{t, s, &calls{of: map[run.Key][]string{}}}
}

// calls are the names of those that a case has attached and not detached.
type calls struct {
	mu   sync.Mutex
	last int
	of   map[run.Key][]string
}

// name returns one that no other call has.
func (c *calls) name() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return fmt.Sprint("call-", c.last)
}

func (c *calls) add(k run.Key, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[k] = append(c.of[k], name)
}

// take returns the call of a run that was attached last, the name of none if there
// is none.
func (c *calls) take(k run.Key) (name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.of[k]) - 1
	if last < 0 {
		return "no call"
	}
	name, c.of[k] = c.of[k][last], c.of[k][:last]
	return name
}

// noon is when the cases begin. A store may keep times no finer than a second.
var noon = time.Now().Truncate(time.Second).UTC()

// after is a time of the cases.
func after(d time.Duration) time.Time { return noon.Add(d) }

const (
	team    = "team:one"
	idle    = time.Minute               // of the runs, unless the case says otherwise
	forLong = 10 * 365 * 24 * time.Hour // a lease that does not end during a case
)

// start is what runs begin with.
func start() *run.Run {
	return &run.Run{
		Agent: "agt_one", Policy: run.PolicyRef{ID: "pol_1", Name: "prod/v1", Revision: "0123456789ab"},
		IdleTimeout: idle, User: "u-1", Tags: []string{"eu", "nightly"},
	}
}

// to asks for the run of that id at that time.
func to(id string, at time.Time) *run.Attachment {
	return &run.Attachment{Team: team, At: at, ID: id, Start: start()}
}

// anew is to, but starts a new run, also in the place of one with gates.
func anew(id string, at time.Time) *run.Attachment {
	a := to(id, at)
	a.New, a.PastGates = true, true
	return a
}

// auto asks for an automatic run, which is called id if it is new.
func auto(name, id string, at time.Time) *run.Attachment {
	return &run.Attachment{Team: team, At: at, Auto: name, AutoID: id, Start: start()}
}

func key(id string) run.Key { return run.Key{Team: team, ID: id} }

// step is one that costs n picodollars and n input tokens.
func step(id string, n int64) *run.Step {
	return &run.Step{
		ID: id, Agent: "agt_one", Start: noon, Duration: time.Second, Endpoint: provider.Chat, Provider: "openai", Model: "m",
		Status: 200, Cost: budget.Money(n), Usage: provider.Usage{Tokens: provider.Tokens{Input: n}},
	}
}

var block = run.Block{Code: "budget_exceeded", Rule: "stop", Message: "Rungate: it is spent.", Context: []byte(`{"limit_usd":"1.00"}`)}

func (j *journal) must(method string, err error) {
	j.Helper()
	if err != nil {
		j.Fatalf("%s: %v", method, err)
	}
}

// attached is what Attach has returned and written.
type attached struct {
	run.Attached
	Run run.Run
}

// attach attaches a call, which has a name of its own and a lease that does not end
// during the case, where the case does not say otherwise. New follows on the newest.
func (j *journal) attach(a *run.Attachment) (got attached) {
	j.Helper()
	x := *a
	if x.Call == "" {
		x.Call = j.calls.name()
	}
	if x.Until.IsZero() {
		x.Until = x.At.Add(forLong)
	}
	for {
		var err error
		got.Attached, err = j.store.Attach(context.Background(), &x, &got.Run)
		if newer, ok := errors.AsType[*run.OvertakenError](err); ok {
			x.Follows = newer.Run.ID
			continue
		}
		j.must("Attach", err)
		break
	}
	if got.Run.Status.Live() && (got.Exceeded == "" || got.Deferred) {
		j.calls.add(got.Run.Key, x.Call)
	}
	return got
}

// attachOnce is attach, but follows on no other run than a says.
func (j *journal) attachOnce(a *run.Attachment) attached {
	j.Helper()
	if a.Call == "" {
		a.Call = j.calls.name()
	}
	if a.Until.IsZero() {
		a.Until = a.At.Add(forLong)
	}
	var got attached
	var err error
	got.Attached, err = j.store.Attach(context.Background(), a, &got.Run)
	j.must("Attach", err)
	return got
}

// overtaken checks that a call starts no run that follows on that one.
func (j *journal) overtaken(what string, a *run.Attachment, follows string) *run.OvertakenError {
	j.Helper()
	a.Call, a.Until, a.Follows = j.calls.name(), a.At.Add(forLong), follows
	r := run.Run{Key: key("as it was")}
	got, err := j.store.Attach(context.Background(), a, &r)
	e, ok := errors.AsType[*run.OvertakenError](err)
	if !ok || !errors.Is(err, run.ErrOvertaken) || got != (run.Attached{}) || r.ID != "as it was" {
		j.Fatalf("%s: following on %q: Attach returns %+v, the run %q and error %v; want an OvertakenError", what, follows, got, r.ID, err)
	}
	return e
}

// open attaches a call to a run, started by it or not, that has to be open.
func (j *journal) open(a *run.Attachment) run.Key {
	j.Helper()
	got := j.attach(a)
	if got.Run.Status != run.Open {
		j.Fatalf("Attach: run %q is %s, want it open", got.Run.ID, got.Run.Status)
	}
	return got.Run.Key
}

// past makes a run that has had one call, which ended at once.
func (j *journal) past(a *run.Attachment) run.Key {
	j.Helper()
	k := j.open(a)
	j.detach(k, a.At, nil, nil)
	return k
}

// detach ends the call of a run that was attached last.
func (j *journal) detach(k run.Key, at time.Time, s *run.Step, f *run.Refusal) (r run.Run) {
	j.Helper()
	j.must("Detach", j.store.Detach(context.Background(), &run.Detachment{Key: k, Call: j.calls.take(k), At: at, Step: s, Refusal: f}, &r))
	return r
}

func (j *journal) complete(k run.Key, reason string, at time.Time) (run.Run, bool) {
	j.Helper()
	r, changed, err := j.store.Complete(context.Background(), k, reason, at)
	j.must("Complete", err)
	return r, changed
}

func (j *journal) block(k run.Key, at time.Time) (run.Run, bool) {
	j.Helper()
	b := block
	r, changed, err := j.store.Block(context.Background(), k, &b, at)
	j.must("Block", err)
	return r, changed
}

func (j *journal) find(k run.Key, at time.Time) run.Run {
	j.Helper()
	r, err := j.store.Find(context.Background(), k, at)
	j.must("Find", err)
	return r
}

func (j *journal) steps(k run.Key, skip int64, n int) []run.Step {
	j.Helper()
	steps, err := j.store.Steps(context.Background(), k, skip, n)
	j.must("Steps", err)
	return steps
}

func (j *journal) refusals(k run.Key) []run.Refusal {
	j.Helper()
	f, err := j.store.Refusals(context.Background(), k)
	j.must("Refusals", err)
	return f
}

func (j *journal) sweep(at time.Time) run.Swept {
	j.Helper()
	s, err := j.store.Sweep(context.Background(), at)
	j.must("Sweep", err)
	return s
}

// missing checks that a method says run.ErrNotFound.
func (j *journal) missing(method string, err error) {
	j.Helper()
	if !errors.Is(err, run.ErrNotFound) {
		j.Errorf("%s: error %v, want run.ErrNotFound", method, err)
	}
}

// same checks that two runs are the same in every field.
func (j *journal) same(what string, got, want run.Run) {
	j.Helper()
	if g, w := spell(got), spell(want); g != w {
		j.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// is checks the state of a run.
func (j *journal) is(what string, r run.Run, id string, status run.Status, reason string, inFlight int64) {
	j.Helper()
	got := fmt.Sprintf("%q %s %q, %d in flight", r.ID, r.Status, r.Reason, r.InFlight)
	if want := fmt.Sprintf("%q %s %q, %d in flight", id, status, reason, inFlight); got != want {
		j.Errorf("%s: run %s, want %s", what, got, want)
	}
}

// ended checks that an attachment says that a run has ended with it.
func (j *journal) ended(what string, got *run.Run, id, reason string) {
	j.Helper()
	if got == nil {
		j.Errorf("%s: Ended is nil, want run %q with reason %q", what, id, reason)
		return
	}
	if got.ID != id || got.Status != run.Completed || got.Reason != reason {
		j.Errorf("%s: Ended is run %q, %s with reason %q; want %q, completed with reason %q", what, got.ID, got.Status, got.Reason, id, reason)
	}
}

// spell writes what a value says, wherever its times are.
func spell(v any) string {
	switch x := v.(type) {
	case run.Run:
		x.Created, x.LastCall, x.Closed = x.Created.UTC(), x.LastCall.UTC(), x.Closed.UTC()
		v = x
	case run.Step:
		x.Start = x.Start.UTC()
		v = x
	case run.Refusal:
		x.First, x.Last = x.First.UTC(), x.Last.UTC()
		v = x
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of plain structs: cannot fail
	}
	return string(text)
}
