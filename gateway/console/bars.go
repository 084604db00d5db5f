package console

import (
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

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

// bars shows the budgets of a run.
func bars(r *run.Run, standings []budget.Standing) []bar {
	all := make([]bar, len(standings))
	for i := range standings {
		s := &standings[i]
		b, bal := &s.Budget, &s.Balance
		amount := func(n int64) string {
			if b.Unit == budget.USD {
				return "$" + budget.Money(n).String()
			}
			return fmt.Sprintf("%d tokens", n)
		}
		all[i] = bar{Rule: b.Name, Of: string(b.Per), Spent: amount(bal.Spent), Limit: amount(b.Limit), Resets: s.ResetsAt}
		switch id := s.Account.ID; {
		case b.Per == budget.ScopeRun && id == r.ID:
			all[i].Of = "this run"
		case id != "":
			all[i].Of += " " + id
		}
		if w := b.Window.String(); w != "" {
			all[i].Of += ", per " + w
		}
		if bal.Reserved > 0 {
			all[i].Reserved = amount(bal.Reserved)
		}
		all[i].SpentWidth = share(bal.Spent, b.Limit)
		all[i].ReservedWidth = min(share(bal.Reserved, b.Limit), 100-all[i].SpentWidth)
		all[i].Full = all[i].SpentWidth+all[i].ReservedWidth > 90
	}
	return all
}

// share is n of all in percent, 100 at most. Of nothing it is 100.
func share(n, all int64) float64 {
	if all <= 0 {
		return 100
	}
	return min(100*float64(n)/float64(all), 100)
}
