package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// IDs are the events so far, by what they are called.
func (e *events) IDs() (all []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.all {
		all = append(all, fmt.Sprint(e.all[i].Type, " ", e.all[i].ID()))
	}
	return all
}

func handled(h http.HandlerFunc) http.RoundTripper { return &inproc.Transport{Handler: h} }

// tells is a notifier that hands events on.
func tells(to *events) notify.Notifier {
	return notify.NotifierFunc(func(ctx context.Context, e *run.Event) error {
		to.Event(ctx, e)
		return nil
	})
}

// What happens in one gateway, the notifiers of all are told by one of them, and its
// own observer by itself: of the same events under the same IDs.
func TestNotifiersAreToldFromTheOutbox(t *testing.T) {
	const document = `{"name":"prod","models":{"deny":["secret"]},"budgets":[{"name":"usd","per":"run","limit_usd":"0.10"}]}`
	for _, tt := range []struct {
		name  string
		store func(s *outboxStore, cfg *gateway.Config)
	}{
		{"the store is one", func(s *outboxStore, cfg *gateway.Config) { cfg.Store = s }},
		{"it is given", func(s *outboxStore, cfg *gateway.Config) {
			cfg.Store = struct{ gateway.Store }{s}
			cfg.Outbox = run.Outboxes{s.Memory}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, seen, told := newOutboxStore(), &events{}, &events{}
				share := func(cfg *gateway.Config) {
					tt.store(s, cfg)
					cfg.Notifiers = []notify.Notifier{tells(told)}
				}
				here := newLocal(t, document, handled(spent(90)), coins, share, func(cfg *gateway.Config) { cfg.Observer = seen })
				newLocal(t, document, handled(spent(90)), coins, share)

				ref := &run.Ref{Agent: "alice", ID: "r"}
				require.Equal(t, 200, serve(t, here, ref, "POST", "/v1/chat/completions", ask(90)).StatusCode)
				require.Equal(t, 403, serve(t, here, ref, "POST", "/v1/chat/completions", `{"model":"secret","max_tokens":1}`).StatusCode)
				require.Equal(t, 402, serve(t, here, ref, "POST", "/v1/chat/completions", ask(90)).StatusCode)
				k := run.Key{Team: "agent:alice", ID: "r"}
				_, err := here.Runs().Raise(t.Context(), k, run.Raised{Rule: "usd", Limit: int64(budget.Dollar)})
				require.NoError(t, err)
				_, err = here.Runs().Complete(t.Context(), k, run.ReasonByOperator)
				require.NoError(t, err)

				want := []run.EventType{run.RunStarted, run.BudgetAlert, run.PolicyDrift, run.BudgetExceeded, run.RunBlocked, run.LimitRaised, run.RunUnblocked, run.RunCompleted}
				assert.Equal(t, want, seen.Types())
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Equal(t, want, told.Types())
				assert.Equal(t, seen.IDs(), told.IDs())
				alert := told.all[1].Alert
				assert.Equal(t, int64(90*budget.Dollar/1000), alert.Spent)
				assert.Equal(t, 0.8, alert.At)
			})
		})
	}
}

// A gateway that has nobody to tell has its findings and alerts kept for those that
// do.
func TestEventsOfAGatewayWithoutNotifiers(t *testing.T) {
	const document = `{"name":"prod","models":{"deny":["secret"]},"budgets":[{"name":"usd","per":"run","limit_usd":"0.10"}]}`
	synctest.Test(t, func(t *testing.T) {
		s, told := newOutboxStore(), &events{}
		share := func(cfg *gateway.Config) { cfg.Store = s }
		newLocal(t, document, handled(spent(90)), coins, share, func(cfg *gateway.Config) { cfg.Notifiers = []notify.Notifier{tells(told)} })
		bare := newLocal(t, document, handled(spent(90)), coins, share)
		ref := &run.Ref{Agent: "alice", ID: "r"}
		for range 3 {
			require.Equal(t, 403, serve(t, bare, ref, "POST", "/v1/chat/completions", `{"model":"secret","max_tokens":1}`).StatusCode)
		}
		require.Equal(t, 200, serve(t, bare, ref, "POST", "/v1/chat/completions", ask(90)).StatusCode)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		assert.Equal(t, []run.EventType{run.RunStarted, run.PolicyDrift, run.BudgetAlert}, told.Types())
	})
}

