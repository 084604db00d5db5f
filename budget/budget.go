package budget

import (
	"fmt"
	"math"
	"strconv"
)

// A Scope is what a budget is counted per.
type Scope string

// ScopeRun counts each run by itself.
const ScopeRun Scope = "run"

// A Unit is what a budget counts.
type Unit uint8

// The units of a budget.
const (
	USD    Unit = iota // picodollars, see Money
	Tokens             // input and output together, cached or not
)

// Format writes an amount of the unit: an exact decimal of dollars, or a number.
func (u Unit) Format(n int64) string {
	if u == USD {
		return Money(n).String()
	}
	return strconv.FormatInt(n, 10)
}

// The defaults of a Budget.
const (
	DefaultExpectedOutput = 1000 // tokens
	DefaultAlertAt        = 0.8
)

// A Budget limits what may be spent.
type Budget struct {
	Name  string // of the rule, as answers and events give it; unique within a policy
	Per   Scope
	Unit  Unit
	Limit int64 // in Unit; 0 means that nothing may be spent

	// AlertAt are shares of the limit, above 0 and up to 1, at which an alert is
	// raised. Nil is DefaultAlertAt; empty is none.
	AlertAt []float64

	// ExpectedOutput is how many output tokens of an answer are reserved for at
	// most, whatever more the call may ask for: answers are mostly shorter than
	// their limit. 0 is DefaultExpectedOutput.
	ExpectedOutput int64
}

// Validate reports what is wrong with b, and nil if nothing is.
func (b *Budget) Validate() error {
	switch {
	case b.Name == "":
		return fmt.Errorf("a budget needs a name")
	case b.Per != ScopeRun:
		return fmt.Errorf("budget %q: per %q is not known; use %q", b.Name, b.Per, ScopeRun)
	case b.Unit > Tokens:
		return fmt.Errorf("budget %q: unit %d is not known", b.Name, b.Unit)
	case b.Limit < 0:
		return fmt.Errorf("budget %q: the limit is negative", b.Name)
	case b.ExpectedOutput < 0:
		return fmt.Errorf("budget %q: the expected output is negative", b.Name)
	}
	for _, at := range b.AlertAt {
		if !(at > 0 && at <= 1) {
			return fmt.Errorf("budget %q: alert at %v: want a share above 0 and up to 1", b.Name, at)
		}
	}
	return nil
}

var defaultAlertAt = []float64{DefaultAlertAt}

// alerts are the shares at which an alert is raised.
func (b *Budget) alerts() []float64 {
	if b.AlertAt == nil {
		return defaultAlertAt
	}
	return b.AlertAt
}

// A Projection is what a call is expected to consume.
type Projection struct {
	Input     int64 // tokens
	MaxOutput int64 // tokens of one answer that the call allows; 0 if it sets no limit
	Choices   int64 // answers asked for; 0 is 1

	// Price prices the call. The zero Price makes it free of charge, but not of
	// tokens.
	Price Price
}

// Need is the room that the projected call needs in b: its input, and the
// output it asks for, but at most the output that b expects.
func (b *Budget) Need(p *Projection) int64 {
	out := b.ExpectedOutput
	if out == 0 {
		out = DefaultExpectedOutput
	}
	if p.MaxOutput > 0 {
		out = min(out, p.MaxOutput)
	}
	// Agents may ask for any number of choices: a product must not wrap round.
	out = min(out, math.MaxInt64/max(p.Choices, 1)) * max(p.Choices, 1)
	if b.Unit == Tokens {
		return addClamped(p.Input, out)
	}
	return int64(p.Price.Estimate(p.Input, out))
}
