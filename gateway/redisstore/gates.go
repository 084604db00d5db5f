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

// A gate is in the slot of its team, and its id does not tell which that is. So there
// is a pointer to the team, of a key of its own, which is there before the gate is
// and goes after it. It is kept for pointerFor, until a sweep finds that the gate was
// opened, and keeps it for as long as there is the gate: where none was opened, the
// pointer goes by itself.
const pointerFor = 24 * time.Hour

// OpenGate implements run.GateJournal.
func (j *journal) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (run.Gate, bool, error) {
	rest := *g
	rest.Opened, rest.Expires, rest.Decided, rest.Claimed, rest.Used = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	text, err := json.Marshal(&rest)
	if err != nil {
		return run.Gate{}, false, err
	}
	told := run.Event{Gate: &rest}
	args, kept := told.ArgsLen(), []byte(nil)
	if args > run.MaxArgs {
		if kept, err = json.Marshal(told.Keep().Gate); err != nil {
			return run.Gate{}, false, err
		}
	}
	team := g.Run.Team
	if err := j.rdb.SetNX(ctx, j.o.pointer(g.ID), team, pointerFor).Err(); err != nil {
		return run.Gate{}, false, fmt.Errorf("redisstore: %w", err)
	}
	got, err := j.verb(ctx, opengateScript, team, g.Opened, g.Run.ID, g.ID, string(g.Fingerprint[:]), flag(g.Pauses), g.Agent, stamp(g.Expires),
		decimal(g.Window), args, answer, flag(answer != nil), j.o.TeamGates, j.o.TeamGateBytes, text, kept)
	if err != nil {
		return run.Gate{}, false, err
	}
	r := reply{list: got}
	switch r.text() {
	case "missing":
		return run.Gate{}, false, run.ErrNotFound
	case "full":
		return run.Gate{}, false, run.ErrGatesFull
	case "state":
		e := &run.StateError{}
		if r.run(team, r.text(), &e.Run); r.err != nil {
			return run.Gate{}, false, r.err
		}
		return run.Gate{}, false, e
	}
	return readGate(team, &r)
}

// MeetGate implements run.GateJournal.
func (j *journal) MeetGate(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (run.Gate, bool, error) {
	answer, err := j.verb(ctx, meetgateScript, k.Team, at, k.ID, string(f[:]))
	return gateOf(k.Team, answer, err)
}

// DecideGate implements run.GateJournal.
func (j *journal) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (run.Gate, bool, error) {
	return j.changeGate(ctx, decidegateScript, id, at, flag(v.Approve), v.By, v.Comment)
}

// ClaimGate implements run.GateJournal.
func (j *journal) ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (run.Gate, bool, error) {
	return j.changeGate(ctx, claimgateScript, id, at, claim, stamp(until))
}

// RenewClaim implements run.GateJournal.
func (j *journal) RenewClaim(ctx context.Context, id, claim string, at, until time.Time) (run.Gate, bool, error) {
	return j.changeGate(ctx, renewclaimScript, id, at, claim, stamp(until))
}

// EndClaim implements run.GateJournal.
func (j *journal) EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (run.Gate, bool, error) {
	return j.changeGate(ctx, endclaimScript, id, at, claim, flag(used))
}

// GateAnswer implements run.GateJournal.
func (j *journal) GateAnswer(ctx context.Context, id string) ([]byte, error) {
	team, err := j.teamOf(ctx, id)
	if err != nil {
		return nil, err
	}
	answer, err := j.verb(ctx, gateanswerScript, team, time.Time{}, id)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, run.ErrNoGate
	}
	if list, ok := answer.([]any); ok && len(list) > 0 {
		if text, ok := list[0].(string); ok {
			return []byte(text), nil
		}
	}
	return nil, nil
}

// changeGate runs a script that changes a gate, and returns that as it is then, and
// whether it was changed.
func (j *journal) changeGate(ctx context.Context, s *redis.Script, id string, at time.Time, args ...any) (run.Gate, bool, error) {
	team, err := j.teamOf(ctx, id)
	if err != nil {
		return run.Gate{}, false, err
	}
	answer, err := j.verb(ctx, s, team, at, append([]any{id}, args...)...)
	return gateOf(team, answer, err)
}

// teamOf returns the team that a gate is of.
func (j *journal) teamOf(ctx context.Context, id string) (string, error) {
	team, err := j.rdb.Get(ctx, j.o.pointer(id)).Result()
	if errors.Is(err, redis.Nil) {
		return "", run.ErrNoGate
	}
	if err != nil {
		return "", fmt.Errorf("redisstore: %w", err)
	}
	return team, nil
}

// gateOf reads what a script says of a gate; nothing is that there is none.
func gateOf(team string, answer any, err error) (run.Gate, bool, error) {
	if err != nil {
		return run.Gate{}, false, err
	}
	if answer == nil {
		return run.Gate{}, false, run.ErrNoGate
	}
	return readGate(team, &reply{list: answer})
}

func readGate(team string, r *reply) (g run.Gate, did bool, _ error) {
	if err := decodeGate(team, r.text(), &g); err != nil {
		return run.Gate{}, false, err
	}
	if did = r.yes(); r.err != nil {
		return run.Gate{}, false, r.err
	}
	return g, did, nil
}

// decodeGate reads a gate as wire_gate in gate.lua writes it.
func decodeGate(team, text string, g *run.Gate) error {
	r := read(text)
	id, of, status := r.text(), r.text(), run.GateStatus(r.text())
	opened, expires, decided := r.time(), r.time(), r.time()
	by, comment := r.text(), r.text()
	claimed, used := r.time(), r.time()
	rest := r.text()
	if r.err != nil {
		return r.err
	}
	*g = run.Gate{}
	if err := json.Unmarshal([]byte(rest), g); err != nil {
		return errGarbled
	}
	g.ID, g.Run, g.Status = id, run.Key{Team: team, ID: of}, status
	g.Opened, g.Expires, g.Decided, g.By, g.Comment, g.Claimed, g.Used = opened, expires, decided, by, comment, claimed, used
	return nil
}
