package policy

import (
	"fmt"

	"github.com/rungate/rungate/budget"
)

// A Budget limits what a run may spend, in dollars or in tokens: exactly one of
// the limits is given.
type Budget struct {
	Name        string        `json:"name"`
	Per         budget.Scope  `json:"per"`
	LimitUSD    *budget.Money `json:"limit_usd"`
	LimitTokens *int64        `json:"limit_tokens"`
	AlertAt     []float64     `json:"alert_at"` // shares of the limit; absent is 0.8

	// ExpectedOutputTokens are reserved for an answer at most; 0 is 1,000.
	ExpectedOutputTokens int64 `json:"expected_output_tokens"`
}

// validate calls bad for each thing that is wrong with b.
func (b *Budget) validate(bad func(field, format string, args ...any)) {
	if b.Name == "" {
		bad(".name", "a budget needs a name")
	}
	if b.Per != budget.ScopeRun {
		bad(".per", "%q is not known; use %q", b.Per, budget.ScopeRun)
	}
	switch {
	case (b.LimitUSD == nil) == (b.LimitTokens == nil):
		bad("", "give one of limit_usd and limit_tokens")
	case b.LimitUSD != nil && *b.LimitUSD < 0:
		bad(".limit_usd", "is negative")
	case b.LimitTokens != nil && *b.LimitTokens < 0:
		bad(".limit_tokens", "is negative")
	}
	for i, at := range b.AlertAt {
		if !(at > 0 && at <= 1) {
			bad(fmt.Sprintf(".alert_at[%d]", i), "want a share above 0 and up to 1")
		}
	}
	if b.ExpectedOutputTokens < 0 {
		bad(".expected_output_tokens", "is negative")
	}
}

func (b *Budget) compile() budget.Budget {
	c := budget.Budget{Name: b.Name, Per: b.Per, AlertAt: b.AlertAt, ExpectedOutput: b.ExpectedOutputTokens}
	if b.LimitTokens != nil {
		c.Unit, c.Limit = budget.Tokens, *b.LimitTokens
	} else {
		c.Limit = int64(*b.LimitUSD)
	}
	return c
}
