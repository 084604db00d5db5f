package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

var errLost = errors.New("connection refused")

// A sharedOutbox is an outbox that several dispatchers share, and that may not
// answer.
type sharedOutbox struct {
	*outbox.Memory

	mu   sync.Mutex
	down bool
}

func newShared() *sharedOutbox {
	return &sharedOutbox{Memory: outbox.NewMemory(slog.New(slog.DiscardHandler))}
}

// happens puts events into the outbox, as a journal does.
func (o *sharedOutbox) happens(events ...*run.Event) {
	for _, e := range events {
		o.Add(e, time.Now())
	}
}

func (o *sharedOutbox) goes(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

func (o *sharedOutbox) reach() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		return errLost
	}
	return nil
}

func (o *sharedOutbox) Subscribe(ctx context.Context, name string, types []run.EventType, at, until time.Time) error {
	if err := o.reach(); err != nil {
		return err
	}
	return o.Memory.Subscribe(ctx, name, types, at, until)
}

func (o *sharedOutbox) TakeMessages(ctx context.Context, name string, n int, at, until time.Time) ([]run.Message, error) {
	if err := o.reach(); err != nil {
		return nil, err
	}
	return o.Memory.TakeMessages(ctx, name, n, at, until)
}

func (o *sharedOutbox) EndMessage(ctx context.Context, m *run.Message, oc *run.Outcome) error {
	if err := o.reach(); err != nil {
		return err
	}
	return o.Memory.EndMessage(ctx, m, oc)
}

func (o *sharedOutbox) DeadMessages(ctx context.Context, n int) ([]run.DeadMessage, error) {
	if err := o.reach(); err != nil {
		return nil, err
	}
	return o.Memory.DeadMessages(ctx, n)
}

func (o *sharedOutbox) ReviveMessages(ctx context.Context, event string, at time.Time) error {
	if err := o.reach(); err != nil {
		return err
	}
	return o.Memory.ReviveMessages(ctx, event, at)
}

// A target is what the notifiers of all replicas tell.
type target struct {
	*receiver
	name string
}

func (t *target) String() string { return t.name }

func newTarget(name string, answer func(*run.Event) error) *target {
	return &target{newReceiver(answer), name}
}

// replicas are dispatchers to one target, of processes that share an outbox.
func replicas(o run.Outbox, n int, to notify.Notifier) []*notify.Dispatcher {
	all := make([]*notify.Dispatcher, n)
	for i := range all {
		all[i] = notify.NewDispatcher(o, nil, to)
	}
	return all
}

func TestReplicasShareEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, both := newShared(), map[string]int{}
		busy := func(*run.Event) error { time.Sleep(100 * time.Millisecond); return nil }
		one, two := newTarget("hook", busy), newTarget("hook", busy)
		notify.NewDispatcher(o, nil, one)
		notify.NewDispatcher(o, nil, two)
		for i := range 100 {
			o.happens(event(run.RunStarted, fmt.Sprint(i)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, r := range []*target{one, two} {
			assert.Greater(t, len(r.told), 10, "each does some of the work")
			for _, e := range r.well {
				both[e.Run.ID]++
			}
		}
		assert.Len(t, both, 100)
		for id, n := range both {
			assert.Equal(t, 1, n, id)
		}
	})
}

// The process that has done something knows at once that there is something to
// deliver; the others ask once a second. Nobody is told twice of it.
func TestLatency(t *testing.T) {
	for _, tt := range []struct {
		name  string
		local bool
		want  string
	}{
		{"here", true, "300ms a run.started"},
		{"elsewhere", false, "1s a run.started"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, r := newShared(), newTarget("hook", nil)
				d := notify.NewDispatcher(o, nil, r)
				time.Sleep(300 * time.Millisecond)
				e := event(run.RunStarted, "a")
				o.happens(e)
				if tt.local {
					tell(d, e)
				}
				time.Sleep(time.Hour)
				assert.Equal(t, []string{tt.want}, r.heard())
			})
		})
	}
}

func TestDeliveryIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newShared(), newTarget("hook", nil)
		replicas(o, 2, r)
		synctest.Wait()
		o.happens(event(run.RunStarted, "a"), event(run.RunCompleted, "a"), event(run.RunStarted, "b"))
		began := time.Now()
		taken, err := o.TakeMessages(t.Context(), "hook", 1, began, began.Add(2*notify.AttemptTimeout))
		require.NoError(t, err)
		require.Len(t, taken, 1)
		require.Equal(t, "a", taken[0].Event.Run.ID, "by a process that dies now")
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"1s b run.started", "1m0s a run.started", "1m0s a run.completed"}, r.heard())
	})
}

func TestReplicasKeepTheOrderOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		o, r := newShared(), newTarget("hook", func(*run.Event) error {
			time.Sleep(10 * time.Millisecond)
			if n.Add(1)%3 == 0 {
				return errDown
			}
			return nil
		})
		replicas(o, 3, r)
		want := map[string][]int64{}
		for i := range 60 {
			e := event(run.RunBlocked, fmt.Sprint(i%4))
			e.Run.Steps = int64(i)
			want[e.Run.ID] = append(want[e.Run.ID], e.Run.Steps)
			o.happens(e)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		got := map[string][]int64{}
		for _, e := range r.well {
			got[e.Run.ID] = append(got[e.Run.ID], e.Run.Steps)
		}
		assert.Equal(t, want, got)
	})
}

func TestTriesAreCountedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newShared(), newTarget("hook", down)
		ds := replicas(o, 3, r)
		began := time.Now()
		e := event(run.RunStarted, "a")
		o.happens(e)
		tell(ds[0], e)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"0s a run.started", "1s a run.started", "3s a run.started", "7s a run.started", "15s a run.started",
			"31s a run.started", "1m3s a run.started", "2m7s a run.started", "4m15s a run.started", "8m31s a run.started"}, r.heard())
		want := []notify.DeadLetter{{ID: e.ID(), Notifier: "hook", Event: e, Tries: 10, At: began.Add(8*time.Minute + 31*time.Second), Error: "down"}}
		for _, d := range ds {
			assert.Equal(t, want, dead(t, d), "each knows of it")
		}

		r.answer = nil
		require.NoError(t, ds[1].Resend(t.Context(), e.ID()))
		assert.ErrorIs(t, ds[2].Resend(t.Context(), e.ID()), notify.ErrNoDeadLetter)
		assert.Equal(t, "1h0m0s a run.started", r.heard()[10])
		assert.Empty(t, dead(t, ds[0]))
	})
}

func TestAHangingTargetHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		o, well := newShared(), newTarget("well", nil)
		hangs := newTarget("hangs", func(*run.Event) error { <-release; return nil })
		d := notify.NewDispatcher(o, nil, hangs, well)
		o.happens(event(run.RunStarted, "a"), event(run.RunStarted, "b"))
		tell(d, event(run.RunStarted, "a"))
		assert.Equal(t, []string{"0s a run.started", "0s b run.started"}, well.heard())
		assert.Equal(t, []string{"0s a run.started"}, hangs.heard())
		close(release)
		assert.Equal(t, []string{"0s a run.started", "0s b run.started"}, hangs.heard())
		time.Sleep(time.Hour)
		assert.Len(t, hangs.heard(), 2)
	})
}

// A process that ends leaves what it has not delivered to others, at once.
func TestCloseGivesBack(t *testing.T) {
	for name, hang := range map[string]func(ctx context.Context, release chan struct{}) error{
		"an attempt that ends with its context": func(ctx context.Context, _ chan struct{}) error { <-ctx.Done(); return ctx.Err() },
		"one that does not":                     func(_ context.Context, release chan struct{}) error { <-release; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				o, r := newShared(), newTarget("hook", nil)
				first := notify.NewDispatcher(o, nil, &hanging{"hook", func(ctx context.Context) error { return hang(ctx, release) }})
				o.happens(event(run.RunStarted, "a"), event(run.RunCompleted, "a"))
				time.Sleep(1200 * time.Millisecond)
				second := notify.NewDispatcher(o, nil, r)
				time.Sleep(3500 * time.Millisecond)
				require.Empty(t, r.heard())

				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := first.Close(ctx)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.ErrorContains(t, err, "1 events were not delivered")
				close(release)
				time.Sleep(2 * time.Second)
				assert.Equal(t, []string{"6.2s a run.started", "6.2s a run.completed"}, r.heard())
				assert.Empty(t, dead(t, second))
				assert.NoError(t, second.Close(t.Context()))
				assert.NoError(t, second.Close(t.Context()), "again")
			})
		})
	}
}

type hanging struct {
	name string
	hang func(context.Context) error
}

func (h *hanging) String() string                                 { return h.name }
func (h *hanging) Notify(ctx context.Context, _ *run.Event) error { return h.hang(ctx) }

// Close waits for the attempt under way, and begins no other.
func TestCloseLeavesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newShared(), newTarget("hook", func(*run.Event) error { time.Sleep(time.Second); return nil })
		first := notify.NewDispatcher(o, nil, r)
		for i := range 3 {
			o.happens(event(run.RunStarted, fmt.Sprint(i)))
		}
		tell(first, event(run.RunStarted, "0"))
		time.Sleep(500 * time.Millisecond)
		require.NoError(t, first.Close(t.Context()))
		tell(first, event(run.RunStarted, "0"))
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"0s 0 run.started"}, r.heard())
		notify.NewDispatcher(o, nil, r)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"0s 0 run.started", "1h0m1s 1 run.started", "1h0m2s 2 run.started"}, r.heard())
	})
}

