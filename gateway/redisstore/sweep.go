package redisstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/run"
)

// sweepStep is how much a sweep looks at in one transaction.
const sweepStep = 100

// sweepPointers is how many pointers it looks at then.
const sweepPointers = 1000

// Sweep implements run.Journal. It goes from team to team, in transactions that are
// short: with an error, it returns what it has done until then. What one sweep has
// done, no other one reports. Sweeps begin with different teams, so that none is left
// out by those that have no time for all.
func (j *journal) Sweep(ctx context.Context, at time.Time) (s run.Swept, _ error) {
	teams, err := j.allTeams(ctx)
	if err != nil {
		return s, err
	}
	var failed []error
	rand.Shuffle(len(teams), func(a, b int) { teams[a], teams[b] = teams[b], teams[a] })
	for _, team := range teams {
		for more := true; more; {
			if more, err = j.sweepTeam(ctx, team, at, &s); err != nil {
				failed = append(failed, err)
				break
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return s, errors.Join(failed...)
}

func (j *journal) sweepTeam(ctx context.Context, team string, at time.Time, s *run.Swept) (more bool, _ error) {
	answer, err := j.verb(ctx, sweepScript, team, at, decimal(j.o.ClosedRuns), j.o.TeamRuns, j.o.TeamOpenRuns, sweepStep, sweepPointers)
	if err != nil {
		return false, err
	}
	r := reply{list: answer}
	if s.Completed, err = runs(team, r.texts(), s.Completed); err != nil {
		return false, err
	}
	for _, text := range r.texts() {
		var g run.Gate
		if err := decodeGate(team, text, &g); err != nil {
			return false, err
		}
		s.Expired = append(s.Expired, g)
	}
	if s.Forgotten, err = runs(team, r.texts(), s.Forgotten); err != nil {
		return false, err
	}
	more = r.yes()
	pointers := r.texts()
	more = more || len(pointers) == 2*sweepPointers
	if r.yes() {
		err = j.leave(ctx, team)
	} else {
		err = j.settlePointers(ctx, team, pointers)
	}
	if err == nil {
		err = r.err
	}
	return more && err == nil, err
}

func runs(team string, texts []string, dst []run.Run) ([]run.Run, error) {
	for _, text := range texts {
		var x run.Run
		if err := decodeRun(team, text, &x); err != nil {
			return dst, err
		}
		dst = append(dst, x)
	}
	return dst, nil
}

// settlePointers keeps the pointers of gates that were opened, and drops those of
// gates that are forgotten.
func (j *journal) settlePointers(ctx context.Context, team string, pointers []string) error {
	if len(pointers) == 0 {
		return nil
	}
	_, err := j.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := 0; i+1 < len(pointers); i += 2 {
			key := j.o.pointer(pointers[i])
			if pointers[i+1] == "1" {
				p.Persist(ctx, key)
			} else {
				p.Del(ctx, key)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	args := make([]any, 0, len(pointers))
	for _, x := range pointers {
		args = append(args, x)
	}
	_, err = j.verb(ctx, pointedScript, team, time.Time{}, args...)
	return err
}
