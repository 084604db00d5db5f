// Package memstore keeps a gateway's runs, gates, accounts and rates in memory. It
// is the store of a gateway that is given no other. What it holds is gone when the
// process ends, gates and the answers that they withhold included, and is not shared
// between processes: two gateways with a memstore each allow each run its budget
// twice.
//
// A run costs about 1 KB of memory; the turns of loops in it take up to 8 KB, what has
// been announced up to 1 KB, and each step that is kept about 0.15 KB, or 0.5 KB where it
// has little in common with others. A gate costs about 1.5 KB beside what would happen and
// what it withholds. Of one run, 1,000 gates are remembered that are not live any more, or
// as many as have 1 MiB of arguments, those that ended last: a request that was rejected
// before these is asked about again. A call in flight costs about 0.15 KB, and 0.05 KB more
// for each ancestor of its run. [Options] bound how many runs, steps and live gates there
// are, of the gates also those of one team.
package memstore

import "time"

// The defaults of Options.
const (
	DefaultClosedRuns = 24 * time.Hour
	DefaultRuns       = 100_000
	DefaultOpenRuns   = 100_000
	DefaultSteps      = 10_000
	DefaultAccounts   = 1_000_000
	DefaultGates      = 100_000
	DefaultGateBytes  = 1 << 30
)

// Options bound what is remembered. The zero Options are the defaults.
type Options struct {
	// ClosedRuns is for how long a run is remembered after it was closed, or is
	// blocked and was last called. 0 is DefaultClosedRuns.
	ClosedRuns time.Duration

	// Runs is how many closed and blocked runs are remembered: beyond it, a sweep
	// forgets them, the longest ago first. 0 is DefaultRuns.
	Runs int

	// OpenRuns is how many runs may be open: beyond it, a sweep completes those
	// that were called longest ago and have no calls in flight. 0 is
	// DefaultOpenRuns.
	OpenRuns int

	// Steps is how many steps of one run are remembered, the newest. The run's
	// sums count all of them. 0 is DefaultSteps.
	Steps int

	// Accounts is how many accounts are kept, of some 300 bytes each, or 100 for
	// each slot of a window that rolls, of which there are up to 61. Those of
	// runs go with their runs, those of windows with the window, those in which
	// nothing was spent at once. What is spent under a budget for ever has to be
	// remembered: beyond the bound, calls that need a new account are refused
	// with an error. 0 is DefaultAccounts.
	Accounts int

	// Gates is how many gates may be live, and GateBytes how many bytes the answers
	// and arguments may have that they withhold: beyond either, none is opened. An
	// answer is dropped when its gate is not live any more, at the latest by the
	// sweep after that. 0 is DefaultGates and DefaultGateBytes.
	Gates     int
	GateBytes int64

	// TeamGates and TeamGateBytes bound the gates of one team in the same way, so
	// that none takes the room of all. 0 is a tenth of Gates, but at least 1, and a
	// quarter of GateBytes: by default 10,000 and 256 MiB.
	TeamGates     int
	TeamGateBytes int64
}

// A Store is a run.Journal, a run.GateJournal and a budget.Ledger in memory. It is no
// run.Outbox and no audit.Trail: events, lines and records it leaves to the caller. It
// is safe for concurrent use. None of its methods fails but for what is not found or
// has no room, and none looks at its context: they do not wait.
type Store struct {
	journal
	ledger
}

// New returns an empty store.
func New(o Options) *Store {
	if o.ClosedRuns == 0 {
		o.ClosedRuns = DefaultClosedRuns
	}
	if o.Runs == 0 {
		o.Runs = DefaultRuns
	}
	if o.OpenRuns == 0 {
		o.OpenRuns = DefaultOpenRuns
	}
	if o.Steps == 0 {
		o.Steps = DefaultSteps
	}
	if o.Accounts == 0 {
		o.Accounts = DefaultAccounts
	}
	if o.Gates == 0 {
		o.Gates = DefaultGates
	}
	if o.GateBytes == 0 {
		o.GateBytes = DefaultGateBytes
	}
	if o.TeamGates == 0 {
		o.TeamGates = max(1, o.Gates/10)
	}
	if o.TeamGateBytes == 0 {
		o.TeamGateBytes = o.GateBytes / 4
	}
	s := &Store{}
	s.journal.init(o)
	s.ledger.init(o)
	return s
}
