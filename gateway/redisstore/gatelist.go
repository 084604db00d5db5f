package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/run"
)

// FindGates implements run.GateJournal. It asks once for the teams, and once for the
// gates of each of these.
func (j *journal) FindGates(ctx context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	found := make([]run.Gate, 0, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	pointers := make([]*redis.StringCmd, len(ids))
	_, err := j.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			pointers[i] = p.Get(ctx, j.o.pointer(id))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	of := map[string][]any{}
	for i, id := range ids {
		team, err := pointers[i].Result()
		switch {
		case errors.Is(err, redis.Nil):
		case err != nil:
			return nil, fmt.Errorf("redisstore: %w", err)
		default:
			of[team] = append(of[team], id)
		}
	}
	for team, ids := range of {
		answer, err := j.verb(ctx, findgatesScript, team, at, ids...)
		if err != nil {
			return nil, err
		}
		if found, err = gatesOf(team, texts(answer), found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lookedAt is how many gates a list looks at in one transaction.
const lookedAt = 1000

// ListGates implements run.GateJournal. A list of all teams is put together from
// those of each, one after the other: each gate is as it was at some moment of that.
func (j *journal) ListGates(ctx context.Context, q *run.GateQuery, at time.Time) ([]run.Gate, error) {
	before := ""
	if q.Before != "" {
		last, err := j.FindGates(ctx, []string{q.Before}, at)
		if err != nil {
			return nil, err
		}
		if len(last) == 0 {
			return nil, run.ErrNoGate
		}
		before = stamp(last[0].Opened) + last[0].ID
	}
	teams := []string{q.Run.Team}
	if q.Run.Team == "" && q.Run.ID == "" {
		var err error
		if teams, err = j.allTeams(ctx); err != nil {
			return nil, err
		}
	}
	var all []run.Gate
	for _, team := range teams {
		var err error
		if all, err = j.listTeam(ctx, team, q, before, at, all); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b run.Gate) int { return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(b.ID, a.ID)) })
	return all[:min(q.N, len(all))], nil
}

// listTeam appends the gates of one team that are asked for.
func (j *journal) listTeam(ctx context.Context, team string, q *run.GateQuery, before string, at time.Time, dst []run.Gate) ([]run.Gate, error) {
	for left := q.N; left > 0; {
		answer, err := j.verb(ctx, listgatesScript, team, at, string(q.Status), q.Run.ID, before, left, lookedAt)
		if err != nil {
			return nil, err
		}
		r := reply{list: answer}
		before = r.text()
		found := r.texts()
		if r.err != nil {
			return nil, r.err
		}
		if dst, err = gatesOf(team, found, dst); err != nil {
			return nil, err
		}
		left -= len(found)
		if before == "" {
			break
		}
	}
	return dst, nil
}

func gatesOf(team string, texts []string, dst []run.Gate) ([]run.Gate, error) {
	for _, text := range texts {
		var g run.Gate
		if err := decodeGate(team, text, &g); err != nil {
			return nil, err
		}
		dst = append(dst, g)
	}
	return dst, nil
}
