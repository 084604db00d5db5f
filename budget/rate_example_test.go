package budget_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

func ExampleLimiter() {
	ctx := context.Background()
	limiter := budget.Limiter{Rates: memstore.New(memstore.Options{})}
	rates := []budget.Rate{
		{Name: "rph", Per: budget.ScopeAgent, Requests: 10, Window: time.Hour},
		{Name: "parallel", Per: budget.ScopeRun, Concurrent: 4},
	}
	nightly := &budget.Subject{Team: "team:ops", Run: budget.Run{ID: "nightly"}, Agent: "researcher"}

	var first, second budget.Permit
	if err := limiter.Take(ctx, &first, nightly, rates, 600); err != nil {
		fmt.Println(err)
		return
	}
	if err := first.Correct(ctx, 650); err != nil { // the slot is free again
		fmt.Println(err)
		return
	}
	err := limiter.Take(ctx, &second, nightly, rates, 600)
	var limited *budget.RateLimitedError
	if errors.As(err, &limited) {
		fmt.Println(limited.Rate.Name, limited.RetryAfter.Round(time.Minute))
	}
	// Output:
	// rph 6m0s
}
