package policy

import (
	"fmt"

	"github.com/rungate/rungate/budget"
)

// A Budget limits what may be spent, in dollars or in tokens: exactly one of the
// limits is given. See [budget.Budget].
type Budget struct {
	Name        string           `json:"name"`
	Per         budget.Scope     `json:"per"`
	LimitUSD    *budget.Money    `json:"limit_usd"`
	LimitTokens *int64           `json:"limit_tokens"`
	Window      budget.Window    `json:"window"`    // absent is for ever
	AlertAt     []float64        `json:"alert_at"`  // shares of the limit; absent is 0.8
	Admission   budget.Admission `json:"admission"` // empty is budget.Projected

	// ExpectedOutputTokens are reserved for an answer at most, where Admission is
	// budget.Projected; 0 is 1,000.
	ExpectedOutputTokens int64 `json:"expected_output_tokens"`
}

// validate calls bad for each thing that is wrong with b.
func (b *Budget) validate(bad complaint) {
	if b.Name == "" {
		bad(".name", "a budget needs a name")
	}
	for _, c := range []struct {
		field string
		err   error
	}{{".per", b.Per.Check()}, {".window", b.Window.Check()}, {".admission", b.Admission.Check()}} {
		if c.err != nil {
			bad(c.field, "%v", c.err)
		}
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
	c := budget.Budget{Name: b.Name, Per: b.Per, Window: b.Window, AlertAt: b.AlertAt, Admission: b.Admission, ExpectedOutput: b.ExpectedOutputTokens}
	if b.LimitTokens != nil {
		c.Unit, c.Limit = budget.Tokens, *b.LimitTokens
	} else {
		c.Limit = int64(*b.LimitUSD)
	}
	return c
}
