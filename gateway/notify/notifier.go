package notify

import (
	"context"
	"fmt"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/run"
)

// A Notifier is told events. The [Dispatcher] tells it one at a time, and gives
// it [AttemptTimeout] for each. If it is a fmt.Stringer, that is what it is
// called in logs: no secret belongs there, nor into errors.
type Notifier interface {
	// Notify delivers an event, which it must not change. An error means that it
	// was not delivered, and is to be tried again. It may be told an event twice.
	Notify(ctx context.Context, e *run.Event) error
}

// A NotifierFunc is a Notifier.
type NotifierFunc func(ctx context.Context, e *run.Event) error

// Notify implements Notifier.
func (f NotifierFunc) Notify(ctx context.Context, e *run.Event) error { return f(ctx, e) }

// A Selector is a Notifier that wants to be told events of some types only.
type Selector interface {
	Notifier
	Wants(t run.EventType) bool
}

// wants reports whether n wants to be told events of the type.
func wants(n Notifier, t run.EventType) bool {
	s, ok := n.(Selector)
	return !ok || s.Wants(t)
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

func name(n Notifier) string {
	if s, ok := n.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", n)
}
