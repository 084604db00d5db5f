package run_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

func TestACallIsLeased(t *testing.T) {
	for name, tt := range map[string]struct{ lease, want time.Duration }{
		"by default":   {0, budget.DefaultLease},
		"as it is set": {time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			at(t, func(d *desk) {
				d.Lease = tt.lease
				inFlight := func() int64 {
					r, err := d.Find(t.Context(), run.Key{Team: "team:ops", ID: "r"})
					require.NoError(t, err)
					return r.InFlight
				}
				r, err := d.arrive(run.Directives{RunID: "r"})
				require.NoError(t, err)
				for range 5 {
					time.Sleep(tt.want - 1)
					assert.EqualValues(t, 1, inFlight())
					require.NoError(t, d.Renew(t.Context(), r.Key, d.calls[r.Key][0]))
				}
				time.Sleep(tt.want)
				assert.Zero(t, inFlight())
				require.NoError(t, d.Renew(t.Context(), r.Key, d.calls[r.Key][0]), "to no effect")
				assert.Zero(t, inFlight())
				require.NoError(t, d.end(r.Key, &run.Step{ID: "late"}, nil))
				steps, err := d.Steps(t.Context(), r.Key, 0, 9)
				require.NoError(t, err)
				assert.Len(t, steps, 1, "what it has done is recorded all the same")
			})
		})
	}
}

// A new run takes the place of the newest of its id, and of none that the agent may
// not use, by whatever generation that is named.
func TestNewRunFollowsOnTheNewest(t *testing.T) {
	at(t, func(d *desk) {
		stranger := &run.Agent{ID: "stranger", Team: "ops", Policy: "lax"}
		lax := run.PolicyRef{ID: "pol_2", Name: "lax"}
		start := func(by *run.Agent, id string, p run.PolicyRef) (run.Run, error) {
			return d.attach(&run.Arrival{Agent: by, Directives: &run.Directives{RunID: id, NewRun: true}, At: time.Now(), Policy: p})
		}
		for _, id := range []string{"r", "r", "r.2"} { // the last one by the full id of the newest
			_, err := start(agent, id, policy)
			require.NoError(t, err)
		}
		d.heard()
		for _, id := range []string{"r", "r.2", "r.3"} {
			_, err := start(stranger, id, lax)
			var conflict *run.ConflictError
			require.ErrorAs(t, err, &conflict, id)
			assert.True(t, conflict.New)
			assert.Equal(t, "r.3", conflict.Run.ID)
			assert.Equal(t, "stranger", conflict.Agent)
			assert.Empty(t, d.heard())
		}
		r, err := start(stranger, "own", lax)
		require.NoError(t, err)
		assert.Equal(t, "own", r.ID)
		r, err = start(agent, "r.2", policy)
		require.NoError(t, err)
		assert.Equal(t, "r.4", r.ID)
	})
}

// overtaking is a journal in which other runs of the same id are started, each just
// before a call starts one.
type overtaking struct {
	run.Journal
	times int
}

func (o *overtaking) Attach(ctx context.Context, a *run.Attachment, r *run.Run) (run.Attached, error) {
	if a.New && o.times > 0 {
		o.times--
		other := run.Attachment{Team: a.Team, At: a.At, Until: a.At.Add(time.Hour), Call: fmt.Sprint("other ", o.times), ID: a.ID, New: true, Start: a.Start}
		if newest, err := o.Find(ctx, run.Key{Team: a.Team, ID: a.ID}, a.At); err == nil {
			other.Follows = newest.ID
		}
		if _, err := o.Journal.Attach(ctx, &other, new(run.Run)); err != nil {
			return run.Attached{}, err
		}
	}
	return o.Journal.Attach(ctx, a, r)
}

func TestNewRunIsOvertaken(t *testing.T) {
	for times, want := range map[int]string{0: "r", 1: "r.2", 99: "r.100"} {
		t.Run(want, func(t *testing.T) {
			at(t, func(d *desk) {
				d.Journal = &overtaking{d.Journal, times}
				assert.Equal(t, want, d.call(run.Directives{RunID: "r", NewRun: true}).ID)
			})
		})
	}
	t.Run("again and again", func(t *testing.T) {
		at(t, func(d *desk) {
			d.Journal = &overtaking{d.Journal, 1000}
			_, err := d.arrive(run.Directives{RunID: "r", NewRun: true})
			assert.ErrorIs(t, err, run.ErrOvertaken)
			assert.EqualError(t, err, `run "r.100" has been started meanwhile`)
			assert.Empty(t, d.heard())
		})
	})
}
