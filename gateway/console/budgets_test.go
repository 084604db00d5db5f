package console

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

func TestBar(t *testing.T) {
	dollars := func(n int64) int64 { return n * int64(budget.Dollar) }
	r := &run.Run{Key: run.Key{ID: "nightly"}}
	for name, c := range map[string]struct {
		standing budget.Standing
		want     bar
	}{
		"of the run": {
			budget.Standing{Budget: budget.Budget{Name: "usd", Per: budget.ScopeRun, Limit: dollars(4)},
				Account: budget.Account{Owner: budget.Owner{ID: "nightly"}}, Balance: budget.Balance{Spent: dollars(1), Reserved: dollars(1)}},
			bar{Rule: "usd", Of: "this run", Spent: "$1.00", Reserved: "$1.00", Limit: "$4.00", SpentWidth: 25, ReservedWidth: 25},
		},
		"of a run above it": {
			budget.Standing{Budget: budget.Budget{Name: "usd", Per: budget.ScopeRun, Limit: dollars(4)}, Account: budget.Account{Owner: budget.Owner{ID: "parent"}}},
			bar{Rule: "usd", Of: "run parent", Spent: "$0.00", Limit: "$4.00"},
		},
		"of a user, in tokens": {
			budget.Standing{Budget: budget.Budget{Name: "tokens", Per: budget.ScopeUser, Unit: budget.Tokens, Limit: 100, Window: budget.Day},
				Account: budget.Account{Owner: budget.Owner{ID: "u-7"}}, Balance: budget.Balance{Spent: 95}},
			bar{Rule: "tokens", Of: "user u-7, per day", Spent: "95 tokens", Limit: "100 tokens", SpentWidth: 95, Full: true},
		},
		"more than all": {
			budget.Standing{Budget: budget.Budget{Name: "usd", Per: budget.ScopeTeam, Limit: dollars(1)}, Balance: budget.Balance{Spent: dollars(3), Reserved: dollars(1)}},
			bar{Rule: "usd", Of: "team", Spent: "$3.00", Reserved: "$1.00", Limit: "$1.00", SpentWidth: 100, Full: true},
		},
		"of nothing": {
			budget.Standing{Budget: budget.Budget{Name: "none", Per: budget.ScopeTeam}},
			bar{Rule: "none", Of: "team", Spent: "$0.00", Limit: "$0.00", SpentWidth: 100, Full: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, barOf(r, &c.standing))
		})
	}
}
