package budget

import (
	"fmt"
	"math"

	"github.com/rungate/rungate/provider"
)

// An Admission is how much room a call needs in a budget.
type Admission string

// The admissions.
const (
	// Projected is the estimate of the input and the output that the call asks
	// for, but at most the output that the budget expects. Calls at once see
	// each other. What is spent can go over the limit by what the calls under
	// way use beyond that.
	Projected Admission = "projected"

	// Strict is the dearest that the call can become. What is spent never goes
	// over the limit, however many calls there are at once. A call without a
	// bound is refused with an [UnboundedError].
	Strict Admission = "strict"

	// Spent is nothing: a call is refused only when the limit has been reached
	// by what is spent. Calls at once do not see each other, and one whose lease
	// ends is not charged.
	Spent Admission = "spent"
)

// Check reports an admission that is not known.
func (a Admission) Check() error {
	switch a {
	case "", Projected, Strict, Spent:
		return nil
	}
	return fmt.Errorf("%q is not known; use %q, %q or %q", a, Projected, Strict, Spent)
}

// A Projection is what a call is expected to consume, and the most that it can.
type Projection struct {
	Input     int64 // the estimate, in tokens
	MaxOutput int64 // tokens of one answer that the call allows; 0 if it sets no limit
	Choices   int64 // answers asked for; 0 is 1
	NoOutput  bool  // an answer has no tokens, such as one of embeddings

	// Price prices the call. The zero Price makes it free of charge, but not of
	// tokens.
	Price Price

	// The rest matters to Strict only.

	MaxInput    int64 // tokens of input that the call cannot be above; less than Input is not known
	ModelOutput int64 // the model's own limit of MaxOutput; 0 if it is not known
	Dearest     Price // of the dearest that the call can become, see [Price.Dearest]
	WebSearches int64 // that the call can make at most

	// Unbounded says why what the call can become has no bound, and what to do
	// about it; empty if it has one.
	Unbounded string
}

// An UnboundedError says that a strict budget cannot admit a call, since what
// the call can cost has no bound.
type UnboundedError struct {
	Budget Budget
	Reason string // with what to do about it
}

func (e *UnboundedError) Error() string {
	return fmt.Sprintf("budget %q is strict, and what the call can cost has no bound: %s", e.Budget.Name, e.Reason)
}

// Need is the room that the projected call needs in b. The error is an
// *[UnboundedError].
func (b *Budget) Need(p *Projection) (int64, error) {
	switch b.Admission {
	case Spent:
		return 0, nil
	case Strict:
		if reason := b.unbounded(p); reason != "" {
			return 0, &UnboundedError{Budget: *b, Reason: reason}
		}
		return b.most(p, p.outputLimit()), nil
	}
	expected := b.ExpectedOutput
	if expected == 0 {
		expected = DefaultExpectedOutput
	}
	if b.Unit == Tokens {
		return p.tokens(expected), nil
	}
	return int64(p.cost(expected)), nil
}

// Tokens is what the call is expected to consume: its input, and the output that
// it asks for, but at most DefaultExpectedOutput in each answer.
func (p *Projection) Tokens() int64 { return p.tokens(DefaultExpectedOutput) }

// Cost is what Tokens cost.
func (p *Projection) Cost() Money { return p.cost(DefaultExpectedOutput) }

func (p *Projection) tokens(expected int64) int64 {
	return addClamped(p.Input, p.allChoices(p.output(expected)))
}

func (p *Projection) cost(expected int64) Money {
	return p.Price.Estimate(p.Input, p.allChoices(p.output(expected)))
}

// output is what is expected of one answer, where that is so much of one without
// a limit.
func (p *Projection) output(expected int64) int64 {
	if p.NoOutput {
		return 0
	}
	if p.MaxOutput > 0 {
		return min(expected, p.MaxOutput)
	}
	return expected
}

// unbounded says why the need of a call has no bound in b; empty if it has one.
func (b *Budget) unbounded(p *Projection) string {
	switch {
	case p.Unbounded != "":
		return p.Unbounded
	case p.MaxInput < p.Input:
		return "no upper bound of its input is known; send the whole input in the call, as text"
	case p.outputLimit() == 0 && !p.NoOutput:
		return "it sets no limit to its output, and the model's own is not known; set max_tokens"
	case b.Unit == USD && p.Dearest.tariff == nil && p.Price.tariff != nil:
		return "the dearest price that it can be served at is not known; name one model that has a price"
	}
	return ""
}

// most is what the call can consume at most with so much output in each answer.
func (b *Budget) most(p *Projection, output int64) int64 {
	output = p.allChoices(output)
	if b.Unit == Tokens {
		return addClamped(p.MaxInput, output)
	}
	cost := p.Dearest.Cost(provider.Tokens{Input: p.MaxInput, Output: output})
	return int64(cost.Plus(p.Dearest.WebSearches(p.WebSearches, 0)))
}

// affordable is how many tokens of output in each answer of the call fit into
// room.
func (b *Budget) affordable(p *Projection, room int64) int64 {
	var fits int64
	for low, high := int64(1), p.outputLimit(); low <= high; {
		mid := low + (high-low)/2
		if b.most(p, mid) <= room {
			fits, low = mid, mid+1
		} else {
			high = mid - 1
		}
	}
	return fits
}

func (p *Projection) outputLimit() int64 {
	if p.NoOutput {
		return 0
	}
	if p.MaxOutput > 0 {
		return p.MaxOutput
	}
	return p.ModelOutput
}

// allChoices is the output of all answers. Agents may ask for any number of
// them: a product must not wrap round.
func (p *Projection) allChoices(output int64) int64 {
	n := max(p.Choices, 1)
	return min(output, math.MaxInt64/n) * n
}
