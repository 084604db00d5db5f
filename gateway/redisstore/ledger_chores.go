package redisstore

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
)

// run runs a script of a slot and returns the words of its reply. Where something
// has to be done before, it does that and runs the script again. Each time, some of
// that is done for good, whoever does it.
func (l *ledger) run(ctx context.Context, script *redis.Script, s slot, keys []string, args []any) ([]string, error) {
	for {
		reply, err := script.Run(ctx, l.rdb, keys, args...).StringSlice()
		if err != nil {
			return nil, err
		}
		if len(reply) == 0 {
			return nil, errGarbled
		}
		if reply[0] != "first" {
			return reply, nil
		}
		if err := l.first(ctx, s); err != nil {
			return nil, err
		}
	}
}

// first charges the reservations of a slot whose leases have ended.
func (l *ledger) first(ctx context.Context, s slot) error {
	for {
		reply, err := l.run(ctx, firstScript, s, []string{s.leases()}, []any{string(s)})
		if err != nil {
			return err
		}
		switch reply[0] {
		case "again":
		case "ask":
			err = l.resolve(ctx, s, reply[1:])
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// resolve ends reservations of a slot whose leases have ended and which were to be
// made in several slots. What was made in all of them is charged, anything else
// given back. Asked are pairs: an id, and the slot that knows.
func (l *ledger) resolve(ctx context.Context, s slot, asked []string) error {
	by := map[slot][]any{}
	for pair := range slices.Chunk(asked, 2) {
		knows := slot(pair[1])
		if by[knows] == nil {
			by[knows] = []any{pair[1]}
		}
		by[knows] = append(by[knows], pair[0])
	}
	verdicts := []any{string(s)}
	for knows, args := range by {
		reply, err := l.run(ctx, decideScript, knows, []string{knows.record(args[1].(string))}, args)
		if err != nil {
			return err
		}
		for i, made := range reply[1:] {
			verdicts = append(verdicts, args[1+i], made)
		}
	}
	_, err := l.run(ctx, resolveScript, s, []string{s.record(asked[0])}, verdicts)
	return err
}

var _ budget.Ledger = (*ledger)(nil)
