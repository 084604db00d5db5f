package run

import "fmt"

// A StateError says that a run takes no calls: it is closed or blocked.
type StateError struct {
	Run Run
}

func (e *StateError) Error() string {
	return fmt.Sprintf("run %q is %s: %s", e.Run.ID, e.Run.Status, e.Run.Reason)
}

// A ConflictError says that a run is bound to another policy than the call
// wants, or was started by another agent under one that this agent may not use.
type ConflictError struct {
	Run    Run
	Wanted string // the other policy that the call names; empty if it names none
	Agent  string
	New    bool // the call wants a new run in the place of this one, and is not attached
}

func (e *ConflictError) Error() string {
	if e.Wanted == "" {
		return fmt.Sprintf("run %q is held to policy %q, which agent %q may not use", e.Run.ID, e.Run.Policy.Name, e.Agent)
	}
	return fmt.Sprintf("run %q is held to policy %q, not %q", e.Run.ID, e.Run.Policy.Name, e.Wanted)
}

// A GatedError says that a call wants a new run in the place of one that has
// gates, and may be the repeated request of one of them. It is not attached.
type GatedError struct {
	Run Run
}

func (e *GatedError) Error() string { return fmt.Sprintf("run %q has gates", e.Run.ID) }

// A ParentError says that there is no such run that another could be started
// below. It is an ErrNotFound.
type ParentError struct {
	Parent string // as the call names it
}

func (e *ParentError) Error() string { return fmt.Sprintf("parent run %q not found", e.Parent) }

// Unwrap returns ErrNotFound.
func (e *ParentError) Unwrap() error { return ErrNotFound }
