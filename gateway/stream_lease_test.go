package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// tenMinutes is the stream of an API, which takes so long and is never silent for more
// than one of them.
func tenMinutes(a *api) timed {
	long := timed{{0, a.events[0]}}
	for i := range 10 {
		long = append(long, moment{time.Duration(i+1) * time.Minute, a.events[2]})
	}
	return append(long, moment{10 * time.Minute, strings.Join(a.events[3:], "")})
}

// A reservation lives as long as its call, and no longer than its lease without
// it.
func TestLease(t *testing.T) {
	a := of("messages")
	long := tenMinutes(a)

	t.Run("a stream of ten minutes keeps its reservation", func(t *testing.T) {
		inBubble(t, long.answer, func(t *testing.T, l *lab) {
			resp := l.Open(t.Context(), a.path, a.call)
			go io.Copy(io.Discard, resp.Body)
			for range 9 {
				pass(time.Minute)
				assert.Positive(t, l.Dollars().Reserved)
				assert.Zero(t, l.Dollars().Spent)
			}
			pass(2 * time.Minute)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("so does a call that waits for its answer", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			pass(9 * time.Minute)
			whole(claudeAnswer)(w, r)
		}, func(t *testing.T, l *lab) {
			go l.Post("/v1/messages", claudeCall)
			pass(8 * time.Minute)
			assert.Positive(t, l.Dollars().Reserved)
			assert.Zero(t, l.Dollars().Spent)
			pass(2 * time.Minute)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("so does a long answer, whose rest a call within the process leaves to a goroutine of its own", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, strings.Repeat(" ", 100<<10))
			flush(w)
			pass(3 * time.Minute)
			io.WriteString(w, claudeAnswer)
		}, func(t *testing.T, l *lab) {
			l.Agent = &inproc.Transport{Handler: l.Gateway, Inline: true}
			go l.Post("/v1/messages", claudeCall)
			pass(2 * time.Minute)
			assert.Positive(t, l.Dollars().Reserved)
			assert.Zero(t, l.Dollars().Spent)
			pass(2 * time.Minute)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("an answer begins just when the lease is renewed", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			pass(20 * time.Second)
			a.answer()(w, r)
		}, func(t *testing.T, l *lab) {
			for range 50 {
				go l.Post(a.path, a.call)
			}
			pass(time.Minute)
			assert.EqualValues(t, 50, l.Run().Steps)
		})
	})
	t.Run("where it cannot be renewed, it is charged in full and corrected at the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store := memstore.New(memstore.Options{})
			l := newLab(t, &inproc.Transport{Handler: http.HandlerFunc(long.answer)}, func(cfg *gateway.Config) {
				cfg.Store = struct {
					run.Journal
					run.GateJournal
					budget.Ledger
				}{store, store, forgetful{store}}
			})
			l.Store = store
			resp := l.Open(t.Context(), a.path, a.call)
			go io.Copy(io.Discard, resp.Body)
			pass(30 * time.Second)
			reserved := l.Dollars().Reserved
			assert.Positive(t, reserved)
			pass(time.Minute)
			assert.Equal(t, reserved, l.Dollars().Spent, "nobody knows whether the holder lives")
			assert.Zero(t, l.Dollars().Reserved)
			assert.Contains(t, l.Logged(), "lease of a reservation not renewed")
			pass(20 * time.Minute)
			l.assertSettled(usd(t, a.cost))
		})
	})
}

// A call of a tool comes, and stops the run, just when the lease cannot be
// renewed, which is logged. The race detector says whether one disturbs the
// other.
func TestLeaseWhenTheRunIsBlocked(t *testing.T) {
	const document = `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"100"}],
		"rules":[{"name":"no-shell","tool":"shell","then":"block"}]}`
	a := of("chat")
	shell := timed{{0, a.events[0]},
		{20 * time.Second, chunk(`[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"shell","arguments":"{}"}}]},"finish_reason":null}]`, "null") +
			chunk(`[{"index":0,"delta":{},"finish_reason":"tool_calls"}]`, "null")},
		{30 * time.Second, chunk(`[]`, chatUsage) + done}}
	setPolicies, _ := policies(t, document)
	for range 20 {
		inBubble(t, shell.answer, func(t *testing.T, l *lab) {
			l.Post(a.path, a.call)
			assert.Equal(t, run.Blocked, l.Run().Status)
			assert.Contains(t, l.Logged(), `msg="lease of a reservation not renewed" run=r `)
		}, setPolicies, func(cfg *gateway.Config) {
			store := cfg.Store.(*memstore.Store)
			cfg.Store = struct {
				run.Journal
				run.GateJournal
				budget.Ledger
			}{store, store, forgetful{store}}
		})
	}
}

// forgetful is a ledger that cannot renew.
type forgetful struct{ budget.Ledger }

func (forgetful) Renew(context.Context, budget.ID, *budget.Demand, time.Duration) error {
	return fmt.Errorf("renew: %w", errors.ErrUnsupported)
}

// slow is a ledger that takes so long to renew.
type slow struct {
	budget.Ledger
	by time.Duration
}

func (s slow) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) error {
	pass(s.by)
	return s.Ledger.Renew(ctx, id, d, lease)
}