// However many calls settle at once, wherever, somebody is told once that a share of
// a budget is spent.
func TestOneAlertOverAllGateways(t *testing.T) {
	const calls = 64
	synctest.Test(t, func(t *testing.T) {
		s, seen, told := newOutboxStore(), &events{}, &events{}
		budgets := []budget.Budget{
			{Name: "usd", Per: budget.ScopeTeam, Limit: calls * 10 * int64(budget.Dollar/1000), AlertAt: []float64{0.5, 0.8}},
			{Name: "tokens", Per: budget.ScopeTeam, Unit: budget.Tokens, Limit: 1 << 40, AlertAt: []float64{0.5}},
			{Name: "daily", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 1000, Window: budget.Day, Admission: budget.Spent},
		}
		var gws [2]*gateway.Gateway
		for i := range gws {
			gws[i] = newGoverned(t, &governed{budgets: budgets}, spent(10), func(cfg *gateway.Config) {
				cfg.Store, cfg.Observer, cfg.Notifiers = s, seen, []notify.Notifier{tells(told)}
			})
		}
		var wg sync.WaitGroup
		for i := range calls {
			wg.Go(func() {
				r := chat(t, gws[i%2], run.Ref{Agent: "alice", ID: fmt.Sprint("r", i)}, 10)
				assert.Equal(t, 200, r.StatusCode, r.Body)
			})
		}
		wg.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, e := range []*events{seen, told} {
			alerts := map[string]int{}
			for _, ev := range e.all {
				if ev.Type == run.BudgetAlert {
					alerts[fmt.Sprint(ev.Alert.Budget.Name, " ", ev.Alert.At)]++
				}
			}
			assert.Equal(t, map[string]int{"usd 0.5": 1, "usd 0.8": 1}, alerts)
		}
		assert.ElementsMatch(t, seen.IDs(), told.IDs())
	})
}

// Gates are told of as well, and what a gateway leaves that closes is told by others.
func TestApprovalsFromTheOutbox(t *testing.T) {
	a := of("chat")
	s, late := newOutboxStore(), &events{}
	gated(t, `{}`, sends(false, a.refunding(false, largeRefund)), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		l.Decide(true)
		require.Equal(t, 200, l.Post(a.path, a.declares(false)).StatusCode)
		synctest.Wait()
		require.NoError(t, l.Gateway.Close(t.Context()), "what waits is left to others")
		want := []run.EventType{run.RunStarted, run.ApprovalPending, run.ApprovalApproved}
		assert.Equal(t, want, l.Events.Types())
		newLocal(t, `{"name":"prod"}`, nil, func(cfg *gateway.Config) { cfg.Store, cfg.Notifiers = s, []notify.Notifier{tells(late)} })
		pass(time.Minute)
		synctest.Wait()
		assert.Equal(t, want, late.Types())
		assert.Equal(t, l.Events.IDs(), late.IDs())
	}, func(cfg *gateway.Config) {
		cfg.Store = s
		cfg.Notifiers = []notify.Notifier{notify.NotifierFunc(func(context.Context, *run.Event) error { return errors.New("busy") })}
	})
}

// A store that keeps no events leaves them to the memory of the process.
func TestNotifiersWithoutAnOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, told := memstore.New(memstore.Options{}), &events{}
		share := func(cfg *gateway.Config) { cfg.Store, cfg.Notifiers = s, []notify.Notifier{tells(told)} }
		gws := []*gateway.Gateway{newLocal(t, `{"name":"prod"}`, handled(spent(1)), coins, share), newLocal(t, `{"name":"prod"}`, handled(spent(1)), coins, share)}
		for i, gw := range gws {
			require.Equal(t, 200, serve(t, gw, &run.Ref{Agent: "alice", ID: fmt.Sprint(i)}, "POST", "/v1/chat/completions", ask(1)).StatusCode)
		}
		time.Sleep(time.Minute)
		assert.Equal(t, []run.EventType{run.RunStarted, run.RunStarted}, told.Types())
	})
}
