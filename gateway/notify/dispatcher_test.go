package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

var errDown = errors.New("down")

// A receiver notes what it is told, and when.
type receiver struct {
	answer func(e *run.Event) error // nil is always well
	began  time.Time

	mu   sync.Mutex
	told []string
	well []*run.Event // that were delivered
}

func newReceiver(answer func(e *run.Event) error) *receiver {
	return &receiver{answer: answer, began: time.Now()}
}

func (r *receiver) Notify(_ context.Context, e *run.Event) error {
	r.mu.Lock()
	r.told = append(r.told, fmt.Sprintf("%v %s %s", time.Since(r.began), e.Run.ID, e.Type))
	r.mu.Unlock()
	if r.answer != nil {
		if err := r.answer(e); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.well = append(r.well, e)
	r.mu.Unlock()
	return nil
}

// heard returns what the receiver has been told when nothing goes on any more.
func (r *receiver) heard() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told
}

func event(t run.EventType, id string) *run.Event {
	return &run.Event{Type: t, At: time.Now(), Run: run.Run{Key: run.Key{Team: "team:ops", ID: id}}, Agent: "alice"}
}

func approval(id string) *run.Event {
	e := event(run.ApprovalPending, id)
	e.Gate = &run.Gate{ID: "gate_" + id, Run: e.Run.Key, Agent: "alice", Status: run.GatePending}
	return e
}

// tell tells d events of those types, all of them now.
func tell(d *notify.Dispatcher, events ...*run.Event) {
	for _, e := range events {
		d.Event(context.Background(), e)
	}
}

func down(*run.Event) error { return errDown }

// failing fails so many times.
func failing(times int) func(*run.Event) error {
	return func(*run.Event) error {
		if times--; times >= 0 {
			return errDown
		}
		return nil
	}
}

// of fails for one run only.
func of(id string, fail func(*run.Event) error) func(*run.Event) error {
	return func(e *run.Event) error {
		if e.Run.ID == id {
			return fail(e)
		}
		return nil
	}
}

func TestAttempts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(*run.Event) error
		want   []string
		dead   int
	}{
		{"delivered at once", nil, []string{"0s a run.started"}, 0},
		{"down for a moment", failing(2), []string{"0s a run.started", "1s a run.started", "3s a run.started"}, 0},
		{"down for ever", down, []string{"0s a run.started", "1s a run.started", "3s a run.started", "7s a run.started", "15s a run.started",
			"31s a run.started", "1m3s a run.started", "2m7s a run.started", "4m15s a run.started", "8m31s a run.started"}, 1},
		{"it panics", func(*run.Event) error { panic("oh") }, []string{"0s a run.started", "1s a run.started", "3s a run.started", "7s a run.started",
			"15s a run.started", "31s a run.started", "1m3s a run.started", "2m7s a run.started", "4m15s a run.started", "8m31s a run.started"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReceiver(tt.answer)
				d := notify.NewDispatcher(nil, nil, r)
				tell(d, event(run.RunStarted, "a"))
				time.Sleep(time.Hour)
				assert.Equal(t, tt.want, r.heard())
				assert.Len(t, dead(t, d), tt.dead)
				assert.NoError(t, d.Close(t.Context()))
			})
		})
	}
}

func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer func(*run.Event) error
		want   []string
	}{
		{"all is well", nil, []string{"0s a run.started", "0s b run.started", "0s a run.blocked", "0s b run.completed"}},
		{"a run waits for its first event, and no other run does", of("a", failing(2)),
			[]string{"0s a run.started", "0s b run.started", "0s b run.completed", "1s a run.started", "3s a run.started", "3s a run.blocked"}},
		{"all wait, and stay in order", failing(2),
			[]string{"0s a run.started", "0s b run.started", "1s a run.started", "1s b run.started", "1s a run.blocked", "1s b run.completed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReceiver(tt.answer)
				d := notify.NewDispatcher(nil, nil, r)
				tell(d, event(run.RunStarted, "a"), event(run.RunStarted, "b"), event(run.RunBlocked, "a"), event(run.RunCompleted, "b"))
				time.Sleep(time.Hour)
				assert.Equal(t, tt.want, r.heard())
			})
		})
	}
}

// What comes after an event that became a dead letter is delivered all the same.
func TestDeadLetterMakesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(func(e *run.Event) error {
			if e.Type == run.RunStarted {
				return errDown
			}
			return nil
		})
		d := notify.NewDispatcher(nil, nil, r)
		tell(d, event(run.RunStarted, "a"), event(run.RunCompleted, "a"))
		time.Sleep(time.Hour)
		told := r.heard()
		assert.Equal(t, "8m31s a run.completed", told[len(told)-1])
	})
}

// A new event of another run does not wait for those that are tried again.
func TestNewEventWhileAnotherWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(of("a", down))
		d := notify.NewDispatcher(nil, nil, r)
		tell(d, event(run.RunStarted, "a"))
		time.Sleep(20 * time.Second)
		tell(d, event(run.RunStarted, "b"))
		told := r.heard()
		assert.Equal(t, "20s b run.started", told[len(told)-1])
		time.Sleep(11 * time.Second)
		told = r.heard()
		assert.Equal(t, "31s a run.started", told[len(told)-1])
		time.Sleep(time.Hour)
	})
}

func TestNotifiersAreOnTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hanging := notify.NotifierFunc(func(context.Context, *run.Event) error { <-release; return nil })
		panicking := newReceiver(func(*run.Event) error { panic("oh") })
		failing, well := newReceiver(down), newReceiver(nil)
		var log bytes.Buffer
		d := notify.NewDispatcher(nil, slog.New(slog.NewTextHandler(&log, nil)), hanging, panicking, failing, well)

		tell(d, event(run.RunStarted, "a"), approval("a"), approval("b"))
		assert.Equal(t, []string{"0s a run.started", "0s a approval.pending", "0s b approval.pending"}, well.heard())

		time.Sleep(time.Hour)
		errs := map[string]int{}
		for _, l := range dead(t, d) {
			errs[l.Error]++
		}
		assert.Equal(t, map[string]int{"down": 3, "the notifier panicked": 3}, errs)
		assert.Contains(t, log.String(), "panic=oh")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := d.Close(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "3 events were not delivered")
		gates := 0
		for _, l := range dead(t, d) {
			if l.Notifier == "notify.NotifierFunc" && l.Event.Gate != nil {
				gates++
			}
		}
		assert.Equal(t, 2, gates, "gates that the hanging notifier was not told of")
		close(release)
	})
}

func TestAttemptsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends []time.Duration
		began := time.Now()
		d := notify.NewDispatcher(nil, nil, notify.NotifierFunc(func(ctx context.Context, _ *run.Event) error {
			<-ctx.Done()
			ends = append(ends, time.Since(began))
			return ctx.Err()
		}))
		tell(d, event(run.RunStarted, "a"))
		time.Sleep(65 * time.Second)
		synctest.Wait()
		assert.Equal(t, []time.Duration{notify.AttemptTimeout, 2*notify.AttemptTimeout + notify.FirstWait}, ends)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, d.Close(ctx), context.Canceled)
		synctest.Wait()
		assert.Equal(t, 65*time.Second, ends[2], "the attempt that was under way has ended with Close")
	})
}

// The agent's call goes on with its memory when it has told of an event.
func TestEventIsCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *run.Event
		d := notify.NewDispatcher(nil, nil, notify.NotifierFunc(func(_ context.Context, e *run.Event) error { got = e; return nil }))
		e := event(run.PolicyDrift, "a")
		e.Finding = &run.Finding{Rule: "tools", Args: []byte(`{"a":1}`)}
		tell(d, e)
		copy(e.Finding.Args, "xxxxxxx")
		*e.Finding = run.Finding{}
		synctest.Wait()
		assert.Equal(t, &run.Finding{Rule: "tools", Args: []byte(`{"a":1}`)}, got.Finding)
	})
}

func TestClose(t *testing.T) {
	within := func(t *testing.T, limit time.Duration) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		t.Cleanup(cancel)
		return ctx
	}
	for _, tt := range []struct {
		name   string
		answer func(*run.Event) error
		before time.Duration // from the event to Close
		limit  time.Duration
		want   []string
		left   int
	}{
		{"nothing is left", nil, time.Second, 0, []string{"0s a run.started"}, 0},
		{"what waits is tried at once", failing(4), 10 * time.Second, time.Minute,
			[]string{"0s a run.started", "1s a run.started", "3s a run.started", "7s a run.started", "10s a run.started"}, 0},
		{"and again while there is time", failing(4), 5 * time.Second, time.Minute,
			[]string{"0s a run.started", "1s a run.started", "3s a run.started", "5s a run.started", "13s a run.started"}, 0},
		{"time is up", down, 5 * time.Second, 5 * time.Second,
			[]string{"0s a run.started", "1s a run.started", "3s a run.started", "5s a run.started"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReceiver(tt.answer)
				d := notify.NewDispatcher(nil, nil, r)
				tell(d, event(run.RunStarted, "a"))
				time.Sleep(tt.before)
				err := d.Close(within(t, tt.limit))
				if tt.left > 0 {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
				} else {
					assert.NoError(t, err)
				}
				assert.Len(t, dead(t, d), tt.left)
				assert.NoError(t, d.Close(t.Context()), "again")

				tell(d, event(run.RunCompleted, "a"))
				time.Sleep(time.Hour)
				assert.Equal(t, tt.want, r.heard(), "nothing is delivered after Close")
				letters := dead(t, d)
				assert.Equal(t, run.RunCompleted, letters[len(letters)-1].Event.Type)
				assert.Equal(t, notify.ErrClosed.Error(), letters[len(letters)-1].Error)
			})
		})
	}
}

func TestCloseDeliversWhatComesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver(func(*run.Event) error { time.Sleep(time.Second); return nil })
		d := notify.NewDispatcher(nil, nil, r)
		for i := range 10 {
			tell(d, event(run.RunStarted, fmt.Sprint(i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.NoError(t, d.Close(ctx))
		assert.Len(t, r.heard(), 10)
	})
}

func TestNoNotifiers(t *testing.T) {
	d := notify.NewDispatcher(nil, nil)
	tell(d, event(run.RunStarted, "a"))
	assert.Empty(t, dead(t, d))
	assert.NoError(t, d.Close(t.Context()))
}
