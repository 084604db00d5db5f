package budget

import (
	"errors"
	"fmt"
	"strconv"
)

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
	Name   string // of the rule, as answers and events give it; unique within a policy
	Per    Scope
	Unit   Unit
	Limit  int64  // in Unit; 0 means that nothing may be spent
	Window Window // over which it counts; zero is for ever

	// AlertAt are shares of the limit, above 0 and up to 1, at which an alert is
	// raised, each once in an account and window. Nil is DefaultAlertAt; empty
	// is none.
	AlertAt []float64

	// Admission is how much room a call needs. Empty is Projected.
	Admission Admission

	// ExpectedOutput is how many output tokens of an answer are reserved for at
	// most, whatever more the call may ask for: answers are mostly shorter than
	// their limit. 0 is DefaultExpectedOutput. It matters to Projected only.
	ExpectedOutput int64
}

// Validate reports what is wrong with b, and nil if nothing is.
func (b *Budget) Validate() error {
	if b.Name == "" {
		return errors.New("a budget needs a name")
	}
	if err := b.Per.Check(); err != nil {
		return fmt.Errorf("budget %q: per %w", b.Name, err)
	}
	if err := b.Window.Check(); err != nil {
		return fmt.Errorf("budget %q: %w", b.Name, err)
	}
	if err := b.Admission.Check(); err != nil {
		return fmt.Errorf("budget %q: admission %w", b.Name, err)
	}
	switch {
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
