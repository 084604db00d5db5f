package redisstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/run"
)

// Subscribe implements run.Outbox. It tells every team that is known by one
// transaction each. A team that is made known at the same time finds it by itself.
func (j *journal) Subscribe(ctx context.Context, name string, types []run.EventType, at, until time.Time) error {
	wants := stamp(until) + " "
	for _, t := range types {
		wants += string(t) + " "
	}
	answer, err := subscribeScript.Run(ctx, j.rdb, []string{j.o.all()}, name, wants).Result()
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	r := reply{list: answer}
	version, _ := r.take().(int64)
	for _, team := range r.texts() {
		if _, err := j.verb(ctx, wantsScript, team, at, name, wants, version); err != nil {
			return err
		}
	}
	return r.err
}

// mostDue is of how many messages of a team, those that are due first, the oldest
// are taken.
const mostDue = 1000

// A waiting message is one that is due: numbers go up with time, in all teams.
type waiting struct {
	team string
	n    int64
}

// TakeMessages implements run.Outbox.
func (j *journal) TakeMessages(ctx context.Context, name string, n int, at, until time.Time) ([]run.Message, error) {
	due, err := j.due(ctx, name, at)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	slices.SortFunc(due, func(a, b waiting) int { return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.team, b.team)) })
	due = due[:min(n, len(due))]
	of := map[string][]any{}
	for _, w := range due {
		of[w.team] = append(of[w.team], w.n)
	}
	lease := rand.Text()
	taken := map[waiting]run.Message{}
	for team, numbers := range of {
		answer, err := j.verb(ctx, takemessagesScript, team, at, append([]any{name, stamp(until), lease}, numbers...)...)
		if err != nil {
			return nil, err // what was taken before is due again when its lease ends
		}
		list := texts(answer)
		for i := 0; i+2 < len(list); i += 3 {
			m := run.Message{ID: messageID(list[i], team), Subscriber: name, Lease: lease}
			if err := readMessage(team, list[i+1], list[i+2], &m); err != nil {
				return nil, err
			}
			number, _ := strconv.ParseInt(list[i], 10, 64)
			taken[waiting{team, number}] = m
		}
	}
	messages := make([]run.Message, 0, len(taken))
	for _, w := range due { // in this order
		if m, ok := taken[w]; ok {
			messages = append(messages, m)
		}
	}
	return messages, nil
}

// due are the messages that are due for a subscriber.
func (j *journal) due(ctx context.Context, name string, at time.Time) ([]waiting, error) {
	teams, err := j.allTeams(ctx)
	if err != nil || len(teams) == 0 {
		return nil, err
	}
	found := make([]*redis.StringSliceCmd, len(teams))
	_, err = j.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, team := range teams {
			found[i] = p.ZRangeByScore(ctx, j.o.slot(team)+"o:d:"+name, &redis.ZRangeBy{Min: "-inf", Max: decimal(at.UnixMicro()), Count: mostDue})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	var due []waiting
	for i, team := range teams {
		for _, text := range found[i].Val() {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, errGarbled
			}
			due = append(due, waiting{team, n})
		}
	}
	return due, nil
}

// EndMessage implements run.Outbox.
func (j *journal) EndMessage(ctx context.Context, m *run.Message, o *run.Outcome) error {
	number, team, ok := strings.Cut(m.ID, "@")
	if !ok {
		return nil
	}
	_, err := j.verb(ctx, endmessageScript, team, o.At, m.Subscriber, number, m.Lease, flag(o.Delivered), o.Dead, stamp(o.Due))
	return err
}

func messageID(number, team string) string { return number + "@" + team }

// mostDead is how many dead messages of a team are remembered at most, as outbox.lua
// says.
const mostDead = 1000

// DeadMessages implements run.Outbox. It looks at one team after the other.
func (j *journal) DeadMessages(ctx context.Context, n int) ([]run.DeadMessage, error) {
	all := []run.DeadMessage{}
	err := j.dead(ctx, n, func(_ string, messages []run.DeadMessage) error {
		all = append(all, messages...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b run.DeadMessage) int { return b.At.Compare(a.At) })
	return all[:min(n, len(all))], nil
}

// dead calls f with up to n dead messages of each team, those that died last.
func (j *journal) dead(ctx context.Context, n int, f func(team string, messages []run.DeadMessage) error) error {
	teams, err := j.allTeams(ctx)
	if err != nil {
		return err
	}
	for _, team := range teams {
		answer, err := j.verb(ctx, deadScript, team, time.Time{}, n)
		if err != nil {
			return err
		}
		found := texts(answer)
		messages := make([]run.DeadMessage, len(found))
		for i, text := range found {
			if err := readDead(team, text, &messages[i]); err != nil {
				return err
			}
		}
		if err := f(team, messages); err != nil {
			return err
		}
	}
	return nil
}

func readDead(team, text string, d *run.DeadMessage) error {
	r := read(text)
	d.Subscriber = r.text()
	d.ID = messageID(r.text(), team)
	tries := r.text()
	d.At, d.Why = r.time(), r.text()
	return readMessage(team, tries, r.text(), &d.Message)
}

// ReviveMessages implements run.Outbox. It looks at one team after the other.
func (j *journal) ReviveMessages(ctx context.Context, event string, at time.Time) error {
	revived := int64(0)
	err := j.dead(ctx, mostDead, func(team string, messages []run.DeadMessage) error {
		var ids []any
		for i := range messages {
			if m := &messages[i]; m.Event.ID() == event {
				number, _, _ := strings.Cut(m.ID, "@")
				ids = append(ids, number+" "+m.Subscriber)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		answer, err := j.verb(ctx, reviveScript, team, at, ids...)
		n, _ := answer.(int64)
		revived += n
		return err
	})
	if err == nil && revived == 0 {
		err = run.ErrNoMessage
	}
	return err
}
