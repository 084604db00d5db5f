package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// dead are the dead letters of d.
func dead(t testing.TB, d *notify.Dispatcher) []notify.DeadLetter {
	letters, err := d.DeadLetters(t.Context())
	require.NoError(t, err)
	return letters
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		d := notify.NewDispatcher(nil, nil, newReceiver(down), newReceiver(nil))
		e := approval("a")
		tell(d, e)
		time.Sleep(time.Hour)
		assert.Equal(t, []notify.DeadLetter{{
			ID: e.ID(), Notifier: "*notify_test.receiver", Event: e, Tries: 10, At: began.Add(8*time.Minute + 31*time.Second), Error: "down",
		}}, dead(t, d))
	})
}

func TestResend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, well := newReceiver(failing(10)), newReceiver(nil)
		d := notify.NewDispatcher(nil, nil, first, well)
		e := approval("a")
		tell(d, e)
		time.Sleep(time.Hour)
		id := dead(t, d)[0].ID

		assert.ErrorIs(t, d.Resend(t.Context(), "evt_0"), notify.ErrNoDeadLetter)
		require.NoError(t, d.Resend(t.Context(), id))
		assert.Equal(t, "1h0m0s a approval.pending", first.heard()[10])
		assert.Len(t, well.heard(), 1, "who has got it gets it no more")
		assert.Empty(t, dead(t, d))
		assert.ErrorIs(t, d.Resend(t.Context(), id), notify.ErrNoDeadLetter)
	})
}

func TestResendCanFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := notify.NewDispatcher(nil, nil, newReceiver(down))
		tell(d, approval("a"))
		time.Sleep(time.Hour)
		id := dead(t, d)[0].ID

		require.NoError(t, d.Resend(t.Context(), id))
		time.Sleep(time.Hour)
		require.Len(t, dead(t, d), 1, "it is dead again")

		require.NoError(t, d.Close(t.Context()))
		assert.ErrorIs(t, d.Resend(t.Context(), id), notify.ErrClosed)
		assert.Len(t, dead(t, d), 1)
	})
}

// Whatever happens at once, an event is delivered or a dead letter.
func TestNothingIsLost(t *testing.T) {
	const senders, each = 8, 100
	var mu sync.Mutex
	delivered := map[string]bool{}
	d := notify.NewDispatcher(nil, nil, notify.NotifierFunc(func(_ context.Context, e *run.Event) error {
		mu.Lock()
		defer mu.Unlock()
		if rand.IntN(3) == 0 {
			return errDown
		}
		delivered[e.Run.ID] = true
		return nil
	}))
	var sending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for i := range each {
				tell(d, event(run.RunStarted, fmt.Sprint(s, "-", i)))
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.Close(ctx) // in the midst of it
	sending.Wait()
	mu.Lock()
	defer mu.Unlock()
	for _, l := range dead(t, d) {
		delivered[l.Event.Run.ID] = true
	}
	assert.Len(t, delivered, senders*each)
}

// Ten thousand runs start while a receiver hangs, and gates open among them.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events, gateEvery = 10_000, 100
		release := make(chan struct{})
		var log bytes.Buffer
		d := notify.NewDispatcher(nil, slog.New(slog.NewTextHandler(&log, nil)), notify.NotifierFunc(func(context.Context, *run.Event) error {
			<-release
			return errDown
		}))
		for i := range events {
			if i%gateEvery == 0 {
				tell(d, approval(fmt.Sprint("gate-", i)))
			} else {
				tell(d, event(run.RunStarted, fmt.Sprint(i)))
			}
		}
		assert.Len(t, dead(t, d), notify.MaxDeadLetters, "kept")
		assert.Less(t, strings.Count(log.String(), "\n"), 20, "lines are logged")
		assert.Contains(t, log.String(), "events become dead letters")
		assert.Contains(t, log.String(), "dead letters dropped")

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		const waited = notify.MaxQueued/4 + (events-notify.MaxQueued/4)/gateEvery // and then gates only
		assert.ErrorContains(t, d.Close(ctx), fmt.Sprintf("%d events were not delivered", waited))
		gates := map[string]bool{}
		for _, l := range dead(t, d) {
			if l.Event.Gate != nil {
				gates[l.Event.Gate.ID] = true
			}
		}
		assert.Len(t, gates, events/gateEvery, "no gate is lost")
		close(release)
	})
}

