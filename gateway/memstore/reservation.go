package memstore

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// A reservation is leased. Once its lease has ended and it is charged, it has part
// in no bucket any more, and is kept until it is forgotten.
type reservation struct {
	lease[*reservation]
	id      budget.ID
	parts   []part
	holds   []hold
	charged bool
	barred  bool         // nothing was reserved, and is not any more
	free    *reservation // the next one that is free
}

type part struct {
	*bucket
	need int64
}

type hold struct {
	*slot
	need int64
}

// untake puts back what was taken for r, which is not kept.
func (r *reservation) untake(now time.Time) {
	for _, p := range r.parts {
		p.untake(p.need, now)
	}
}

// keep makes final what was taken for r.
func (r *reservation) keep(now time.Time) {
	for _, p := range r.parts {
		p.keep(p.need, now)
	}
}

// letGo ends the part that r has in buckets.
func (r *reservation) letGo() {
	for _, p := range r.parts {
		p.holders--
	}
	clear(r.parts)
	r.parts = r.parts[:0]
}

// settleParts corrects what was taken from buckets to what was used, unless the lease
// has ended.
func (r *reservation) settleParts(used []int64, now time.Time) {
	if !now.Before(r.until) {
		return
	}
	for i, p := range r.parts {
		p.correct(at(used, i)-p.need, now)
	}
}

// settle charges n for what the hold has reserved, or was charged with when its
// lease ended.
func (h hold) settle(n int64, charged bool) budget.Balance {
	if charged {
		h.spent = max(0, h.spent-h.need)
	} else {
		h.reserved -= h.need
	}
	counted := h.of.counted(h.number)
	before := balance(counted).Peak
	h.spent = add(h.spent, n)
	b := balance(counted)
	b.Before, b.Peak = before, max(before, b.Spent)
	newest := counted[len(counted)-1]
	newest.peak = max(newest.peak, b.Spent)
	return b
}

// end forgets a reservation, and the accounts that it leaves with nothing in
// them and that nothing else would drop.
func (l *ledger) end(r *reservation) {
	r.letGo()
	for _, h := range r.holds {
		h.holds--
		if h.holds == 0 && h.spent == 0 && h.peak == 0 && h.of.lasts() {
			l.accounts.drop(h.slot)
		}
	}
	delete(l.known, r.id)
	l.recycle(r)
}

func (l *ledger) newReservation() *reservation {
	r := l.free
	if r == nil {
		r = &reservation{}
	} else {
		l.free, r.free = r.free, nil
	}
	r.of = r
	return r
}

func (l *ledger) recycle(r *reservation) {
	clear(r.parts)
	clear(r.holds)
	*r = reservation{parts: r.parts[:0], holds: r.holds[:0], free: l.free}
	l.free = r
}
