package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/gateway/internal/late"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A Gateway governs model calls. It is an http.Handler, to be mounted at the
// root, under /v1/, or under any prefix with http.StripPrefix. Its methods are
// safe for concurrent use. Close it when it is no longer used. In a bubble of
// testing/synctest only one that was made there can be used, and only there.
type Gateway struct {
	cfg       Config
	prices    atomic.Pointer[budget.Prices]
	providers []*upstream
	binder    policy.Binder // nil if Config.Policy is none
	router    policy.Router // likewise

	limitsChecked bool // those of each decision, by the engine itself

	health     health.Monitor
	recorder   run.Recorder
	gates      run.Gates
	waiting    waitingRoom
	keeper     budget.Keeper
	estimator  *budget.Estimator
	notifiers  *notify.Dispatcher
	unfinished *late.Queue // calls
	alarms     sync.Pool   // of *alarm
	scribe     *scribe     // nil where there is no audit trail
	readiness  readiness
	forgotten  []budget.Owner // that have accounts to be dropped; of sweepRuns alone
	steps      []step         // of a call
	sentAgain  []step         // of one that takes the place of another

	life context.Context // ends when the gateway begins to close
	die  context.CancelFunc

	calls   atomic.Int64  // under way
	closing atomic.Bool   // no further ones are let in
	rest    sync.Once     // that closes idle
	idle    chan struct{} // closed when closing and no call is under way

	mu    sync.Mutex
	sweep *time.Timer
}

// sweepEvery is how often runs that have been idle for too long are looked for.
// A call that finds its run idle does not wait for it.
const sweepEvery = 30 * time.Second

// New returns a gateway. The error names every mistake in cfg.
func New(cfg Config) (*Gateway, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	g := &Gateway{
		cfg:      cfg,
		recorder: run.Recorder{Lease: cfg.Limits.Lease},
		keeper:   budget.Keeper{Lease: cfg.Limits.Lease},

		estimator:  budget.NewEstimator(),
		notifiers:  notify.NewDispatcher(cfg.Outbox, cfg.Logger, cfg.Notifiers...),
		unfinished: late.NewQueue(cfg.Logger),
		steps:      steps,
		sentAgain:  sentAgain(steps),

		idle: make(chan struct{}),
	}
	g.recorder.Journal, g.gates.Journal, g.keeper.Ledger = g.guarded(cfg.Store)
	if g.scribe = newScribe(&cfg); g.scribe != nil {
		g.recorder.Witness, g.gates.Witness = g.scribe, g.scribe
		g.readiness.checks = append(g.readiness.checks, g.scribe.trail)
	}
	g.recorder.Observer = g.observer()
	g.gates.Observer = g.recorder.Observer
	g.alarms.New = func() any { return new(alarm) }
	g.life, g.die = context.WithCancel(context.Background())
	g.binder, _ = cfg.Policy.(policy.Binder)
	g.router, _ = cfg.Policy.(policy.Router)
	_, g.limitsChecked = cfg.Policy.(*policy.Set)
	g.prices.Store(cfg.Prices)
	for _, p := range cfg.Providers {
		g.providers = append(g.providers, newUpstream(p, cfg.Transport))
	}
	g.mu.Lock() // sweepRuns uses g.sweep
	defer g.mu.Unlock()
	g.sweep = time.AfterFunc(sweepEvery, g.sweepRuns)
	return g, nil
}

// SetPrices makes the gateway price calls that begin from now on by p. Nil is
// budget.DefaultPrices.
func (g *Gateway) SetPrices(p *budget.Prices) {
	if p == nil {
		p = budget.DefaultPrices()
	}
	g.prices.Store(p)
}

// Runs gives access to the runs.
func (g *Gateway) Runs() *run.Recorder { return &g.recorder }

// Gates gives access to the gates: to those that people have to decide about, and
// to deciding.
func (g *Gateway) Gates() *run.Gates { return &g.gates }

// Notifications gives access to what Config.Notifiers are told, never nil: to the
// events that could not be delivered, and to sending them again. Close closes it.
func (g *Gateway) Notifications() *notify.Dispatcher { return g.notifiers }

// Trail gives access to the audit trail; nil if there is none.
func (g *Gateway) Trail() audit.Trail {
	if g.scribe == nil {
		return nil
	}
	return g.scribe.trail
}

