package policy

import (
	"context"

	"github.com/rungate/rungate/run"
)

// A Router is an Engine that says what serves calls. A gateway asks an Engine that is
// none of nothing, and goes by its own Config alone.
type Router interface {
	Engine

	// Route returns what serves calls of runs that are bound to ref and that ask for a
	// model, or nil if the Router has nothing to say about that. Where no provider is
	// known to serve the model, asked has no Provider. What is returned is not changed.
	Route(ctx context.Context, ref run.PolicyRef, asked Target) (*Failover, error)
}

// Route returns the first of some Failovers that applies to calls that ask for a
// model; nil if none does.
func Route(some []Failover, asked Target) *Failover {
	for i := range some {
		if some[i].Applies(asked) {
			return &some[i]
		}
	}
	return nil
}

// Route implements Router. A policy in shadow has calls served by others, too, since
// that refuses nothing.
func (s *Set) Route(_ context.Context, ref run.PolicyRef, asked Target) (*Failover, error) {
	c, err := s.at(ref)
	if err != nil {
		return nil, err
	}
	return Route(c.Failover, asked), nil
}

// Route implements Router: the first in the chain that has something to say says it.
func (c Chain) Route(ctx context.Context, ref run.PolicyRef, asked Target) (*Failover, error) {
	for _, e := range c {
		if f, err := route(ctx, e, ref, asked); f != nil || err != nil {
			return f, err
		}
	}
	return nil, nil
}

// Route implements Router: what is tried out does not say what serves calls.
func (s Shadow) Route(ctx context.Context, ref run.PolicyRef, asked Target) (*Failover, error) {
	return route(ctx, s.Enforced, ref, asked)
}

func route(ctx context.Context, e Engine, ref run.PolicyRef, asked Target) (*Failover, error) {
	if r, ok := e.(Router); ok {
		return r.Route(ctx, ref, asked)
	}
	return nil, nil
}
