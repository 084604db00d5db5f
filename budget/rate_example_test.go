package budget_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

func ExampleRate() {
	ctx := context.Background()
	keeper := budget.Keeper{Ledger: memstore.New(memstore.Options{})}
	claim := budget.Claim{
		Subject: &budget.Subject{Team: "team:ops", Run: budget.Run{ID: "nightly"}, Agent: "researcher"},
		Rates: []budget.Rate{
			{Name: "rph", Per: budget.ScopeAgent, Requests: 10, Window: time.Hour},
			{Name: "parallel", Per: budget.ScopeRun, Concurrent: 4},
		},
		Projection: &budget.Projection{Input: 600},
	}

	var first, second budget.Reservation
	if err := keeper.Reserve(ctx, &first, &claim); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := first.Settle(ctx, 0, 650, nil); err != nil { // the slot is free again
		fmt.Println(err)
		return
	}
	err := keeper.Reserve(ctx, &second, &claim)
	var limited *budget.RateLimitedError
	if errors.As(err, &limited) {
		fmt.Println(limited.Rate.Name, limited.RetryAfter.Round(time.Minute))
	}
	// Output:
	// rph 6m0s
}