// What happens while nobody is there is kept for three days.
func TestSubscriptionsOutliveProcesses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after time.Duration
		want  int
	}{
		{"in time", 71 * time.Hour, 1},
		{"too late", 73 * time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, r := newShared(), newTarget("hook", nil)
				d := notify.NewDispatcher(o, nil, notify.Filter{Events: []string{"run.*"}, Notifier: r})
				time.Sleep(5 * time.Hour)
				require.NoError(t, d.Close(t.Context()))
				time.Sleep(tt.after)
				o.happens(event(run.RunStarted, "a"), event(run.PolicyDrift, "a"))
				notify.NewDispatcher(o, nil, r)
				assert.Len(t, r.heard(), tt.want)
			})
		})
	}
}

// choosy wants what it is told to.
type choosy struct {
	*target
	mu    sync.Mutex
	wants run.EventType
}

func (c *choosy) Wants(t run.EventType) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t == c.wants
}

func TestWhatIsWantedChanges(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprint("shared: ", shared), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, c := newShared(), &choosy{target: newTarget("hook", nil), wants: run.RunStarted}
				var d *notify.Dispatcher
				both := func(e *run.Event) {
					if o.happens(e); !shared {
						tell(d, e)
					}
				}
				if shared {
					d = notify.NewDispatcher(o, nil, c)
				} else {
					d = notify.NewDispatcher(nil, nil, c)
				}
				both(event(run.RunStarted, "a"))
				both(event(run.RunBlocked, "a"))
				time.Sleep(2 * time.Second)
				c.mu.Lock()
				c.wants = run.RunBlocked
				c.mu.Unlock()
				time.Sleep(2 * time.Second)
				both(event(run.RunStarted, "b"))
				both(event(run.RunBlocked, "b"))
				time.Sleep(2 * time.Second)
				told := c.heard()
				require.Len(t, told, 2)
				assert.Contains(t, told[0], "a run.started")
				assert.Contains(t, told[1], "b run.blocked")
			})
		})
	}
}

// An outbox that does not answer loses nothing, and nothing is delivered twice for
// that.
func TestTheOutboxIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, log := newShared(), &lines{}
		r := newTarget("hook", func(*run.Event) error { time.Sleep(500 * time.Millisecond); return nil })
		d := notify.NewDispatcher(o, slog.New(log), r)
		o.happens(event(run.RunStarted, "a"), event(run.RunStarted, "b"))
		tell(d, event(run.RunStarted, "a"))
		synctest.Wait()
		time.Sleep(300 * time.Millisecond) // in the midst of an attempt
		o.goes(true)
		_, err := d.DeadLetters(t.Context())
		assert.ErrorIs(t, err, errLost)
		assert.ErrorIs(t, d.Resend(t.Context(), "evt_0"), errLost)
		time.Sleep(50 * time.Second)
		o.happens(event(run.RunCompleted, "a"))
		tell(d, event(run.RunCompleted, "a"))
		time.Sleep(5 * time.Second)
		o.goes(false)
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"0s a run.started", "55.5s b run.started", "56s a run.completed"}, r.heard())
		assert.Equal(t, []string{"outbox does not answer; events wait", "outbox answers again"}, log.all)
	})
}

// A process starts while the outbox is away.
func TestTheOutboxIsAwayAtTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r := newShared(), newTarget("hook", nil)
		o.goes(true)
		notify.NewDispatcher(o, nil, r)
		time.Sleep(time.Minute)
		o.goes(false)
		time.Sleep(1500 * time.Millisecond)
		o.happens(event(run.RunStarted, "a"))
		time.Sleep(time.Second)
		assert.Len(t, r.heard(), 1)
	})
}

// Notifiers of the same name are told apart by their order.
func TestNotifiersOfOneName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newShared()
		d := notify.NewDispatcher(o, nil, newTarget("hook", down), newTarget("hook", nil), newTarget("hook", down))
		o.happens(event(run.RunStarted, "a"))
		time.Sleep(time.Hour)
		letters := dead(t, d)
		require.Len(t, letters, 2)
		assert.Equal(t, "hook", letters[0].Notifier)
		assert.Equal(t, "hook 3", letters[1].Notifier)
	})
}

// lines are what is logged.
type lines struct {
	slog.Handler
	mu  sync.Mutex
	all []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, r.Message)
	return nil
}
