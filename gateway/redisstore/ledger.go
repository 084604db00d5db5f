package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/ids"
)

// ledger implements budget.Ledger.
type ledger struct {
	rdb redis.UniversalClient
	o   Options
}

var errVoid = errors.New("redisstore: the lease of the reservation ended before it was made in all slots; reserve under another ID")

// Reserve implements budget.Ledger.
func (l *ledger) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	parts := l.o.parts(d)
	a := attempt{id: text(id), lease: lease}
	decides := ""
	if len(parts) > 1 {
		a.name, decides = text(ids.New()), string(parts[len(parts)-1].slot)
	}
	for i := range parts {
		if i > 0 && i == len(parts)-1 {
			decides = "."
		}
		short, ok, err := l.reserve(ctx, &parts[i], d, a, decides)
		if err != nil {
			return budget.Shortage{}, false, err
		}
		if !ok {
			l.undo(ctx, parts[:i], a)
			for j := range parts[i+1:] {
				if short, err = l.shorter(ctx, short, &parts[i+1+j], d, a); err != nil {
					return budget.Shortage{}, false, err
				}
			}
			return short, false, nil
		}
	}
	return budget.Shortage{}, true, nil
}

// reserve takes what a part of a demand needs, or nothing.
func (l *ledger) reserve(ctx context.Context, p *part, d *budget.Demand, a attempt, decides string) (short budget.Shortage, ok bool, err error) {
	keys, args := p.reserve(d, a, decides)
	reply, err := l.run(ctx, reserveScript, p.slot, keys, args)
	if err != nil {
		return short, false, fmt.Errorf("redisstore: reserve: %w", err)
	}
	switch r := (reader{words: reply[1:]}); reply[0] {
	case "ok":
		return short, true, nil
	case "take":
		short = budget.Shortage{Take: p.takes[r.next()], After: time.Duration(r.next()), Hold: -1}
		return short, false, r.err
	case "hold":
		short = budget.Shortage{Take: -1, Hold: p.holds[r.next()], Balance: r.balance()}
		short.Room = r.next()
		return short, false, r.err
	}
	return short, false, errVoid
}

// shorter returns what is to be told of two shortages: that so far, and what a part
// is short of that was not tried since.
func (l *ledger) shorter(ctx context.Context, short budget.Shortage, p *part, d *budget.Demand, a attempt) (budget.Shortage, error) {
	a.name = look
	other, ok, err := l.reserve(ctx, p, d, a, "")
	switch {
	case err != nil || ok:
		return short, err
	case other.Take >= 0 && (short.Take < 0 || other.After > short.After),
		other.Take < 0 && short.Take < 0 && other.Hold < short.Hold:
		return other, nil
	}
	return short, nil
}

// undo gives back what an attempt has taken that did not get everything. Where that
// fails, the end of the lease does it.
func (l *ledger) undo(ctx context.Context, parts []part, a attempt) {
	for i := range slices.Backward(parts) {
		s := parts[i].slot
		_, _ = l.run(ctx, undoScript, s, []string{s.record(a.id)}, []any{string(s), a.id, a.name})
	}
}

// Renew implements budget.Ledger.
func (l *ledger) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) error {
	for _, p := range l.o.parts(d) {
		_, err := l.run(ctx, renewScript, p.slot, []string{p.slot.record(text(id))}, []any{string(p.slot), text(id), micros(lease)})
		if err != nil {
			return fmt.Errorf("redisstore: renew: %w", err)
		}
	}
	return nil
}

// Settle implements budget.Ledger.
func (l *ledger) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	if s == nil {
		s = &budget.Settlement{}
	}
	settled := false
	parts := l.o.parts(d)
	before := len(dst)
	dst = append(dst, make([]budget.Balance, len(d.Holds))...)
	for i := range parts {
		p := &parts[i]
		keys, args := p.settle(text(id), s)
		reply, err := l.run(ctx, settleScript, p.slot, keys, args)
		if err != nil {
			return dst[:before], fmt.Errorf("redisstore: settle: %w", err)
		}
		settled = reply[0] == "new" // what the last one says holds for all
		r := reader{words: reply[1:]}
		for _, h := range p.holds {
			if len(r.words) == 0 {
				break // settled long ago
			}
			b := r.balance()
			b.Before = r.next()
			dst[before+h] = b
		}
		if r.err != nil {
			return dst[:before], fmt.Errorf("redisstore: settle: %w", r.err)
		}
		l.tell(ctx, p.slot, r.words) // what fails is told later
	}
	if !settled {
		return dst[:before], nil
	}
	return dst, nil
}

// Balances implements budget.Ledger.
func (l *ledger) Balances(ctx context.Context, accounts []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	d := budget.Demand{Holds: make([]budget.Hold, len(accounts))}
	for i := range accounts {
		d.Holds[i].Account = accounts[i]
	}
	before := len(dst)
	dst = append(dst, make([]budget.Balance, len(accounts))...)
	for _, p := range l.o.parts(&d) {
		keys := make([]string, 0, len(p.holds))
		args := append(make([]any, 0, 1+2*len(p.holds)), string(p.slot))
		for _, i := range p.holds {
			key, _, field := p.slot.account(&accounts[i])
			keys, args = append(keys, key), append(args, field, span(accounts[i].Window))
		}
		reply, err := l.run(ctx, balancesScript, p.slot, keys, args)
		if err != nil {
			return dst[:before], fmt.Errorf("redisstore: balances: %w", err)
		}
		r := reader{words: reply[1:]}
		for _, i := range p.holds {
			dst[before+i] = r.balance()
		}
		if r.err != nil {
			return dst[:before], fmt.Errorf("redisstore: balances: %w", r.err)
		}
	}
	return dst, nil
}

// Forget implements budget.Ledger.
func (l *ledger) Forget(ctx context.Context, w budget.Owner) error {
	s := l.o.slotOf(&w)
	if err := forgetScript.Run(ctx, l.rdb, []string{s.lasting(owner(&w)), s.index(owner(&w))}).Err(); err != nil {
		return fmt.Errorf("redisstore: forget: %w", err)
	}
	return nil
}

// A reader reads the words of a reply. It remembers its first error.
type reader struct {
	words []string
	err   error
}

func (r *reader) next() int64 {
	if len(r.words) == 0 {
		r.err = errors.Join(r.err, errors.New("the reply is too short"))
		return 0
	}
	n, err := strconv.ParseInt(r.words[0], 10, 64)
	r.words, r.err = r.words[1:], errors.Join(r.err, err)
	return n
}

// balance reads a balance whose Before is its Peak.
func (r *reader) balance() budget.Balance {
	b := budget.Balance{Spent: r.next(), Reserved: r.next(), Peak: r.next()}
	b.Before = b.Peak
	return b
}
