// Package store shows a store of one's own: runs, gates, accounts and rates are
// kept in memory, as a gateway does without one, and every step goes to a journal
// as well, one line of JSON each.
package store

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// A Journaled is a gateway.Store that writes down the steps of another one. To
// embed the interface is enough for all methods that it has nothing to add to.
type Journaled struct {
	gateway.Store

	mu    sync.Mutex
	lines *json.Encoder
}

// New returns a store that keeps everything in s and writes steps to w.
func New(s gateway.Store, w io.Writer) *Journaled {
	return &Journaled{Store: s, lines: json.NewEncoder(w)}
}

// An Entry is a line of the journal.
type Entry struct {
	Team, Run, Step string
	At              time.Time
	Model           string
	Status          int
	CostUSD         budget.Money
}

// Detach implements run.Journal. It writes a step before it adds it, so that
// none is known that is not written. An error means that it could not be done;
// the gateway may then try again, and the line may come twice with the same ID.
func (j *Journaled) Detach(ctx context.Context, d *run.Detachment, r *run.Run) error {
	if d.Step != nil {
		if err := j.write(d.Key, d.At, d.Step); err != nil {
			return err
		}
	}
	return j.Store.Detach(ctx, d, r)
}

func (j *Journaled) write(k run.Key, at time.Time, s *run.Step) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.Encode(Entry{
		Team: k.Team, Run: k.ID, Step: s.ID, At: at.UTC(), Model: s.Provider + "/" + s.Model, Status: s.Status, CostUSD: s.Cost,
	})
}
