package policy

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A Set is the Engine of declarative policies. It is safe for concurrent use.
type Set struct {
	state atomic.Pointer[setState]
}

// setState is what a Set knows at one time; it is replaced, never changed.
type setState struct {
	byName   map[string]*compiled   // by name and by id, the newest revision
	byID     map[string][]*compiled // every revision of it that is known
	standard *compiled
}

// New returns the engine of some policies, at least one. The first is the
// default: that of runs for which neither agent nor call names one. The error
// names everything that is wrong with any of them.
func New(policies ...Policy) (*Set, error) {
	s := &Set{}
	if err := s.Replace(policies...); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace makes the set hold these policies and no others, under the conditions
// of New. Runs keep the revisions that they are bound to. If it fails, nothing
// has changed.
func (s *Set) Replace(policies ...Policy) error {
	if len(policies) == 0 {
		return errors.New("no policy: give at least one")
	}
	next := &setState{byName: map[string]*compiled{}, byID: map[string][]*compiled{}}
	var errs []error
	for i, p := range policies {
		c, err := p.compile()
		if err != nil {
			errs = append(errs, fmt.Errorf("policy %d (%q): %w", i, p.Name, err))
			continue
		}
		for _, name := range []string{c.ref.Name, c.ref.ID} {
			if old := next.byName[name]; old != nil && old != c {
				errs = append(errs, fmt.Errorf("policy %d (%q): %q names another policy already", i, p.Name, name))
			}
			next.byName[name] = c
		}
		next.byID[c.ref.ID] = []*compiled{c}
		if i == 0 {
			next.standard = c
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for {
		old := s.state.Load()
		if old != nil { // runs may still be bound to them
			for _, all := range old.byID {
				for _, c := range all {
					if next.at(&c.ref) == nil {
						next.byID[c.ref.ID] = append(next.byID[c.ref.ID], c)
					}
				}
			}
		}
		if s.state.CompareAndSwap(old, next) {
			return nil
		}
	}
}

// Bind implements Binder.
func (s *Set) Bind(_ context.Context, name string) (Binding, error) {
	st := s.state.Load()
	c := st.standard
	if name != "" {
		if c = st.byName[name]; c == nil {
			return Binding{}, ErrUnknown
		}
	}
	b := c.Run.binding(c.ref)
	b.OnStoreError = c.OnStoreError
	if c.Mode == Shadowed { // which holds runs to nothing
		b.MaxDuration, b.MaxSteps, b.MaxDepth, b.MaxChildren = 0, 0, 0, 0
	}
	return b, nil
}

// allowsUngoverned reports whether a run may start under some policy that has
// AllowUngoverned.
func (s *Set) allowsUngoverned() bool {
	for _, c := range s.state.Load().byName {
		if c.OnStoreError == AllowUngoverned {
			return true
		}
	}
	return false
}

// Budgets implements Binder.
func (s *Set) Budgets(_ context.Context, ref run.PolicyRef) ([]budget.Budget, error) {
	c, err := s.at(ref)
	if err != nil {
		return nil, err
	}
	return c.budgets, nil
}

// Decide implements Engine.
func (s *Set) Decide(_ context.Context, in *Input) (Decision, error) {
	c, err := s.at(in.Policy)
	if err != nil {
		return Decision{}, err
	}
	return c.decide(in), nil
}

// at returns the policy at that revision, nil if it is not known.
func (st *setState) at(ref *run.PolicyRef) *compiled {
	for _, c := range st.byID[ref.ID] {
		if c.ref == *ref {
			return c
		}
	}
	return nil
}

// at returns the policy at the revision that a run is bound to.
func (s *Set) at(ref run.PolicyRef) (*compiled, error) {
	c := s.state.Load().at(&ref)
	if c == nil {
		return nil, fmt.Errorf("%w: %q at revision %q", ErrUnknown, ref.Name, ref.Revision)
	}
	return c, nil
}
