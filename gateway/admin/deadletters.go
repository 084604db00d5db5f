package admin

import (
	"net/http"
	"time"

	"github.com/rungate/rungate/run"
)

type deadLetterList struct {
	DeadLetters []deadLetter `json:"dead_letters"`
}

// A deadLetter is an event that a notifier could not be told.
type deadLetter struct {
	ID       string        `json:"id"` // of the event
	Event    run.EventType `json:"event"`
	Team     string        `json:"team"`
	RunID    string        `json:"run_id"`
	Notifier string        `json:"notifier"`
	Tries    int           `json:"tries"`
	Error    string        `json:"error"` // of the last try
	Since    time.Time     `json:"since"`
}

// listDeadLetters answers with the dead letters, in the order in which they were
// given up.
func (a *api) listDeadLetters(_ *Operator, r *http.Request) (any, error) {
	letters, err := a.gw.Notifications().DeadLetters(r.Context())
	if err != nil {
		return nil, err
	}
	list := deadLetterList{DeadLetters: make([]deadLetter, 0, len(letters))}
	for _, l := range letters {
		list.DeadLetters = append(list.DeadLetters, deadLetter{
			l.ID, l.Event.Type, l.Event.Run.Team, l.Event.Run.ID, l.Notifier, l.Tries, l.Error, l.At.UTC(),
		})
	}
	return &list, nil
}

type resent struct {
	ID string `json:"id"` // of the event that waits to be delivered again
}

// resend has a dead letter delivered again.
func (a *api) resend(_ *Operator, r *http.Request) (any, error) {
	id := r.PathValue("id")
	if err := a.gw.Notifications().Resend(r.Context(), id); err != nil {
		return nil, err
	}
	return resent{id}, nil
}
