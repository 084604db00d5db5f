package gateway_test

import (
	"slices"

	"github.com/rungate/rungate/run"
)

// What can happen to a request that a person is asked about.
const (
	sent      = "sent"      // the agent sends it, again or for the first time
	awaits    = "awaits"    // likewise, and it waits for the decision
	approved  = "approved"  // by a person
	rejected  = "rejected"  // likewise
	lapses    = "lapses"    // so much time passes that nothing can be decided or used any more
	fails     = "fails"     // the provider answers its next call with an error
	breaks    = "breaks"    // the provider breaks off the next answer
	completed = "completed" // the run is, by the agent
	blocked   = "blocked"   // the run is, by an operator
	lifted    = "lifted"    // the run goes on
	edited    = "edited"    // the policy is, and denies from now on what it asked about
	restarted = "restarted" // the gateway is, with the same store
)

var happenings = []string{sent, awaits, approved, rejected, lapses, fails, breaks, completed, blocked, lifted, edited, restarted}

// A gateModel says in the simplest way what happens then.
type gateModel struct {
	action bool // the answer is asked about, else the request

	run       run.Status
	gate      run.GateStatus // of the gate that holds for the request; empty if none does
	waiting   int            // calls
	failing   string         // how the provider's next answer does; empty if it does not
	forwarded int64
	edits     int
	restarts  int
}

// can reports whether it makes sense that something happens.
func (m *gateModel) can(event string) bool {
	switch event {
	case awaits: // with more of them it is open which one goes on first
		return m.waiting < 2
	case approved, rejected:
		return m.gate == run.GatePending
	case lapses:
		return m.gate == run.GatePending || m.gate == run.GateApproved
	case fails, breaks:
		return m.failing == "" && m.run != run.Completed
	case completed, blocked:
		return m.run == run.Open
	case lifted:
		return m.run == run.Blocked
	case edited:
		return m.edits == 0
	case restarted:
		return m.restarts == 0
	}
	return true
}

// after does what happens, and returns how calls are answered by that.
func (m *gateModel) after(event string) (answers []string) {
	switch event {
	case sent:
		return m.call(false)
	case awaits:
		return m.call(true)
	case approved:
		m.gate = run.GateApproved
		return m.wake()
	case rejected:
		m.gate = run.GateRejected
		return m.wake()
	case lapses:
		m.gate = run.GateExpired
		return m.wake()
	case fails, breaks:
		m.failing = event
	case completed:
		m.run = run.Completed
		if m.gate != run.GateRejected {
			m.gate = ""
		}
		return m.wake()
	case blocked:
		m.run = run.Blocked
	case lifted:
		m.run = run.Open
	case edited:
		m.edits++
	case restarted:
		m.restarts++
		answers = slices.Repeat([]string{"shutting_down"}, m.waiting)
		m.waiting = 0
	}
	return answers
}

// wake lets all calls that wait be answered as if they were sent again.
func (m *gateModel) wake() (answers []string) {
	n := m.waiting
	m.waiting = 0
	for range n {
		answers = append(answers, m.call(true)...)
	}
	return answers
}

func (m *gateModel) call(waits bool) []string {
	switch m.run {
	case run.Completed:
		return []string{"run_closed"}
	case run.Blocked:
		return []string{"stopped"}
	}
	switch m.gate {
	case run.GateRejected:
		return []string{"approval_rejected"}
	case run.GateExpired: // which is told once
		m.gate = ""
		return []string{"approval_expired"}
	case run.GateApproved:
		if m.action || m.forward() {
			m.gate = ""
			return []string{"answer"}
		}
		return []string{"failed"}
	case "":
		if m.action && !m.forward() {
			return []string{"failed"}
		}
		m.gate = run.GatePending
	}
	if waits {
		m.waiting++
		return nil
	}
	return []string{"pending"}
}

// forward calls the provider, and reports whether that succeeds.
func (m *gateModel) forward() bool {
	ok := m.failing == ""
	m.failing = ""
	m.forwarded++
	return ok
}

// lives returns all that can happen one after the other, in so many steps.
func lives(m gateModel, steps int) (all [][]string) {
	if steps == 0 {
		return [][]string{nil}
	}
	for _, event := range happenings {
		if !m.can(event) {
			continue
		}
		next := m
		next.after(event)
		for _, rest := range lives(next, steps-1) {
			all = append(all, append([]string{event}, rest...))
		}
	}
	return all
}
