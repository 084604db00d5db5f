package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/ids"
)

// ledger implements budget.Ledger. Each verb is one script, of one round trip, as long
// as everything that it is about is in one slot of a cluster: what is counted per run,
// agent, user, tag and team, of one team. What is counted per policy, and what is
// global, has slots of its own, on a Redis without a cluster as well.
//
// # Leases
//
// They end by the server's clock. Whatever touches a slot next charges all reservations
// of that slot whose leases have ended, before it does anything else: what it then sees
// is exact. [Store.Sweep] does that in all slots that were used within a week; it is
// called where the Store is the journal, too. Where many have died, that takes several
// scripts, none of which is long. One that was charged can be corrected for an hour.
//
// # Several slots
//
// A demand that needs several slots is reserved in one after the other: in that of the
// team, in those of policies, in the global one. If one is short, what was taken before
// is given back. So a limit is never passed; but for a moment, another call may be told
// that there is no room, or that it has to wait, by what is given back then. Balances of
// accounts in several slots are not of the same instant.
//
// The last slot says whether the reservation was made. A process may die before it gets
// there: when the lease ends in one of the others, whoever finds that asks the last
// one. If the reservation was made there, its holds are charged in full, everywhere;
// else it is given back, and is never made. What is found so late that the last slot
// need not remember, an hour after the lease, is charged in any case; sweeps find it
// before. It is settled in the same order, and what the last one says holds for all: a
// settlement that was interrupted is done again, is not charged twice, and returns what
// it would have. Where nobody does it again, what is left is charged in full when its
// lease ends.
//
// A line that is passed in the slot of a policy, or in the global one, is noted there,
// and then told in the outbox of the team whose run it was, once. If a process dies in
// between, whoever takes messages a second later tells it.
//
// # What is kept
//
// Redis drops by itself: buckets, an hour after they are full; calls at once, with
// their leases; the accounts of a window, an hour after that; the names of what was
// settled, after a minute, in which a call that is still on its way is of no effect;
// those that were charged at the end of their lease, after an hour. It keeps what was
// spent for ever, until Forget; that of a run goes with the run, where the journal of
// the same Store has it. Redis must not evict keys: its maxmemory-policy is
// noeviction. What it loses in a crash or a failover is lost to the ledger, which then
// allows that once more: see appendfsync and WAIT in its manual.
//
// While a cluster moves a slot key by key, scripts that need keys of both sides fail, or
// do not see what is still on the other one: do that when no calls are made.
//
// In a window that rolls, slots count from the newest. One that a reservation in several
// slots has begun and given back is dropped, but what had left the window by then may
// not count again.
//
// # Numbers
//
// Amounts are exact up to the largest; sums beyond it stay there. What is in a bucket is
// a floating-point number, as in golang.org/x/time/rate, with which it agrees; waits are
// whole microseconds, rounded up. Leases are whole milliseconds.
type ledger struct {
	rdb   redis.UniversalClient
	o     Options
	known func(ctx context.Context, team string) error // see teams.go

	used   sync.Map     // the slots that this process has noted, and until when that will do
	looked atomic.Int64 // when it has last looked for notes that nobody tells
}

var errVoid = errors.New("redisstore: the lease of the reservation ended before it was made in all slots; reserve under another ID")

// Reserve implements budget.Ledger.
func (l *ledger) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	parts := l.o.parts(d)
	l.noted(ctx, parts)
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
			if err := l.undo(ctx, parts[:i], a); err != nil {
				return budget.Shortage{}, false, err
			}
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
	switch {
	case reply[0] == "ok":
		return short, true, nil
	case reply[0] == "take" && len(reply) == 3:
		which, err := strconv.Atoi(reply[1])
		after, err2 := strconv.ParseInt(reply[2], 10, 64)
		if err = errors.Join(err, err2); err != nil {
			return short, false, fmt.Errorf("redisstore: reserve: %w", err)
		}
		return budget.Shortage{Take: p.takes[which], After: time.Duration(after), Hold: -1}, false, nil
	case reply[0] == "hold" && len(reply) == 4:
		which, err := strconv.Atoi(reply[1])
		all, _, err2 := amounts(reply[2], 3)
		room, err3 := strconv.ParseInt(reply[3], 10, 64)
		if err = errors.Join(err, err2, err3); err != nil {
			return short, false, fmt.Errorf("redisstore: reserve: %w", err)
		}
		b := budget.Balance{Spent: all[0], Reserved: all[1], Peak: all[2], Before: all[2]}
		return budget.Shortage{Take: -1, Hold: p.holds[which], Balance: b, Room: room}, false, nil
	}
	return short, false, errVoid
}

// shorter returns what is to be told of two shortages: that so far, and what a part
// is short of that was not tried since.
func (l *ledger) shorter(ctx context.Context, short budget.Shortage, p *part, d *budget.Demand, a attempt) (budget.Shortage, error) {
	a.name = look
	other, ok, err := l.reserve(ctx, p, d, a, "")
	if err != nil || ok {
		return short, err
	}
	return slices.MinFunc([]budget.Shortage{short, other}, func(a, b budget.Shortage) int {
		return cmp.Or(
			cmp.Compare(b.After, a.After), // of holds it is 0
			cmp.Compare(a.Take, b.Take),
			cmp.Compare(a.Hold, b.Hold),
		)
	}), nil
}

// undo gives back what an attempt has taken that did not get everything. Where that
// fails, the caller is told that he may hold it: he settles it, or the end of the
// lease gives it back.
func (l *ledger) undo(ctx context.Context, parts []part, a attempt) error {
	for i := range slices.Backward(parts) {
		s := parts[i].slot
		if _, err := l.run(ctx, undoScript, s, []string{s.record(a.id)}, []any{string(s), a.id, a.name}); err != nil {
			return fmt.Errorf("redisstore: reserve: to give back what there is too little of elsewhere: %w", err)
		}
	}
	return nil
}

// Renew implements budget.Ledger.
func (l *ledger) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) error {
	for _, p := range slices.Backward(l.o.parts(d)) { // what the last slot knows is kept the longest
		_, err := l.run(ctx, renewHoldsScript, p.slot, []string{p.slot.record(text(id))}, []any{string(p.slot), text(id), millis(lease)})
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
		if len(s.Lines) > 0 && p.rank == 0 { // those who want to be told are known where the team is
			if err := l.known(ctx, p.team(d)); err != nil {
				return dst[:before], err
			}
		}
		keys, args := p.settle(d, text(id), s, len(parts))
		reply, err := l.run(ctx, settleScript, p.slot, keys, args)
		if err != nil {
			return dst[:before], fmt.Errorf("redisstore: settle: %w", err)
		}
		settled = reply[0] == "new" // what the last one says holds for all
		if len(reply) == 1 {
			continue // settled long ago
		}
		if err := balances(reply[1], p.holds, dst[before:]); err != nil {
			return dst[:before], fmt.Errorf("redisstore: settle: %w", err)
		}
		_ = l.tell(ctx, p.slot, reply[2:]) // what fails is told later
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
		if len(reply) != 2 {
			return dst[:before], fmt.Errorf("redisstore: balances: %w", errGarbled)
		}
		if err := balances(reply[1], p.holds, dst[before:]); err != nil {
			return dst[:before], fmt.Errorf("redisstore: balances: %w", err)
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
