package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/run"
)

// types are those of all events.
var types = []run.EventType{
	run.RunStarted, run.RunCompleted, run.RunBlocked, run.RunUnblocked, run.LimitRaised, run.BudgetAlert, run.BudgetExceeded,
	run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected, run.ApprovalExpired,
	run.PolicyDrift, run.PolicyShadow, run.RuleAlert, run.LoopDetected, run.StepFailedOver,
}

// A Filter tells a Notifier only events of some types.
type Filter struct {
	Events   []string // globs of types, such as "approval.*"; none is all
	Notifier Notifier
}

// Wants implements Selector.
func (f Filter) Wants(t run.EventType) bool {
	for _, pattern := range f.Events {
		if glob.Match(pattern, string(t)) {
			return wants(f.Notifier, t)
		}
	}
	return len(f.Events) == 0 && wants(f.Notifier, t)
}

// Notify implements Notifier. What the Notifier does not want is as good as
// delivered.
func (f Filter) Notify(ctx context.Context, e *run.Event) error {
	if !f.Wants(e.Type) {
		return nil
	}
	return f.Notifier.Notify(ctx, e)
}

// String is what the Notifier is called.
func (f Filter) String() string { return name(f.Notifier) }

// Check reports globs that no event has, and what is wrong with the Notifier.
func (f Filter) Check() error {
	var errs []error
	for i, pattern := range f.Events {
		if !slices.ContainsFunc(types, func(t run.EventType) bool { return glob.Match(pattern, string(t)) }) {
			errs = append(errs, fmt.Errorf("events[%d]: no event is called %q; there are %s", i, pattern, commas(types)))
		}
	}
	return errors.Join(append(errs, Check(f.Notifier))...)
}

func commas(types []run.EventType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}
