package redisstore

import (
	"encoding/json"
	"strconv"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// readMessage reads what a script has put into the outbox of a team.
func readMessage(team, tries, text string, m *run.Message) error {
	n, err := strconv.Atoi(tries)
	if err != nil {
		return errGarbled
	}
	m.Tries = n
	m.Event, err = readEvent(team, text)
	return err
}

func readEvent(team, text string) (*run.Event, error) {
	r := read(text)
	r.text() // the run
	e := &run.Event{Type: run.EventType(r.text()), At: r.time()}
	switch kind := r.text(); kind {
	case "json":
		return decodeEvent(&r)
	case "note":
		e, err := decodeEvent(&r)
		if spent := r.int(); err == nil && e.Alert != nil {
			e.Alert.Spent = spent
		}
		return e, err
	case "run":
		e.Agent = r.text()
		if err := decodeRun(team, r.text(), &e.Run); err != nil {
			return nil, err
		}
		return e, readExtra(e, r.text())
	case "gate":
		e.Agent, e.Gate = r.text(), &run.Gate{}
		if n := r.int(); n > run.MaxArgs {
			e.ArgsBytes = int(n)
		}
		err := decodeGate(team, r.text(), e.Gate)
		e.Run = e.Gate.Subject()
		return e, err
	}
	return nil, errGarbled
}

func decodeEvent(r *reader) (*run.Event, error) {
	e, err := run.DecodeEvent([]byte(r.text()))
	if err != nil || r.err != nil {
		return nil, errGarbled
	}
	return e, nil
}

// readExtra reads what an event says beside its run.
func readExtra(e *run.Event, text string) error {
	switch e.Type {
	case run.LimitRaised:
		r := read(text)
		e.Raised = &run.Raised{Rule: r.text(), Limit: r.int()}
		return r.err
	case run.BudgetExceeded:
		e.Exhausted = &budget.ExhaustedError{}
		return json.Unmarshal([]byte(text), e.Exhausted)
	}
	return nil
}
