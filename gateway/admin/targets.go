package admin

import (
	"net/http"
	"time"

	"github.com/rungate/rungate/gateway"
)

type targetList struct {
	Targets []target `json:"targets"`
}

// A target is how a model at a provider serves.
type target struct {
	Provider    string          `json:"provider"`
	Model       string          `json:"model"`
	State       gateway.Circuit `json:"state"`
	Fault       string          `json:"fault,omitempty"` // by which it is left out, or has failed last
	LastFailure time.Time       `json:"last_failure,omitzero"`
	Until       time.Time       `json:"until,omitzero"` // it is left out
	Latency     float64         `json:"latency_ms,omitempty"`
	Attempts    int64           `json:"attempts"`
	Failures    int64           `json:"failures"`
}

// listTargets answers with the targets that have been tried, sorted.
func (a *api) listTargets(*Operator, *http.Request) (any, error) {
	states := a.gw.Targets()
	list := targetList{Targets: make([]target, 0, len(states))}
	for i := range states {
		s := &states[i]
		t := target{
			Provider: s.Provider, Model: s.Model, State: s.Circuit, LastFailure: s.LastFailure.UTC(), Until: s.Until.UTC(),
			Latency: float64(s.Latency.Microseconds()) / 1000, Attempts: s.Attempts, Failures: s.Failures,
		}
		if !s.LastFailure.IsZero() {
			t.Fault = s.Fault.String()
		}
		list.Targets = append(list.Targets, t)
	}
	return &list, nil
}