// A queue is bounded in bytes, too, and half of that is kept for approvals.
func TestLargeArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = notify.MaxQueuedBytes / run.MaxArgs // events that are as large as can be
		release := make(chan struct{})
		d := notify.NewDispatcher(nil, nil, notify.NotifierFunc(func(context.Context, *run.Event) error { <-release; return nil }))
		args := make([]byte, run.MaxArgs+1)
		alert := func(n int) *run.Event {
			e := event(run.RuleAlert, fmt.Sprint("alert ", n))
			e.Finding = &run.Finding{Args: args}
			return e
		}
		large := func(n int) *run.Event {
			e := approval(fmt.Sprint(n))
			e.Gate.Proposed = []run.Proposal{{Tool: "t", Args: args}}
			return e
		}
		for n := range most {
			tell(d, alert(n))
		}
		require.Len(t, dead(t, d), most*3/4, "a quarter is for what one team has but approvals")
		for n := range most / 4 {
			tell(d, large(n))
		}
		require.Len(t, dead(t, d), most*3/4, "and as much again for its approvals")
		for n := range most / 4 {
			tell(d, large(most/4+n))
		}
		require.Len(t, dead(t, d), most)
		assert.Equal(t, fmt.Sprint("alert ", most/4), dead(t, d)[0].Event.Run.ID)
		tell(d, large(most))
		require.Len(t, dead(t, d), most)
		assert.Equal(t, fmt.Sprint("alert ", most/4+1), dead(t, d)[0].Event.Run.ID, "the first that is no approval was dropped")
		for n := range most {
			tell(d, large(2*most+n))
		}
		require.Len(t, dead(t, d), most)
		assert.Equal(t, fmt.Sprint(2*most), dead(t, d)[0].Event.Run.ID, "where there is none, the first")
		close(release)
	})
}

// Whatever one team has waiting for a notifier, events of another find room.
func TestATeamLeavesRoomForOthers(t *testing.T) {
	of := func(team string, e *run.Event) *run.Event {
		e.Run.Team = team
		return e
	}
	started := func(id string) *run.Event { return event(run.RunStarted, id) }
	for _, tt := range []struct {
		name  string
		event func(id string) *run.Event
		args  int
		room  []int // that teams find one after the other, each of which tells all that it can
	}{
		{"in number", started, 0, []int{notify.MaxQueued / 4, notify.MaxQueued / 8, notify.MaxQueued / 16}},
		{"of approvals", approval, 0, []int{notify.MaxQueued / 2, notify.MaxQueued / 4, notify.MaxQueued / 8}},
		{"of large approvals", approval, 1 << 20, []int{notify.MaxQueuedBytes / run.MaxArgs / 2, notify.MaxQueuedBytes / run.MaxArgs / 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := notify.NewDispatcher(nil, nil, newReceiver(down))
				for i, room := range tt.room {
					before := len(dead(t, d))
					for n := range room + 1 {
						e := of(fmt.Sprint("team:", i), tt.event(fmt.Sprint(n)))
						if tt.args > 0 {
							e.Gate.Proposed = []run.Proposal{{Args: make([]byte, tt.args)}}
						}
						tell(d, e)
					}
					letters := dead(t, d)[before:]
					require.Len(t, letters, 1, "of team %d", i)
					assert.Equal(t, fmt.Sprint(room), letters[0].Event.Run.ID, "the last one")
					assert.Equal(t, notify.ErrNoRoom.Error(), letters[0].Error)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_ = d.Close(ctx)
			})
		})
	}
}
