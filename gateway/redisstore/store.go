package redisstore

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// A Store is a run.Journal, a run.GateJournal, a run.Outbox and a budget.Ledger in
// Redis. It is safe for concurrent use.
type Store struct {
	ledger
	journal
}

// New returns a store in a Redis, a Redis Cluster, or what else rdb is a client of,
// which stays the caller's.
func New(rdb redis.UniversalClient, o Options) *Store {
	o = o.withDefaults()
	s := &Store{}
	s.journal.rdb, s.journal.o = rdb, o
	s.ledger.rdb, s.ledger.o, s.ledger.known = rdb, o, s.journal.known
	return s
}

// DefaultPrefix begins the keys of a Store.
const DefaultPrefix = "rungate:"

// The other defaults of Options.
const (
	DefaultClosedRuns    = 24 * time.Hour
	DefaultTeamRuns      = 100_000
	DefaultTeamOpenRuns  = 100_000
	DefaultSteps         = 10_000
	DefaultTeamGates     = 1_000
	DefaultTeamGateBytes = 256 << 20
)

// Options say where and for how long a Store keeps what it has. The zero Options
// are the defaults. Stores that share a Redis have the same. Bounds are those of one
// team: there is none over all of them, since teams are in different slots of a
// cluster.
type Options struct {
	Prefix string // of all keys, without braces; empty is DefaultPrefix

	// ClosedRuns is for how long a run is remembered after it was closed, or is
	// blocked and was last called. 0 is DefaultClosedRuns. Where nobody sweeps, Redis
	// itself drops it after more than twice that.
	ClosedRuns time.Duration

	// TeamRuns is how many closed and blocked runs of a team are remembered: beyond
	// it, a sweep forgets them, the longest ago first. 0 is DefaultTeamRuns.
	TeamRuns int

	// TeamOpenRuns is how many runs of a team may be open: beyond it, a sweep
	// completes those that were called longest ago and have no calls in flight. 0 is
	// DefaultTeamOpenRuns.
	TeamOpenRuns int

	// Steps is how many steps of one run are remembered, the newest. The run's sums
	// count all of them. 0 is DefaultSteps.
	Steps int

	// TeamGates is how many gates of a team may be live, and TeamGateBytes how many
	// bytes the answers and arguments may have that they withhold: beyond either,
	// none is opened. 0 is DefaultTeamGates and DefaultTeamGateBytes. To complete a run
	// that has all of them is one script, in which Redis answers nobody else: it takes
	// some 30 µs for each.
	TeamGates     int
	TeamGateBytes int64
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.ClosedRuns == 0 {
		o.ClosedRuns = DefaultClosedRuns
	}
	if o.TeamRuns == 0 {
		o.TeamRuns = DefaultTeamRuns
	}
	if o.TeamOpenRuns == 0 {
		o.TeamOpenRuns = DefaultTeamOpenRuns
	}
	if o.Steps == 0 {
		o.Steps = DefaultSteps
	}
	if o.TeamGates == 0 {
		o.TeamGates = DefaultTeamGates
	}
	if o.TeamGateBytes == 0 {
		o.TeamGateBytes = DefaultTeamGateBytes
	}
	return o
}
