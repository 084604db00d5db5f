package redisstore

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/run"
)

// journal implements run.Journal, run.GateJournal and run.Outbox.
type journal struct {
	rdb   redis.UniversalClient
	o     Options
	teams sync.Map // that this process has made known, and when
}

// RenewCall implements run.Journal.
func (j *journal) RenewCall(ctx context.Context, k run.Key, call string, at, until time.Time) error {
	_, err := j.verb(ctx, renewScript, k.Team, at, k.ID, call, stamp(until))
	return err
}

// Detach implements run.Journal.
func (j *journal) Detach(ctx context.Context, d *run.Detachment, out *run.Run) error {
	f, repeated := d.Refusal, ""
	if f == nil {
		f = &run.Refusal{}
	}
	if d.Repeated != 0 {
		repeated = hashText(d.Repeated)
	}
	args := []any{d.Call, repeated, f.Code, f.Rule, f.Model, f.Agent, flag(d.Refusal != nil)}
	if s := d.Step; s != nil {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		t := &s.Usage.Tokens
		args = append(args, s.ID, text, j.o.Steps, decimal(s.Cost), decimal(t.Input), decimal(t.CacheRead), decimal(t.CacheWrite),
			decimal(t.CacheWrite1h), decimal(t.AudioInput), decimal(t.Output), decimal(t.AudioOutput), decimal(t.Reasoning))
	} else {
		args = append(args, "", "", 0)
	}
	x, _, err := j.change(ctx, detachScript, d.Key, d.At, args...)
	if err == nil {
		*out = x
	}
	return err
}

// Complete implements run.Journal.
func (j *journal) Complete(ctx context.Context, k run.Key, reason string, at time.Time) (run.Run, bool, error) {
	return j.change(ctx, completeScript, k, at, reason)
}

// Block implements run.Journal.
func (j *journal) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (run.Run, bool, error) {
	exhausted := ""
	if b.Exhausted != nil {
		text, err := json.Marshal(b.Exhausted)
		if err != nil {
			return run.Run{}, false, err
		}
		exhausted = string(text)
	}
	return j.change(ctx, blockScript, k, at, b.Code, packBlock(b), exhausted)
}

// Lift implements run.Journal.
func (j *journal) Lift(ctx context.Context, k run.Key, at time.Time) (run.Run, bool, error) {
	return j.change(ctx, liftScript, k, at)
}

// Raise implements run.Journal.
func (j *journal) Raise(ctx context.Context, k run.Key, limit run.Raised, at time.Time) (run.Run, bool, error) {
	return j.change(ctx, raiseScript, k, at, limit.Rule, decimal(limit.Limit))
}

// change runs a script that changes the run that k names, and returns that as it is
// then, and what the script says of having done it, if it does.
func (j *journal) change(ctx context.Context, s *redis.Script, k run.Key, at time.Time, args ...any) (x run.Run, changed bool, _ error) {
	answer, err := j.verb(ctx, s, k.Team, at, append([]any{k.ID}, args...)...)
	if err != nil {
		return run.Run{}, false, err
	}
	r := reply{list: answer}
	if r.text() == "missing" {
		return run.Run{}, false, run.ErrNotFound
	}
	r.run(k.Team, r.text(), &x)
	if s != detachScript {
		changed = r.yes()
	}
	if r.err != nil {
		return run.Run{}, false, r.err
	}
	return x, changed, nil
}

// How many turns of loops, and announcements, are remembered of one run in case
// that they come again.
const (
	maxTurns         = 256
	maxAnnouncements = 32
)

// Repeat implements run.Journal.
func (j *journal) Repeat(ctx context.Context, k run.Key, p run.Repetition) (int64, error) {
	most, kind, event := maxTurns, "", ""
	if p.Event != nil {
		text, err := p.Event.Encode()
		if err != nil {
			return 0, err
		}
		most, kind, event = maxAnnouncements, string(p.Event.Type), string(text)
	}
	answer, err := j.verb(ctx, repeatScript, k.Team, p.At, k.ID, hashText(p.Hash), p.Call, decimal(p.Limit), decimal(p.Within), most, kind, event)
	if err != nil {
		return 0, err
	}
	r := reply{list: answer}
	if r.text() == "missing" {
		return 0, run.ErrNotFound
	}
	n, err := strconv.ParseInt(r.text(), 10, 64)
	if err != nil {
		return 0, errGarbled
	}
	return n, r.err
}

func hashText(h uint64) string { return strconv.FormatUint(h, 36) }

// Find implements run.Journal.
func (j *journal) Find(ctx context.Context, k run.Key, at time.Time) (x run.Run, _ error) {
	answer, err := j.verb(ctx, findScript, k.Team, at, k.ID)
	if err != nil {
		return run.Run{}, err
	}
	text, ok := answer.(string)
	if !ok {
		return run.Run{}, run.ErrNotFound
	}
	return x, decodeRun(k.Team, text, &x)
}

// Steps implements run.Journal.
func (j *journal) Steps(ctx context.Context, k run.Key, skip int64, n int) ([]run.Step, error) {
	answer, err := j.verb(ctx, stepsScript, k.Team, time.Time{}, k.ID, skip, n)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, run.ErrNotFound
	}
	steps := []run.Step{}
	for _, text := range texts(answer) {
		r := read(text)
		r.text() // its id
		var s run.Step
		if err := json.Unmarshal([]byte(r.text()), &s); err != nil {
			return nil, errGarbled
		}
		steps = append(steps, s)
	}
	return steps, nil
}
