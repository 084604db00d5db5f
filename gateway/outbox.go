package gateway

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// note returns what makes the events of the alerts that settling a call of the run
// raises, for an outbox to keep; nil where there is none.
func (g *Gateway) note(r *run.Run, agent string) func(*budget.Alert) []byte {
	if g.cfg.Outbox == nil {
		return nil
	}
	return func(a *budget.Alert) []byte {
		e := run.Event{Type: run.BudgetAlert, At: time.Now(), Run: *r, Agent: agent, Alert: a}
		text, _ := e.Encode() // of texts and numbers
		return text
	}
}
