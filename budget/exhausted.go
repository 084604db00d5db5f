package budget

import (
	"errors"
	"fmt"
	"time"
)

// ErrExhausted says that a budget has no room for a call. What Reserve returns
// is an *[ExhaustedError], which matches it.
var ErrExhausted = errors.New("budget exhausted")

// An ExhaustedError says which budget has no room, and how it stands.
type ExhaustedError struct {
	Budget  Budget // with the limit that holds for the run, if it was raised
	Owner   Owner
	Balance Balance
	Need    int64 // in the budget's unit

	// ResetsAt is when what is spent now counts no more: at the end of the hour,
	// day, week or month, or as soon as enough of it has left a window that
	// rolls. It is zero if that is never, or gives no room.
	ResetsAt time.Time

	// AffordableOutput is how many tokens of output in each answer there would
	// still be room for, in a strict budget. It is -1 in others.
	AffordableOutput int64
}

func (e *ExhaustedError) Error() string {
	f := e.Budget.Unit.Format
	return fmt.Sprintf("budget %q has no room: %s spent and %s reserved of %s, %s needed",
		e.Budget.Name, f(e.Balance.Spent), f(e.Balance.Reserved), f(e.Budget.Limit), f(e.Need))
}

// Is makes the error match ErrExhausted.
func (e *ExhaustedError) Is(target error) bool { return target == ErrExhausted }

// TooLarge reports whether the call needs more than the whole budget: it is not
// for what was spent that there is no room.
func (e *ExhaustedError) TooLarge() bool { return e.Need > e.Budget.Limit }

// Final reports whether the budget would have no room either if nothing else
// were reserved in it, so that waiting does not help. What has a window is never
// final.
func (e *ExhaustedError) Final() bool {
	switch {
	case e.Budget.Window != Forever:
		return false
	case e.Budget.Admission == Spent:
		return e.Balance.Spent >= e.Budget.Limit
	}
	return addClamped(e.Balance.Spent, e.Need) > e.Budget.Limit
}

// exhausted makes the error of a shortage.
func exhausted(h *Hold, b *Budget, p *Projection, short *Shortage) *ExhaustedError {
	e := &ExhaustedError{Budget: *b, Owner: h.Owner, Balance: short.Balance, Need: h.Need, AffordableOutput: -1}
	e.Budget.Limit = h.Limit
	if short.Room > 0 {
		e.ResetsAt = b.Window.Start(short.Room)
	}
	if b.Admission == Strict {
		e.AffordableOutput = b.affordable(p, max(0, h.Limit-short.Balance.Spent)-short.Balance.Reserved)
	}
	return e
}
