package redisstore

import (
	"context"
	"fmt"
	"time"
)

// A team is made known before its first run is started: that is how a sweep and
// those who take messages find it, and how subscribers come to where its events are.
// A process does that again from time to time, and a team that nobody has made known
// for long is dropped from the list, if there is nothing of it.
const (
	knownFor   = 10 * time.Minute
	forgetTeam = 6 * knownFor // longer than any two clocks are apart
)

// known makes a team known, unless this process has done so lately.
func (j *journal) known(ctx context.Context, team string) error {
	now := time.Now()
	if last, ok := j.teams.Load(team); ok && now.Sub(last.(time.Time)) < knownFor {
		return nil
	}
	answer, err := registerScript.Run(ctx, j.rdb, []string{j.o.all()}, team, now.UnixMilli()).Result()
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	r := reply{list: answer}
	subscribers, versions := pairs(r.texts()), pairs(r.texts())
	if len(subscribers) > 0 {
		var args []any
		for name, wants := range subscribers {
			args = append(args, name, wants, versions[name])
		}
		if _, err := j.verb(ctx, wantsScript, team, now, args...); err != nil {
			return err
		}
	}
	j.teams.Store(team, now)
	return nil
}

// allTeams are those that are known.
func (j *journal) allTeams(ctx context.Context) ([]string, error) {
	teams, err := j.rdb.ZRange(ctx, j.o.all()+"teams", 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	return teams, nil
}

// leave drops a team from the list of which there is nothing, if it was not made
// known for long.
func (j *journal) leave(ctx context.Context, team string) error {
	if last, ok := j.teams.Load(team); ok && time.Since(last.(time.Time)) >= knownFor {
		j.teams.Delete(team)
	}
	return unregisterScript.Run(ctx, j.rdb, []string{j.o.all()}, team, time.Now().Add(-forgetTeam).UnixMilli()).Err()
}

// pairs reads a hash as a script returns it.
func pairs(list []string) map[string]string {
	m := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}
