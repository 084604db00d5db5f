package budget

import (
	"context"
	"math"
	"math/bits"
	"slices"
	"time"
)

// A Reservation is what was taken for one call, from rates and in budgets. It has
// to be given back by Settle or Release, whichever comes first; what comes later
// does nothing. The zero Reservation, and one for a call without budgets and
// rates, holds nothing. A Reservation is for one goroutine, except that Renew may
// be called beside the others; it must not be copied.
type Reservation struct {
	k       *Keeper
	id      ID
	demand  Demand
	rates   []*Rate   // of each take
	budgets []*Budget // of each hold
	done    bool
	ending  *Settlement // how it was last tried to end it; nil is with nothing used
	after   []Balance   // of each hold, once done

	// Most calls have no more holds than this: no memory is taken for them.
	few struct {
		takes      [4]Take
		holds      [4]Hold
		balances   [4]Balance
		rates      [4]*Rate
		budgets    [4]*Budget
		used       [4]int64
		charges    [4]int64
		settlement Settlement
	}
}

// project finds the holds that a call needs now. Without a projection they need
// nothing.
func (r *Reservation) project(s *Subject, budgets []Budget, p *Projection) error {
	var at time.Time // not asked for where no window depends on it
	n := 0
	count := func(budgets []Budget) {
		for i := range budgets {
			n += len(s.tags(budgets[i].Per))
			if at.IsZero() && budgets[i].Window != Forever {
				at = time.Now()
			}
		}
	}
	count(budgets)
	for i := range s.Ancestors {
		count(s.Ancestors[i].Budgets)
	}
	r.demand.Holds, r.budgets = sized(r.few.holds[:0], n), sized(r.few.budgets[:0], n)
	for i := range budgets {
		if err := r.add(s, &s.Run, &budgets[i], p, at); err != nil {
			return err
		}
	}
	for i := range s.Ancestors {
		a := &s.Ancestors[i]
		for j := range a.Budgets {
			if b := &a.Budgets[j]; b.Per == ScopeRun {
				if err := r.add(s, &a.Run, b, p, at); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// takeFrom finds the takes of a call of so many tokens.
func (r *Reservation) takeFrom(s *Subject, rates []Rate, tokens int64) {
	n := 0
	for i := range rates {
		n += len(s.tags(rates[i].Per))
	}
	r.demand.Takes, r.rates = sized(r.few.takes[:0], n), sized(r.few.rates[:0], n)
	for i := range rates {
		t := rates[i].take(tokens)
		tags := s.tags(rates[i].Per)
		for j, tag := range tags {
			var applies bool
			if t.Owner, applies = s.owner(rates[i].Per, &s.Run, tag); applies && !slices.Contains(tags[:j], tag) {
				r.demand.Takes, r.rates = append(r.demand.Takes, t), append(r.rates, &rates[i])
			}
		}
	}
}

// sized returns few, or an empty slice with room for n where few has none.
func sized[T any](few []T, n int) []T {
	if n > cap(few) {
		return make([]T, 0, n)
	}
	return few
}

// add adds a hold for each account that a budget has for the call.
func (r *Reservation) add(s *Subject, run *Run, b *Budget, p *Projection, at time.Time) error {
	h := Hold{
		Account:   Account{Budget: b.Name, Unit: b.Unit, Window: b.Window, Slot: b.Window.Slot(at)},
		Limit:     b.Limit,
		SpentOnly: b.Admission == Spent,
	}
	if b.Per == ScopeRun {
		if raised, ok := run.Raised[b.Name]; ok {
			h.Limit = raised
		}
	}
	if p != nil {
		var err error
		if h.Need, err = b.Need(p); err != nil {
			return err
		}
	}
	tags := s.tags(b.Per)
	for i, tag := range tags {
		var applies bool
		if h.Owner, applies = s.owner(b.Per, run, tag); applies && !slices.Contains(tags[:i], tag) {
			r.demand.Holds, r.budgets = append(r.demand.Holds, h), append(r.budgets, b)
		}
	}
	return nil
}

// Most returns the most that strict budgets hold for the call: dollars, and
// tokens. Each is 0 where there is no such budget.
func (r *Reservation) Most() (dollars Money, tokens int64) {
	for i, b := range r.budgets {
		switch need := r.demand.Holds[i].Need; {
		case b.Admission != Strict:
		case b.Unit == Tokens:
			tokens = max(tokens, need)
		default:
			dollars = max(dollars, Money(need))
		}
	}
	return dollars, tokens
}

// Held reports whether r holds anything that is still to be given back.
func (r *Reservation) Held() bool { return r.k != nil && !r.done }

// Renew keeps the reservation alive for another lease. The holder calls it
// before the lease ends, as long as the call lives.
func (r *Reservation) Renew(ctx context.Context) error {
	if r.k == nil {
		return nil
	}
	return r.k.Ledger.Renew(ctx, r.id, &r.demand, r.k.lease())
}

// Settle gives back what was taken and charges what the call has really cost: so
// much money, so many tokens. It returns the alerts that this raised; note, where
// not nil, makes what a ledger keeps of an alert to tell, see [Line]. If it fails,
// the reservation is still held and Settle may be called again.
func (r *Reservation) Settle(ctx context.Context, cost Money, tokens int64, note func(*Alert) []byte) ([]Alert, error) {
	if !r.Held() {
		return nil, nil
	}
	s := &r.few.settlement
	*s = Settlement{Used: sized(r.few.used[:0], len(r.rates)), Charges: sized(r.few.charges[:0], len(r.budgets))}
	for i := range r.demand.Takes {
		if t := &r.demand.Takes[i]; t.Of == InTokens {
			s.Used = append(s.Used, max(0, tokens))
		} else {
			s.Used = append(s.Used, t.Need)
		}
	}
	for i, b := range r.budgets {
		if b.Unit == Tokens {
			s.Charges = append(s.Charges, tokens)
		} else {
			s.Charges = append(s.Charges, int64(cost))
		}
		if note == nil {
			continue
		}
		for _, at := range b.alerts() {
			a := r.alert(i, at)
			s.Lines = append(s.Lines, Line{Hold: i, At: threshold(a.Budget.Limit, at), Note: note(&a)})
		}
	}
	return r.end(ctx, s)
}

// Release gives everything back for a call that was not made: it does not count.
func (r *Reservation) Release(ctx context.Context) error {
	if !r.Held() {
		return nil
	}
	_, err := r.end(ctx, nil)
	return err
}

// Again tries once more what Settle or Release could not do. Of a reservation that
// neither was tried of, it gives everything back.
func (r *Reservation) Again(ctx context.Context) ([]Alert, error) {
	if !r.Held() {
		return nil, nil
	}
	return r.end(ctx, r.ending)
}

// Move returns what r holds, which is to be ended by Again some other time; r holds
// nothing from then on.
func (r *Reservation) Move() *Reservation {
	m := &Reservation{k: r.k, id: r.id, done: r.done, rates: slices.Clone(r.rates), budgets: slices.Clone(r.budgets)}
	m.demand.Takes, m.demand.Holds = slices.Clone(r.demand.Takes), slices.Clone(r.demand.Holds)
	if s := r.ending; s != nil {
		m.ending = &Settlement{slices.Clone(s.Used), slices.Clone(s.Charges), slices.Clone(s.Lines)}
	}
	r.done = true
	return m
}

func (r *Reservation) end(ctx context.Context, s *Settlement) ([]Alert, error) {
	r.ending = s
	balances, err := r.k.Ledger.Settle(ctx, r.id, &r.demand, s, sized(r.few.balances[:0], len(r.budgets)))
	if err != nil {
		return nil, err
	}
	r.done, r.after = true, balances
	var raised []Alert
	for i := range balances {
		b, bal := r.budgets[i], &balances[i]
		for _, at := range b.alerts() {
			if line := threshold(r.demand.Holds[i].Limit, at); bal.Before < line && bal.Peak >= line {
				a := r.alert(i, at)
				a.Spent = bal.Spent
				raised = append(raised, a)
			}
		}
	}
	return raised, nil
}

// alert is one in the account of a hold, without what is spent there.
func (r *Reservation) alert(hold int, at float64) Alert {
	h := &r.demand.Holds[hold]
	a := Alert{Budget: *r.budgets[hold], Account: h.Account, At: at}
	a.Budget.Limit = h.Limit
	return a
}

// Left is the least that the reservation's budgets have left after it was
// settled: dollars, and tokens. Each is -1 where no budget limits it or the
// reservation is not settled.
func (r *Reservation) Left() (dollars Money, tokens int64) {
	dollars, tokens = -1, -1
	for i := range r.after {
		b, bal := r.budgets[i], &r.after[i]
		left := max(0, max(0, r.demand.Holds[i].Limit-bal.Spent)-bal.Reserved)
		switch {
		case b.Unit == USD && (dollars < 0 || Money(left) < dollars):
			dollars = Money(left)
		case b.Unit == Tokens && (tokens < 0 || left < tokens):
			tokens = left
		}
	}
	return dollars, tokens
}

// An Alert says that spending has passed a share of a budget. There is one for
// each share in each account and window; in a window that rolls, one for as long
// as the spending that raised it counts.
type Alert struct {
	Budget  Budget // with the limit that holds for the run, if it was raised
	Account Account
	At      float64 // the share
	Spent   int64   // in the budget's unit
}

// threshold is the least amount that is at least the share of limit. The share
// is taken to a millionth, so that 0.1 of 70 is 7, as it is in decimals. At
// least one, since nothing spent is nothing to raise an alert for.
func threshold(limit int64, share float64) int64 {
	const parts = 1_000_000
	if !(share > 0 && share < 1) {
		return max(1, limit)
	}
	hi, lo := bits.Mul64(uint64(limit), uint64(math.Round(share*parts)))
	line, rest := bits.Div64(hi, lo, parts)
	if rest > 0 {
		line++
	}
	return max(1, int64(line))
}
