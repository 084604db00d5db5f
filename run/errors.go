package run

import (
	"errors"
	"fmt"
)

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

// ErrOvertaken says that a run is not the newest of its generations any more. What
// Attach returns is an *[OvertakenError], which matches it.
var ErrOvertaken = errors.New("another run has been started meanwhile")

// An OvertakenError says which run is the newest of the generations of an id, where
// that is not the one that a new run is to follow on.
type OvertakenError struct {
	Run Run // as it is then; the zero Run where there is none
}

func (e *OvertakenError) Error() string {
	if e.Run.ID == "" {
		return "the run to follow on is not there any more"
	}
	return fmt.Sprintf("run %q has been started meanwhile", e.Run.ID)
}

// Is makes the error match ErrOvertaken.
func (e *OvertakenError) Is(target error) bool { return target == ErrOvertaken }

// A ParentError says that there is no such run that another could be started
// below. It is an ErrNotFound.
type ParentError struct {
	Parent string // as the call names it
}

func (e *ParentError) Error() string { return fmt.Sprintf("parent run %q not found", e.Parent) }

// Unwrap returns ErrNotFound.
func (e *ParentError) Unwrap() error { return ErrNotFound }
