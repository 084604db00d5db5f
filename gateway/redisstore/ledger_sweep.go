package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/run"
)

// A slot is noted before anything is reserved in it: that is how sweeps find what a
// process has left there that has died, and those who take messages what it has not
// told. A process does that again from time to time, and slots that nobody has noted
// for long are dropped from the list.
const (
	notedFor  = 10 * time.Minute
	noteAgain = time.Second // where it has failed
	dropSlot  = 7 * 24 * time.Hour
)

// noted notes the slots of a demand, but those that this process has noted lately. The
// list is in a slot of its own: where that is not to be had, calls go on without, and
// what has to be done in their slots is done by the next call in them.
func (l *ledger) noted(ctx context.Context, parts []part) {
	now := time.Now()
	var due []redis.Z
	for i := range parts {
		if until, ok := l.used.Load(parts[i].slot); !ok || !now.Before(until.(time.Time)) {
			due = append(due, redis.Z{Score: float64(now.UnixMilli()), Member: string(parts[i].slot)})
		}
	}
	if len(due) == 0 {
		return
	}
	key, until := l.o.all()+"slots", now.Add(notedFor)
	_, err := l.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, key, due...)
		p.ZRemRangeByScore(ctx, key, "-inf", decimal(now.Add(-dropSlot).UnixMilli()))
		p.PExpire(ctx, key, dropSlot)
		return nil
	})
	if err != nil {
		until = now.Add(noteAgain)
	}
	for _, z := range due {
		l.used.Store(slot(z.Member.(string)), until)
	}
}

// slots are those that are noted, of this rank or higher.
func (l *ledger) slots(ctx context.Context, rank int) (all []slot, _ error) {
	names, err := l.rdb.ZRange(ctx, l.o.all()+"slots", 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	for _, name := range names {
		if rank == 0 || strings.HasPrefix(name, l.o.Prefix+"{%p:") || strings.HasPrefix(name, l.o.Prefix+"{%g}") {
			all = append(all, slot(name))
		}
	}
	return all, nil
}

// Sweep implements run.Journal. It charges what was reserved by those who have died as
// well, wherever nobody else has touched that.
func (s *Store) Sweep(ctx context.Context, at time.Time) (run.Swept, error) {
	swept, err := s.journal.Sweep(ctx, at)
	return swept, errors.Join(err, s.ledger.sweep(ctx))
}

// sweep charges the reservations of all slots whose leases have ended. Sweeps begin
// with different slots, as those of a journal do.
func (l *ledger) sweep(ctx context.Context) error {
	l.used.Range(func(s, until any) bool {
		if time.Now().After(until.(time.Time)) {
			l.used.CompareAndDelete(s, until)
		}
		return true
	})
	all, err := l.slots(ctx, 0)
	if err != nil || len(all) == 0 {
		return err
	}
	rand.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	ended := make([]*redis.IntCmd, len(all))
	now := decimal(time.Now().UnixMilli())
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range all {
			ended[i] = p.ZCount(ctx, s.leases(), "-inf", now)
		}
		return nil
	})
	failed := []error{err}
	for i, s := range all {
		if ended[i].Val() > 0 && ctx.Err() == nil {
			failed = append(failed, l.first(ctx, s))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("redisstore: leases that have ended: %w", err)
	}
	return nil
}
