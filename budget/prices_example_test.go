package budget_test

import (
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
)

func ExampleMoney() {
	perToken := 3 * budget.Dollar / 1_000_000 // three dollars for a million
	fmt.Println(perToken.Times(350))

	limit, err := budget.ParseMoney("1.03")
	fmt.Println(limit, err)
	// Output:
	// 0.00105
	// 1.03 <nil>
}

func ExamplePrices_Cost() {
	prices := budget.DefaultPrices()
	usage := &provider.Usage{
		Model:  "claude-sonnet-4-5-20250929",
		Tokens: provider.Tokens{Input: 1000, CacheRead: 10_000, Output: 300},
	}
	called := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	cost, err := prices.Cost(budget.Seller{Provider: "anthropic", Dialect: "anthropic"}, "claude-sonnet-4-5", usage, called)
	fmt.Println(cost, err)
	// Output: 0.0105 <nil>
}

func ExamplePrices_WithOverlay() {
	overlay, err := budget.ParseOverlay([]byte(`{"local": {"llama*": {"input": 0.05, "output": "0.10"}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	prices, err := budget.DefaultPrices().WithOverlay(overlay)
	if err != nil {
		fmt.Println(err)
		return
	}
	price, ok := prices.Lookup(budget.Seller{Provider: "local", Dialect: "openai"}, "llama3.1:8b", time.Now())
	fmt.Println(price.Estimate(1000, 500), ok)
	// Output: 0.0001 true
}
