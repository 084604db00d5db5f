package gateway_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// A fault is how a store fails.
type fault string

const (
	failsBefore fault = "fails before"  // it has done it
	failsAfter  fault = "fails after"   // it has done it: its reply is lost
	hangsBefore fault = "hangs"         // and does nothing
	hangsAfter  fault = "hangs after"   // it has done it
	deadlocks   fault = "deadlocks"     // now and then, before or after
	once        fault = "loses a reply" // the first time
	isSlow      fault = "takes a while" // but not too long
	never       fault = ""
)

// allVerbs stands for every verb.
const allVerbs = "all"

// An outage is a store that fails at some verbs, as the test says.
type outage struct {
	*memstore.Store

	mu    sync.Mutex
	verb  string
	how   fault
	asked map[string]int
}

func newOutage() *outage {
	return &outage{Store: memstore.New(memstore.Options{}), asked: map[string]int{}}
}

// Fail has a verb fail from now on.
func (o *outage) Fail(verb string, how fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.verb, o.how = verb, how
}

// Mend ends that.
func (o *outage) Mend() { o.Fail("", never) }

// Asked is how often a verb was asked for since the last time.
func (o *outage) Asked(verb string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.asked[verb]
	o.asked[verb] = 0
	return n
}

func (o *outage) do(ctx context.Context, verb string, f func()) error {
	o.mu.Lock()
	how := never
	if o.verb == verb || o.verb == allVerbs {
		switch how = o.how; {
		case how == once:
			o.how = never
		case how == deadlocks && rand.IntN(4) > 0:
			how = never
		case how == deadlocks:
			how = []fault{failsBefore, failsAfter}[rand.IntN(2)]
		}
	}
	o.asked[verb]++
	o.asked[allVerbs]++
	o.mu.Unlock()
	if how != failsBefore && how != hangsBefore {
		f()
	}
	switch how {
	case failsBefore, failsAfter, once:
		return errFaulty
	case hangsBefore, hangsAfter:
		<-ctx.Done()
		return ctx.Err()
	case isSlow:
		time.Sleep(40 * time.Millisecond)
	}
	return nil
}

func (o *outage) Attach(ctx context.Context, a *run.Attachment, r *run.Run) (got run.Attached, err error) {
	after := *r
	if lost := o.do(ctx, "attach", func() { got, err = o.Store.Attach(ctx, a, &after) }); lost != nil {
		return run.Attached{}, lost
	}
	*r = after
	return got, err
}

func (o *outage) RenewCall(ctx context.Context, k run.Key, call string, at, until time.Time) (err error) {
	if lost := o.do(ctx, "renew call", func() { err = o.Store.RenewCall(ctx, k, call, at, until) }); lost != nil {
		return lost
	}
	return err
}

func (o *outage) Detach(ctx context.Context, d *run.Detachment, r *run.Run) (err error) {
	after := *r
	if lost := o.do(ctx, "detach", func() { err = o.Store.Detach(ctx, d, &after) }); lost != nil {
		return lost
	}
	*r = after
	return err
}

func (o *outage) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (r run.Run, changed bool, err error) {
	if lost := o.do(ctx, "block", func() { r, changed, err = o.Store.Block(ctx, k, b, at) }); lost != nil {
		return run.Run{}, false, lost
	}
	return r, changed, err
}

func (o *outage) Repeat(ctx context.Context, k run.Key, p run.Repetition) (n int64, err error) {
	if lost := o.do(ctx, "repeat", func() { n, err = o.Store.Repeat(ctx, k, p) }); lost != nil {
		return 0, lost
	}
	return n, err
}

func (o *outage) Find(ctx context.Context, k run.Key, at time.Time) (r run.Run, err error) {
	if lost := o.do(ctx, "find", func() { r, err = o.Store.Find(ctx, k, at) }); lost != nil {
		return run.Run{}, lost
	}
	return r, err
}

func (o *outage) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (got run.Gate, opened bool, err error) {
	if lost := o.do(ctx, "open gate", func() { got, opened, err = o.Store.OpenGate(ctx, g, answer) }); lost != nil {
		return run.Gate{}, false, lost
	}
	return got, opened, err
}

func (o *outage) MeetGate(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (g run.Gate, own bool, err error) {
	if lost := o.do(ctx, "meet gate", func() { g, own, err = o.Store.MeetGate(ctx, k, f, at) }); lost != nil {
		return run.Gate{}, false, lost
	}
	return g, own, err
}

func (o *outage) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (g run.Gate, changed bool, err error) {
	if lost := o.do(ctx, "decide gate", func() { g, changed, err = o.Store.DecideGate(ctx, id, v, at) }); lost != nil {
		return run.Gate{}, false, lost
	}
	return g, changed, err
}

func (o *outage) ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (g run.Gate, claimed bool, err error) {
	if lost := o.do(ctx, "claim gate", func() { g, claimed, err = o.Store.ClaimGate(ctx, id, claim, at, until) }); lost != nil {
		return run.Gate{}, false, lost
	}
	return g, claimed, err
}

func (o *outage) EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (g run.Gate, ended bool, err error) {
	if lost := o.do(ctx, "end claim", func() { g, ended, err = o.Store.EndClaim(ctx, id, claim, used, at) }); lost != nil {
		return run.Gate{}, false, lost
	}
	return g, ended, err
}

func (o *outage) GateAnswer(ctx context.Context, id string) (answer []byte, err error) {
	if lost := o.do(ctx, "gate answer", func() { answer, err = o.Store.GateAnswer(ctx, id) }); lost != nil {
		return nil, lost
	}
	return answer, err
}

func (o *outage) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (short budget.Shortage, ok bool, err error) {
	if lost := o.do(ctx, "reserve", func() { short, ok, err = o.Store.Reserve(ctx, id, d, lease) }); lost != nil {
		return budget.Shortage{}, false, lost
	}
	return short, ok, err
}

func (o *outage) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (err error) {
	if lost := o.do(ctx, "renew", func() { err = o.Store.Renew(ctx, id, d, lease) }); lost != nil {
		return lost
	}
	return err
}

func (o *outage) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) (all []budget.Balance, err error) {
	if lost := o.do(ctx, "settle", func() { all, err = o.Store.Settle(ctx, id, d, s, dst) }); lost != nil {
		return nil, lost
	}
	return all, err
}

func (o *outage) Balances(ctx context.Context, accounts []budget.Account, dst []budget.Balance) (all []budget.Balance, err error) {
	if lost := o.do(ctx, "balances", func() { all, err = o.Store.Balances(ctx, accounts, dst) }); lost != nil {
		return nil, lost
	}
	return all, err
}

// An outageLab is a lab whose store fails.
type outageLab struct {
	*lab
	store *outage
}

// inOutage runs f with a gateway under a policy, whose store can fail. In the end that
// is mended, so that the gateway can be closed.
func inOutage(t *testing.T, document string, h http.HandlerFunc, f func(*testing.T, *outageLab), change ...func(*gateway.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := newOutage()
		change := append([]func(*gateway.Config){coins, func(cfg *gateway.Config) {
			cfg.Store, cfg.Policy = store, mustSet(t, document)
		}}, change...)
		l := newLab(t, &inproc.Transport{Handler: h}, change...)
		l.Store = store.Store
		t.Cleanup(store.Mend)
		f(t, &outageLab{l, store})
	})
}

// Recover mends the store, and lets the time pass until everybody knows.
func (l *outageLab) Recover() {
	l.store.Mend()
	pass(20 * time.Second)
	synctest.Wait() // for who asks the store in this very moment, by which others do not
}
