// Package audit is about the audit trail: an entry for each decision, written
// before the decision takes effect, in a chain that cannot be changed unseen.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/rungate/rungate/budget"
)

// A Trail keeps an audit trail for each team. A store that is a Trail itself adds
// the Record of each Demand in the transaction of its reservation. Its methods are
// safe for concurrent use; Append is one transaction. Nothing that was added is
// ever changed.
type Trail interface {
	// Append adds an entry to the trail of its team, unless the trail has one of
	// the same ID. An error means that it was not added, or that it is not known
	// whether it was; calling it again is safe.
	Append(ctx context.Context, r *budget.Record) error

	// Entries returns up to n entries of a team's trail in their order, from the
	// one after number after.
	Entries(ctx context.Context, team string, after int64, n int) ([]Entry, error)

	// Head returns the newest entry of a team's trail without its Record, or that of
	// the zero Entry where there is none.
	Head(ctx context.Context, team string) (Entry, error)

	// Teams returns the teams that have a trail, in their order.
	Teams(ctx context.Context) ([]string, error)
}

// An Entry is a link of a team's chain.
type Entry struct {
	budget.Record
	Number int64 // from 1 on, without a gap
	Prev   Hash  // of the entry before; zero of the first
	Hash   Hash  // see [Entry.Sum]
}

// A Hash is a SHA-256.
type Hash [sha256.Size]byte

// Sum computes the hash of the entry: the SHA-256 of the hash of the entry before,
// the number in 8 bytes with the highest first, the SHA-256 of the team, that of
// the ID, and the text.
func (e *Entry) Sum() (sum Hash) {
	h := sha256.New()
	h.Write(e.Prev[:])
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(e.Number))
	h.Write(number[:])
	team, id := sha256.Sum256([]byte(e.Team)), sha256.Sum256([]byte(e.ID))
	h.Write(team[:])
	h.Write(id[:])
	h.Write(e.Text)
	h.Sum(sum[:0])
	return sum
}
