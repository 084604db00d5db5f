package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

func (l *ledger) reserveSQLite(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (short budget.Shortage, ok bool, err error) {
	err = l.write(ctx, func(t *tx) error {
		r := reserving{tx: t, id: id, d: d, now: time.Now().UnixNano()}
		r.until = r.now + int64(lease)
		short, ok, err = r.reserve()
		return err
	})
	if err != nil {
		return budget.Shortage{}, false, fmt.Errorf("sqlstore: Reserve: %w", err)
	}
	return short, ok, nil
}

// reserving is a reservation under way.
type reserving struct {
	*tx
	id         budget.ID
	d          *budget.Demand
	now, until int64
	buckets    []bucket // of each take
	accounts   []rowKey // of each hold
	counted    [][]slot // in each account
	fresh      int      // rows that were not there
}

func (r *reserving) reserve() (short budget.Shortage, ok bool, err error) {
	if err := r.load(); err != nil {
		return short, false, err
	}
	if known, err := r.known(); known || err != nil {
		return short, known, err
	}
	short = budget.Shortage{Take: -1, Hold: -1}
	for i := range r.d.Takes {
		if wait := r.buckets[i].take(&r.d.Takes[i], r.now); wait > short.After {
			short.Take, short.After = i, wait
		}
	}
	if short.Take >= 0 {
		return short, false, nil
	}
	for i := range r.d.Holds {
		h := &r.d.Holds[i]
		if b := balance(r.counted[i]); !h.Fits(b.Spent, b.Reserved) {
			return budget.Shortage{Take: -1, Hold: i, Balance: b, Room: vacant(h, r.counted[i])}, false, nil
		}
	}
	return budget.Shortage{}, true, r.save()
}

// load reads what the demand is about, after the leases in it have ended that are due.
func (r *reserving) load() error {
	for i := range r.d.Takes {
		b, err := r.presentBucket(bucketKey(&r.d.Takes[i]), r.now)
		if err != nil {
			return err
		}
		r.buckets = append(r.buckets, b)
	}
	for i := range r.d.Holds {
		h := &r.d.Holds[i]
		k := accountKey(&h.Account)
		counted, err := r.present(k, h.Slot, spanOf(&h.Account), r.now)
		if err != nil {
			return err
		}
		r.accounts, r.counted = append(r.accounts, k), append(r.counted, counted)
	}
	return nil
}

func (r *reserving) known() (known bool, err error) {
	if len(r.d.Takes) == 0 && len(r.d.Holds) == 0 {
		return false, nil
	}
	err = r.row("SELECT EXISTS (SELECT 1 FROM rungate_parts WHERE id = $1) OR EXISTS (SELECT 1 FROM rungate_settled WHERE id = $1)", r.id[:]).Scan(&known)
	return known, err
}

// save writes down what was taken.
func (r *reserving) save() error {
	for i := range r.buckets {
		b := &r.buckets[i]
		if !b.there {
			r.fresh++
			b.due = math.MaxInt64
		}
		b.due = min(b.due, r.until)
		if err := r.keep(b); err != nil {
			return err
		}
	}
	for i := range r.d.Holds {
		if err := r.hold(i); err != nil {
			return err
		}
	}
	if err := r.saveParts(); err != nil {
		return err
	}
	if r.fresh > 0 {
		if err := r.tidy(4*r.fresh, r.now); err != nil {
			return err
		}
	}
	if r.d.Record != nil {
		return r.append(r.d.Record)
	}
	return nil
}

// hold takes the room of a hold.
func (r *reserving) hold(i int) error {
	h, k := &r.d.Holds[i], r.accounts[i]
	for _, s := range r.counted[i] {
		if s.number == h.Slot {
			_, err := r.exec("UPDATE rungate_slots SET reserved = ?, holds = ?, due = ? WHERE key = ? AND slot = ?",
				s.reserved+h.Need, s.holds+1, min(s.due, r.until), k[:], h.Slot)
			return err
		}
	}
	// It is not there, or has left the window of what is newer.
	o := ownerKey(&h.Owner)
	r.fresh++
	_, err := r.exec(`INSERT INTO rungate_slots (key, slot, spent, reserved, peak, holds, due, until, owner, account) VALUES ($1, $2, 0, $3, 0, 1, $4, $5, $6, $7)
		ON CONFLICT (key, slot) DO UPDATE SET reserved = reserved + $3, holds = holds + 1, due = min(due, $4)`,
		k[:], h.Slot, h.Need, r.until, droppable(&h.Account), o[:], accountName(&h.Account))
	return err
}

// saveParts writes down who has taken that.
func (r *reserving) saveParts() error {
	n := len(r.buckets) + len(r.accounts)
	if n == 0 {
		return nil
	}
	var args []any
	for i := range r.buckets {
		args = append(args, r.id[:], -1-i, len(r.accounts), r.buckets[i].key[:], nil, 0, r.d.Takes[i].Need, r.until)
	}
	for i := range r.accounts {
		h := &r.d.Holds[i]
		args = append(args, r.id[:], i, len(r.accounts), r.accounts[i][:], h.Slot, spanOf(&h.Account), h.Need, r.until)
	}
	_, err := r.exec("INSERT INTO rungate_parts (id, n, holds, key, slot, span, need, until) VALUES "+
		strings.Repeat(", (?, ?, ?, ?, ?, ?, ?, ?)", n)[2:], args...)
	return err
}

// spanOf is how many slots of an account count together, 0 where its window does not
// roll.
func spanOf(a *budget.Account) int64 {
	if rolls(a) {
		return a.Window.Slots()
	}
	return 0
}

func (l *ledger) renewSQLite(ctx context.Context, id budget.ID, lease time.Duration) error {
	err := l.write(ctx, func(t *tx) error {
		now := time.Now().UnixNano()
		parts, err := t.parts(id, now)
		if err != nil || len(parts) == 0 {
			return err
		}
		for i := range parts {
			if parts[i].charged {
				return nil
			}
		}
		until := now + int64(lease)
		if _, err := t.exec("UPDATE rungate_parts SET until = ? WHERE id = ?", until, id[:]); err != nil {
			return err
		}
		for i := range parts { // the lease may be shorter than it was
			p := &parts[i]
			if _, err := t.exec(dueOf(p), until, p.key[:], p.slot); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("sqlstore: Renew: %w", err)
	}
	return nil
}

func dueOf(p *part) string {
	if p.n < 0 {
		return "UPDATE rungate_buckets SET due = min(due, $1) WHERE key = $2 AND $3 IS NULL"
	}
	return "UPDATE rungate_slots SET due = min(due, ?) WHERE key = ? AND slot = ?"
}

func (l *ledger) settleSQLite(ctx context.Context, id budget.ID, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	got := dst
	err := l.write(ctx, func(t *tx) (err error) {
		got, err = t.settle(id, s, dst)
		return err
	})
	if err != nil {
		return dst, fmt.Errorf("sqlstore: Settle: %w", err)
	}
	return got, nil
}

func (t *tx) settle(id budget.ID, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	now := time.Now().UnixNano()
	parts, err := t.parts(id, now)
	if err != nil {
		return dst, err
	}
	holds := 0
	for i := range parts {
		if parts[i].n >= 0 {
			holds++
		}
	}
	if len(parts) == 0 {
		return dst, t.bar(id, now)
	}
	if holds > 0 && holds != parts[0].holds {
		return dst, nil // some of it is known no more
	}
	for i := range parts {
		p := &parts[i]
		if p.n < 0 {
			b, err := t.presentBucket(p.key, now)
			if err != nil {
				return dst, err
			}
			b.settle(p.need, charge(s.Used, -1-p.n), now)
			if err := t.keep(&b); err != nil {
				return dst, err
			}
			continue
		}
		b, err := t.settleHold(p, charge(s.Charges, p.n), now)
		if err != nil {
			return dst, err
		}
		if err := t.tellLines(s, p.n, &b, now); err != nil {
			return dst, err
		}
		dst = append(dst, b)
	}
	if _, err := t.exec("DELETE FROM rungate_parts WHERE id = ?", id[:]); err != nil {
		return dst, err
	}
	return dst, t.bar(id, now)
}

// settleHold charges n for what a hold has reserved, or was charged with when its
// lease ended.
func (t *tx) settleHold(p *part, n, now int64) (b budget.Balance, err error) {
	if p.forgotten {
		return b, nil
	}
	counted, err := t.present(p.key, *p.slot, p.span, now)
	if err != nil {
		return b, err
	}
	s, err := t.slotOf(p, counted)
	if err != nil {
		return b, err
	}
	if p.charged {
		s.spent = max(0, s.spent-p.need)
	} else {
		s.reserved -= p.need
	}
	s.spent = add(s.spent, n)
	b = balance(counted)
	b.Peak = max(b.Before, b.Spent)
	newest := &counted[len(counted)-1]
	newest.peak = max(newest.peak, b.Spent)
	if s.until == 0 && s.holds == 1 && s.spent == 0 && s.peak == 0 {
		_, err = t.exec("DELETE FROM rungate_slots WHERE key = ? AND slot = ?", p.key[:], p.slot)
		return b, err
	}
	if _, err := t.exec("UPDATE rungate_slots SET spent = ?, reserved = ?, peak = ?, holds = holds - 1 WHERE key = ? AND slot = ?",
		s.spent, s.reserved, s.peak, p.key[:], p.slot); err != nil || newest.number == *p.slot {
		return b, err
	}
	_, err = t.exec("UPDATE rungate_slots SET peak = ? WHERE key = ? AND slot = ?", newest.peak, p.key[:], newest.number)
	return b, err
}

// slotOf returns the slot of a hold: one of those that count, unless it has left the
// window by now.
func (t *tx) slotOf(p *part, counted []slot) (*slot, error) {
	for i := range counted {
		if counted[i].number == *p.slot {
			return &counted[i], nil
		}
	}
	old, err := t.counting(p.key, *p.slot, 0)
	if err != nil {
		return nil, err
	}
	if len(old) == 0 {
		return nil, fmt.Errorf("slot %d of an account is missing, in which there is a hold", *p.slot)
	}
	return &old[0], nil
}

// tellLines keeps for subscribers what is to be told of the lines that a settlement
// has passed in an account.
func (t *tx) tellLines(s *budget.Settlement, hold int, b *budget.Balance, now int64) error {
	for i := range s.Lines {
		x := &s.Lines[i]
		if x.Hold != hold || b.Before >= x.At || b.Peak < x.At {
			continue
		}
		var about struct{ Run run.Key }
		if err := json.Unmarshal(x.Note, &about); err != nil {
			return fmt.Errorf("the note of an alert at %d: %w", x.At, err)
		}
		if err := t.tellText(about.Run, run.BudgetAlert, x.Note, now, &b.Spent); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) balancesSQLite(ctx context.Context, accounts []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	got := dst
	err := l.read(ctx, func(t *tx) error {
		got = dst
		now := time.Now().UnixNano()
		for i := range accounts {
			a := &accounts[i]
			k := accountKey(a)
			counted, err := t.counting(k, a.Slot, spanOf(a))
			if err != nil {
				return err
			}
			for j := range counted {
				if s := &counted[j]; s.due <= now {
					if err := t.foresee(k, s, now); err != nil {
						return err
					}
				}
			}
			got = append(got, balance(counted))
		}
		return nil
	})
	if err != nil {
		return dst, fmt.Errorf("sqlstore: Balances: %w", err)
	}
	return got, nil
}

// foresee counts in a slot the leases that have ended and that nobody has found yet.
func (t *tx) foresee(k rowKey, s *slot, now int64) error {
	rows, err := t.query("SELECT need FROM rungate_parts WHERE key = ? AND slot = ? AND until <= ? AND NOT charged AND NOT forgotten", k[:], s.number, now)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	for rows.Next() {
		var need int64
		if err := rows.Scan(&need); err != nil {
			return err
		}
		s.spent, s.reserved = add(s.spent, need), s.reserved-need
	}
	return rows.Err()
}

func (l *ledger) forgetSQLite(ctx context.Context, o budget.Owner) error {
	k := ownerKey(&o)
	err := l.write(ctx, func(t *tx) error {
		if _, err := t.exec(`UPDATE rungate_parts SET forgotten = 1 WHERE slot IS NOT NULL AND key IN (SELECT key FROM rungate_slots WHERE owner = ?)`, k[:]); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM rungate_slots WHERE owner = ?", k[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("sqlstore: Forget: %w", err)
	}
	return nil
}
