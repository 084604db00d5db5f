package run

import (
	"strconv"
	"strings"
	"time"
)

// An ApprovalMode says how a call is answered while a person has yet to decide
// about it: AcceptedMode, ErrorMode, WaitMode or "wait=SECONDS". Empty says
// nothing.
type ApprovalMode string

// The modes.
const (
	AcceptedMode ApprovalMode = "accepted" // with 202 and what it waits for
	ErrorMode    ApprovalMode = "error"    // with an error that clients try again after
	WaitMode     ApprovalMode = "wait"     // not before the decision, or DefaultWait
)

// DefaultWait is how long a call waits for a decision that does not say how long.
const DefaultWait = 240 * time.Second

// maxWait is the longest that a call may ask to wait, and longestWait the mode of
// that.
const (
	maxWait     = 24 * time.Hour
	longestWait = "wait=86400"
)

// Valid reports whether m is one of the modes.
func (m ApprovalMode) Valid() bool {
	_, waits := m.Wait()
	return waits || m == AcceptedMode || m == ErrorMode
}

// Wait returns how long a call waits, and whether it does.
func (m ApprovalMode) Wait() (time.Duration, bool) {
	if m == WaitMode {
		return DefaultWait, true
	}
	seconds, ok := strings.CutPrefix(string(m), string(WaitMode)+"=")
	n, err := strconv.Atoi(seconds)
	wait := time.Duration(n) * time.Second
	if !ok || err != nil || n < 1 || n > int(maxWait/time.Second) {
		return 0, false
	}
	return wait, true
}
