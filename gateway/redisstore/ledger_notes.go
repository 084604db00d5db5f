package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/run"
)

// mostTold is how many notes of a slot are told at once that a process has left.
const mostTold = 1000

// tellAfter is how old a note is that no process is about to tell, and how often a
// process looks for such.
const tellAfter = time.Second

// TakeMessages implements run.Outbox.
func (s *Store) TakeMessages(ctx context.Context, name string, n int, at, until time.Time) ([]run.Message, error) {
	_ = s.ledger.tellOld(ctx) // what fails is told later, and holds up no other message
	return s.journal.TakeMessages(ctx, name, n, at, until)
}

// tellOld tells the notes of all slots that the processes have not told which made
// them.
func (l *ledger) tellOld(ctx context.Context) error {
	last, now := l.looked.Load(), time.Now().UnixMilli()
	if now-last < tellAfter.Milliseconds() || !l.looked.CompareAndSwap(last, now) {
		return nil
	}
	all, err := l.slots(ctx, 1)
	if err != nil {
		return err
	}
	found := make([]*redis.StringSliceCmd, len(all))
	_, err = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, s := range all {
			found[i] = p.ZRangeByScore(ctx, s.untold(), &redis.ZRangeBy{Min: "-inf", Max: decimal(now - tellAfter.Milliseconds()), Count: mostTold})
		}
		return nil
	})
	failed := []error{err}
	for i, s := range all {
		failed = append(failed, l.tell(ctx, s, found[i].Val()))
	}
	return errors.Join(failed...)
}

// tell hands notes of a slot that is no team's to the outbox of the team whose run it
// was. A note is told once, also where several do it at once or one dies over it. One
// that cannot be read is dropped, and one that cannot be told is left for later.
func (l *ledger) tell(ctx context.Context, s slot, notes []string) error {
	var failed []error
	for _, packed := range notes {
		if n, err := readNote(packed); err == nil {
			if err := l.tellTeam(ctx, s, n); err != nil {
				failed = append(failed, err)
				continue
			}
		}
		if err := l.rdb.ZRem(ctx, s.untold(), packed).Err(); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (l *ledger) tellTeam(ctx context.Context, s slot, n note) error {
	if err := l.known(ctx, n.team); err != nil {
		return err
	}
	team := slot(l.o.slot(n.team))
	return tellScript.Run(ctx, l.rdb, []string{team.told(string(s) + n.id)}, string(team), n.event, n.spent).Err()
}

// A note is what is to be told of a line that was passed. Its id is unique in the slot
// in which that was.
type note struct {
	id, team, event, spent string
}

// readNote reads a note as ledger_settle.lua writes it: a JSON array.
func readNote(packed string) (n note, err error) {
	var parts [3]string
	if err := json.Unmarshal([]byte(packed), &parts); err != nil {
		return n, fmt.Errorf("a note that is to be told: %w", err)
	}
	var of struct{ Run struct{ Team string } }
	if err := json.Unmarshal([]byte(parts[1]), &of); err != nil {
		return n, fmt.Errorf("the event of a note that is to be told: %w", err)
	}
	return note{parts[0], of.Run.Team, parts[1], parts[2]}, nil
}
