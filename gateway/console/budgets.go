package console

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// budgets are those of a run.
type budgets struct {
	Unknown bool // the policy is not known any more at the run's revision, and so they are not
	Bars    []bar
}

// budgets tells how the budgets of a run stand.
func (c *Console) budgets(ctx context.Context, r *run.Run) (budgets, error) {
	standings, err := c.gw.Statement(ctx, r)
	if errors.Is(err, policy.ErrUnknown) { // which keeps nobody from deciding
		return budgets{Unknown: true}, nil
	}
	b := budgets{Bars: make([]bar, len(standings))}
	for i := range standings {
		b.Bars[i] = barOf(r, &standings[i])
	}
	return b, err
}

// A bar shows how a budget stands.
type bar struct {
	Rule     string
	Of       string // whose it is, such as "this run" or "user u-7, per day"
	Spent    string
	Reserved string // empty for nothing
	Limit    string
	Resets   time.Time // when it begins anew; zero is never

	// SpentWidth and ReservedWidth are shares of the limit in percent, together
	// 100 at most.
	SpentWidth, ReservedWidth float64
	Full                      bool // less than a tenth is left
}

// barOf shows a budget of r.
func barOf(r *run.Run, s *budget.Standing) bar {
	limit, spent, reserved := s.Budget.Limit, s.Balance.Spent, s.Balance.Reserved
	amount := func(n int64) string {
		if s.Budget.Unit == budget.USD {
			return "$" + budget.Money(n).String()
		}
		return fmt.Sprintf("%d tokens", n)
	}
	b := bar{Rule: s.Budget.Name, Of: string(s.Budget.Per), Spent: amount(spent), Limit: amount(limit), Resets: s.ResetsAt, SpentWidth: share(spent, limit)}
	switch id := s.Account.ID; {
	case s.Budget.Per == budget.ScopeRun && id == r.ID:
		b.Of = "this run"
	case id != "":
		b.Of += " " + id
	}
	if w := s.Budget.Window.String(); w != "" {
		b.Of += ", per " + w
	}
	if reserved > 0 {
		b.Reserved = amount(reserved)
		b.ReservedWidth = min(share(reserved, limit), 100-b.SpentWidth)
	}
	b.Full = b.SpentWidth+b.ReservedWidth > 90
	return b
}

// share is n of all in percent, 100 at most. Of nothing it is 100.
func share(n, all int64) float64 {
	if all <= 0 {
		return 100
	}
	return min(100*float64(n)/float64(all), 100)
}