// Statement tells how the budgets of a run stand, in the order of its policy.
func (g *Gateway) Statement(ctx context.Context, r *run.Run) ([]budget.Standing, error) {
	if g.binder == nil {
		return nil, nil
	}
	budgets, err := g.binder.Budgets(ctx, r.Policy)
	if err != nil {
		return nil, err
	}
	subject := budget.Subject{Team: r.Team, Run: budgetRun(r), Agent: r.Agent, User: r.User, Tags: r.Tags, Policy: r.Policy.ID}
	return g.keeper.Statement(ctx, &subject, budgets)
}

// Providers returns what calls are forwarded to, in the order of the Config.
func (g *Gateway) Providers() []provider.Provider { return slices.Clone(g.cfg.Providers) }

// ServeHTTP governs one call: it forwards it and relays the answer, or it
// refuses it.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rt, known := find(r)
	c := newCall(g, w, r, rt)
	if !g.enter() {
		c.turnAway(&refusal{code: codeShuttingDown, message: "Rungate: the gateway is shutting down; try again."})
		return
	}
	if known && rt.own == 0 {
		c.serve()
		return
	}
	defer g.leave()
	switch {
	case known:
		if err := c.serveOwn(r.Context()); err != nil {
			c.turnAway(err)
		}
	case wantsWebSocket(r):
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "HTTP/1.1")
		c.turnAway(&refusal{code: codeUpgradeRequired, message: "Rungate: there are no WebSockets here; send the request over HTTP."})
	default:
		c.turnAway(&refusal{code: codeUnknownEndpoint, message: "Rungate: there is no " + r.Method + " " + r.URL.Path + " here, and what is not known is not forwarded."})
	}
}

// enter lets a call in, unless the gateway is closing.
func (g *Gateway) enter() bool {
	g.calls.Add(1) // first: Close looks at it when nothing is let in any more
	if g.closing.Load() {
		g.leave()
		return false
	}
	return true
}

func (g *Gateway) leave() {
	if g.calls.Add(-1) == 0 && g.closing.Load() {
		g.rest.Do(func() { close(g.idle) })
	}
}

// Close refuses further calls, those too that wait for an approval, and waits until
// those under way have ended and are settled, the store has been told what it could
// not be told before, and the notifiers what they are to be told; or until ctx is done,
// whose error it then returns. What the store could not be told by then is logged, with
// all amounts, and what could not be written into the audit trail, as it is. Close may be called again.
func (g *Gateway) Close(ctx context.Context) error {
	g.calls.Add(1) // as long as it begins to close
	if !g.closing.Swap(true) {
		g.die()
		g.mu.Lock()
		g.sweep.Stop()
		g.mu.Unlock()
	}
	g.leave()
	select {
	case <-g.idle:
	case <-ctx.Done():
		select {
		case <-g.idle: // it was before
		default:
			_ = g.unfinished.Wait(ctx) // which logs what is left
			_ = g.scribe.close(ctx)    // likewise
			return ctx.Err()
		}
	}
	for _, u := range g.providers {
		u.close()
	}
	return errors.Join(g.unfinished.Wait(ctx), g.scribe.close(ctx), g.notifiers.Close(ctx))
}

// sweepRuns completes idle runs and drops the accounts of forgotten ones.
func (g *Gateway) sweepRuns() {
	ctx, cancel := context.WithTimeout(context.Background(), sweepEvery)
	defer cancel()
	forgotten, err := g.recorder.Sweep(ctx)
	if err != nil {
		g.cfg.Logger.Error("sweep of idle runs failed", "error", err)
	}
	if err := g.forget(ctx, forgotten); err != nil {
		g.cfg.Logger.Error("accounts of forgotten runs not dropped yet", "runs", len(g.forgotten), "error", err)
	}
	if err := g.scribe.pay(ctx); err != nil {
		g.cfg.Logger.Error("audit entries cannot be written; calls are refused until then", "error", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closing.Load() {
		g.sweep.Reset(sweepEvery)
	}
}

type providersKey struct{}

// PreferProviders returns a context whose calls go to the first provider of
// those names that could serve them, where their model does not say otherwise. A list
// of models is of those providers alone, as far as they speak the agent's dialect.
func PreferProviders(ctx context.Context, names ...string) context.Context {
	return context.WithValue(ctx, providersKey{}, names)
}

// upstreamOf returns the provider of that name, nil if there is none.
func (g *Gateway) upstreamOf(name string) *upstream {
	if i := slices.IndexFunc(g.providers, func(u *upstream) bool { return u.Name() == name }); i >= 0 {
		return g.providers[i]
	}
	return nil
}
