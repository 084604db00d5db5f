package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rungate/rungate/run"
)

// A Notifier is told events. The [Dispatcher] tells it one at a time, and gives
// it [AttemptTimeout] for each. If it is a fmt.Stringer, that is what it is called,
// else its type is. What waits for it is found again by that name, after a restart
// and in other processes: it has to name whom events go to, and to be the same
// wherever that is. No secret belongs there, nor into errors.
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

// Check reports what is wrong with a Notifier, as far as it can be known before
// it is used: that there is none, or what its own method Check says.
func Check(n Notifier) error {
	if n == nil {
		return errors.New("there is no notifier")
	}
	if c, ok := n.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// names returns what notifiers are called. Of those of the same name, the second has
// a 2 behind it, and so on.
func names(notifiers []Notifier) []string {
	all := make([]string, len(notifiers))
	for i, n := range notifiers {
		all[i] = name(n)
		for k := 2; slices.Contains(all[:i], all[i]); k++ {
			all[i] = fmt.Sprint(name(n), " ", k)
		}
	}
	return all
}

func name(n Notifier) string {
	if s, ok := n.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("%T", n)
}
