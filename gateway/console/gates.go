package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

const (
	mostPending  = 1000 // gates on the page of those that are pending
	mostDecided  = 100  // gates that are looked at for one page of the others
	gatesPerLook = 200
)

// pendingBody is what the page of pending gates shows: those that expire soonest
// first, as they are lost if nobody decides.
type pendingBody struct {
	Gates []run.Gate
	More  bool // than are shown
}

// live implements part.
func (b *pendingBody) live() any { return statesOf(b.Gates...) }

func (c *Console) showPending(q *request) error {
	gates, err := c.pending(q.r.Context())
	if err != nil {
		return err
	}
	b := pendingBody{Gates: gates, More: len(gates) == mostPending}
	return q.show(http.StatusOK, "pending", "Waiting for your decision", &b)
}

// pending returns the pending gates, the one that expires soonest first.
func (c *Console) pending(ctx context.Context) ([]run.Gate, error) {
	var all []run.Gate
	look := run.GateQuery{Status: run.GatePending, N: gatesPerLook}
	for len(all) < mostPending {
		found, err := c.gw.Gates().List(ctx, look)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) < look.N {
			break
		}
		look.Before = found[len(found)-1].ID
	}
	slices.SortStableFunc(all, sooner)
	return all, nil
}

// sooner compares gates by when they expire.
func sooner(a, b run.Gate) int { return a.Expires.Compare(b.Expires) }

// decidedBody is what the page of gates that are not pending shows, the one
// decided last first.
type decidedBody struct {
	Gates []run.Gate
	Next  string // the gate that older ones are found by; empty if there are none
}

// live implements part.
func (b *decidedBody) live() any { return statesOf(b.Gates...) }

func (c *Console) showDecided(q *request) error {
	look := run.GateQuery{Before: q.r.URL.Query().Get("before"), N: mostDecided}
	found, err := c.gw.Gates().List(q.r.Context(), look)
	if err != nil {
		return err
	}
	var b decidedBody
	if len(found) == look.N {
		b.Next = found[len(found)-1].ID
	}
	b.Gates = slices.DeleteFunc(found, func(g run.Gate) bool { return g.Status == run.GatePending })
	slices.SortStableFunc(b.Gates, func(x, y run.Gate) int {
		return cmp.Or(settled(&y).Compare(settled(&x)), cmp.Compare(y.ID, x.ID))
	})
	return q.show(http.StatusOK, "decided", "Decided gates", &b)
}

// settled is when a gate ceased to be pending, as far as that is known.
func settled(g *run.Gate) time.Time {
	switch {
	case !g.Decided.IsZero():
		return g.Decided
	case g.Status == run.GateExpired:
		return g.Expires
	}
	return g.Opened
}

// A gateState is all of a gate that changes, and what it is known by.
type gateState struct {
	ID      string
	Status  run.GateStatus
	Expires time.Time
	Decided time.Time
	Claimed bool
}

func statesOf(gates ...run.Gate) []gateState {
	all := make([]gateState, len(gates))
	for i := range gates {
		g := &gates[i]
		all[i] = gateState{g.ID, g.Status, g.Expires, g.Decided, claimed(g)}
	}
	return all
}

// claimed reports whether what was approved is under way.
func claimed(g *run.Gate) bool { return g.Status == run.GateApproved && time.Now().Before(g.Claimed) }
