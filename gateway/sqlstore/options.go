package sqlstore

import "time"

// The defaults of Options. Closed runs are kept longer, and more of them, than a store
// in memory keeps them.
const (
	DefaultClosedRuns = 30 * 24 * time.Hour
	DefaultRuns       = 1_000_000
	DefaultOpenRuns   = 100_000
	DefaultSteps      = 10_000
	DefaultGates      = 100_000
	DefaultGateBytes  = 1 << 30
)

// Options say how a Store is opened, and for how long it keeps what it has. The zero
// Options are the defaults. What is beyond a bound is forgotten, or refused, by the
// next sweep; all gateways of a database have the same Options.
type Options struct {
	// CheckOnly leaves the tables as they are: a database of another version than
	// this package needs is refused, also an older one. It is for operators that call
	// [Migrate] at a time of their own.
	CheckOnly bool

	// ClosedRuns is for how long a run is remembered after it was closed, or is
	// blocked and was last called; negative is no longer than until the next sweep.
	// Its steps, refusals and gates go with it. 0 is DefaultClosedRuns.
	ClosedRuns time.Duration

	// Runs is how many closed and blocked runs are remembered: beyond it, a sweep
	// forgets them, the longest ago first. 0 is DefaultRuns.
	Runs int

	// OpenRuns is how many runs may be open: beyond it, a sweep completes those
	// that were called longest ago and have no calls in flight. 0 is
	// DefaultOpenRuns.
	OpenRuns int

	// Steps is how many steps of one run are remembered, the newest; there may be
	// some hundreds more until a sweep. The run's sums count all of them. 0 is
	// DefaultSteps.
	Steps int

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

func (o Options) withDefaults() Options {
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
	return o
}
