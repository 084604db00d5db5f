package sqlstore

import (
	"math"

	"github.com/rungate/rungate/budget"
)

// A slot is what an account has in one slot of time.
type slot struct {
	number                int64
	spent, reserved, peak int64
	holds, due, until     int64
}

// balance is the sum of slots.
func balance(counted []slot) (b budget.Balance) {
	for i := range counted {
		s := &counted[i]
		b.Spent, b.Reserved = add(b.Spent, s.spent), add(b.Reserved, s.reserved)
		b.Peak = max(b.Peak, s.peak)
	}
	b.Before = b.Peak
	return b
}

// vacant is the slot at which a hold will fit in that does not now; 0 is never.
func vacant(h *budget.Hold, counted []slot) int64 {
	if h.Window == budget.Forever || !h.Fits(0, 0) {
		return 0
	}
	var spent, reserved int64
	for i := len(counted) - 1; i >= 0; i-- {
		s := &counted[i]
		spent, reserved = add(spent, s.spent), add(reserved, s.reserved)
		if !h.Fits(spent, reserved) {
			return s.number + h.Window.Slots()
		}
	}
	return 0
}

// add returns a+b, neither of which is negative, or the largest number.
func add(a, b int64) int64 {
	if s := a + b; s >= 0 {
		return s
	}
	return math.MaxInt64
}

// charge is how much one of several holds is charged, or one of several takes has
// used: nothing where there are none.
func charge(amounts []int64, i int) int64 {
	if len(amounts) == 0 {
		return 0
	}
	return max(0, amounts[i])
}
