package gateway

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// note returns what makes the events of the alerts that settling the call raises, for
// an outbox to keep; nil where there is none.
func (c *call) note() func(*budget.Alert) []byte {
	if c.g.cfg.Outbox == nil {
		return nil
	}
	return func(a *budget.Alert) []byte {
		e := run.Event{Type: run.BudgetAlert, At: time.Now(), Run: c.run, Agent: c.agent.ID, Alert: a}
		text, _ := e.Encode() // of texts and numbers
		return text
	}
}
