package memstore

import (
	"container/heap"
	"math"
	"slices"
	"time"

	"github.com/rungate/rungate/budget"
)

// accounts are kept by owner. Who uses them holds the lock of the ledger.
type accounts struct {
	of    map[budget.Owner]*owner
	count int
	old   slotHeap // the slots that will leave their window
}

type owner struct {
	key      budget.Owner
	accounts []*account
	few      [2]*account // accounts, as long as there are no more
}

// An account is all slots of one budget of an owner.
type account struct {
	of     *owner
	name   string
	unit   budget.Unit
	window budget.Window
	slots  []*slot // by rising number

	// Most accounts have one slot: it stands here, so that it is found at once.
	first slot
	few   [1]*slot
}

type slot struct {
	of                    *account
	number                int64
	spent, reserved, peak int64
	holds                 int       // that may still be settled
	until                 time.Time // when it may be dropped
	at                    int       // in the heap; -1 if it is not there
}

// account returns an account with all its slots, and nil if it is not there.
func (o *owner) account(a *budget.Account) *account {
	if o == nil {
		return nil
	}
	for _, c := range o.accounts {
		if c.name == a.Budget && c.window == a.Window && c.unit == a.Unit {
			return c
		}
	}
	return nil
}

// open returns the slot of an account, made if it is not there. c is what
// account has returned.
func (x *accounts) open(a *budget.Account, c *account) *slot {
	if c == nil {
		o := x.of[a.Owner]
		if o == nil {
			o = &owner{key: a.Owner}
			o.accounts = o.few[:0]
			x.of[a.Owner] = o
		}
		c = &account{of: o, name: a.Budget, unit: a.Unit, window: a.Window}
		c.slots = c.few[:0]
		o.accounts = append(o.accounts, c)
		x.count++
	}
	i := len(c.slots)
	for i > 0 && c.slots[i-1].number > a.Slot {
		i--
	}
	if i > 0 && c.slots[i-1].number == a.Slot {
		return c.slots[i-1]
	}
	s := &c.first
	if s.of != nil {
		s = &slot{}
	}
	s.of, s.number, s.at = c, a.Slot, -1
	c.slots = slices.Insert(c.slots, i, s)
	if c.window != budget.Forever {
		s.until = c.window.Start(a.Slot + c.window.Slots()).Add(correctable)
		heap.Push(&x.old, s)
	}
	return s
}

// expire drops the slots that have left their window long ago.
func (x *accounts) expire(now time.Time) {
	for len(x.old) > 0 && !now.Before(x.old[0].until) {
		if s := x.old[0]; s.holds > 0 {
			s.until = now.Add(correctable)
			heap.Fix(&x.old, 0)
		} else {
			x.drop(s)
		}
	}
}

// drop drops a slot, and with the last one of an account that account.
func (x *accounts) drop(s *slot) {
	if s.at >= 0 {
		heap.Remove(&x.old, s.at)
	}
	c := s.of
	c.slots = slices.DeleteFunc(c.slots, func(o *slot) bool { return o == s })
	if len(c.slots) > 0 {
		return
	}
	o := c.of
	i := slices.Index(o.accounts, c)
	if i < 0 {
		return // forgotten
	}
	o.accounts = slices.Delete(o.accounts, i, i+1)
	x.count--
	if len(o.accounts) == 0 {
		delete(x.of, o.key)
	}
}

// forget drops all accounts of an owner.
func (x *accounts) forget(key budget.Owner) {
	o := x.of[key]
	if o == nil {
		return
	}
	delete(x.of, key)
	x.count -= len(o.accounts)
	for _, c := range o.accounts {
		for _, s := range c.slots {
			if s.at >= 0 {
				heap.Remove(&x.old, s.at)
			}
		}
	}
	o.accounts = nil
}

// lasts reports whether the account is kept for ever: it neither goes with a run
// nor has a window.
func (c *account) lasts() bool {
	return c.window == budget.Forever && c.of.key.Scope != budget.ScopeRun
}

// counted returns the slots that count as of a slot number.
func (c *account) counted(number int64) []*slot {
	if c == nil || len(c.slots) == 0 {
		return nil
	}
	if c.window <= budget.Forever {
		for i := len(c.slots) - 1; i >= 0; i-- {
			if c.slots[i].number == number {
				return c.slots[i : i+1]
			}
		}
		return nil
	}
	first := max(number, c.slots[len(c.slots)-1].number) - c.window.Slots() + 1
	i := len(c.slots)
	for i > 0 && c.slots[i-1].number >= first {
		i--
	}
	return c.slots[i:]
}

// balance is the sum of slots.
func balance(counted []*slot) (b budget.Balance) {
	for _, s := range counted {
		b.Spent, b.Reserved = add(b.Spent, s.spent), add(b.Reserved, s.reserved)
		b.Peak = max(b.Peak, s.peak)
	}
	b.Before = b.Peak
	return b
}

// vacant is the slot at which a hold will fit in that does not now; 0 is never.
func vacant(h *budget.Hold, counted []*slot) int64 {
	if h.Window == budget.Forever || !h.Fits(0, 0) {
		return 0
	}
	var spent, reserved int64
	for i := len(counted) - 1; i >= 0; i-- {
		s := counted[i]
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

// slotHeap has the slot first that may be dropped first.
type slotHeap []*slot

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h slotHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].at, h[j].at = i, j }

// Push implements heap.Interface.
func (h *slotHeap) Push(x any) {
	s := x.(*slot)
	s.at = len(*h)
	*h = append(*h, s)
}

// Pop implements heap.Interface.
func (h *slotHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h, s.at = (*h)[:last], -1
	return s
}
