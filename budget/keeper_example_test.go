package budget_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

func ExampleKeeper() {
	ctx := context.Background()
	keeper := budget.Keeper{Ledger: memstore.New(memstore.Options{})}
	budgets := []budget.Budget{{Name: "tokens", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 2000}}
	nightly := &budget.Subject{Team: "team:ops", Run: budget.Run{ID: "nightly"}}

	var first, second budget.Reservation
	if err := keeper.Reserve(ctx, &first, &budget.Claim{Subject: nightly, Budgets: budgets, Projection: &budget.Projection{Input: 600}}); err != nil {
		fmt.Println(err)
		return
	}
	err := keeper.Reserve(ctx, &second, &budget.Claim{Subject: nightly, Budgets: budgets, Projection: &budget.Projection{Input: 600}})
	fmt.Println(err, errors.Is(err, budget.ErrExhausted))

	if _, err := first.Settle(ctx, 0, 650, nil); err != nil { // most of the room was not used
		fmt.Println(err)
		return
	}
	_, left := first.Left()
	fmt.Println(left, "left")
	// Output:
	// budget "tokens" has no room: 0 spent and 1600 reserved of 2000, 1600 needed true
	// 1350 left
}
