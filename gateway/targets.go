package gateway

import (
	"time"

	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/provider"
)

// A TargetState is how a model at a provider serves, as the gateway has seen it since it
// was made. Gateways with a common store do not share it.
type TargetState struct {
	Provider, Model string // the provider's ID, and its own name of the model

	Circuit Circuit
	Until   time.Time // until when calls go to other targets; zero if Circuit is closed

	// Fault is that by which the circuit was opened, or else the one by which the target
	// has failed last. Before LastFailure is set it means nothing.
	Fault       provider.Fault
	LastFailure time.Time // zero if it never has

	// Latency is after what time streamed answers have begun, of late; 0 is not known.
	Latency time.Duration

	Attempts, Failures int64 // a call that is refused for what is in it is no failure
}

// A Circuit is what the circuit breaker of a target does with calls.
type Circuit string

// What it does with them.
const (
	CircuitClosed   Circuit = "closed"    // they go to the target
	CircuitOpen     Circuit = "open"      // they go to others, while there are any
	CircuitHalfOpen Circuit = "half_open" // one goes to the target, or is about to, and shows if it serves again
)

// Targets returns how the targets are that have been tried, sorted by provider and
// model. Of more than 1,000 it knows those that have been tried of late.
func (g *Gateway) Targets() []TargetState {
	states := g.health.Targets()
	targets := make([]TargetState, len(states))
	now := time.Now()
	for i := range states {
		targets[i] = targetState(&states[i], now)
	}
	return targets
}

func targetState(s *health.State, now time.Time) TargetState {
	t := TargetState{
		Provider: s.Provider, Model: s.Model, Circuit: CircuitClosed, Until: s.Until,
		Fault: s.Fault, LastFailure: s.LastFailure, Latency: s.Latency, Attempts: s.Attempts, Failures: s.Failures,
	}
	switch {
	case s.Probing || !s.Until.IsZero() && !now.Before(s.Until):
		t.Circuit = CircuitHalfOpen
	case !s.Until.IsZero():
		t.Circuit = CircuitOpen
	}
	return t
}
