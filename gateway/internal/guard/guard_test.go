package guard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/run"
)

const timeout = 50 * time.Millisecond

var errDown = errors.New("connection refused")

// A backEnd is a journal of which the test says how it answers.
type backEnd struct {
	run.Journal
	run.GateJournal
	answer func(ctx context.Context) error

	mu    sync.Mutex
	asked int
}

func (b *backEnd) Find(ctx context.Context, _ run.Key, _ time.Time) (run.Run, error) {
	b.mu.Lock()
	b.asked++
	b.mu.Unlock()
	return run.Run{}, b.answer(ctx)
}

func (b *backEnd) Sweep(ctx context.Context, _ time.Time) (run.Swept, error) {
	_, err := b.Find(ctx, run.Key{}, time.Time{})
	return run.Swept{}, err
}

// Asked is how often it was asked since the last time.
func (b *backEnd) Asked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.asked
	b.asked = 0
	return n
}

func fine(context.Context) error      { return nil }
func down(context.Context) error      { return errDown }
func hangs(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// guarded has f try a journal under guard.
func guarded(t *testing.T, f func(t *testing.T, b *backEnd, j *guard.Journal, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, log := &backEnd{answer: fine}, &bytes.Buffer{}
		f(t, b, guard.NewJournal(b, b, timeout, slog.New(slog.NewTextHandler(log, nil))), log)
	})
}

func find(j *guard.Journal) error {
	_, err := j.Find(context.Background(), run.Key{ID: "nightly"}, time.Now())
	return err
}

// breakOpen has it fail until it is not asked any more.
func breakOpen(t *testing.T, b *backEnd, j *guard.Journal) {
	t.Helper()
	b.answer = down
	for range 3 {
		require.Error(t, find(j))
	}
	b.Asked()
	require.ErrorIs(t, find(j), guard.ErrOpen)
	require.Zero(t, b.Asked())
}

func TestAStoreThatHangsIsNotWaitedFor(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = hangs
		began := time.Now()
		err := find(j)
		took := time.Since(began)
		assert.Equal(t, 2, b.Asked())
		assert.GreaterOrEqual(t, took, 2*timeout)
		assert.Less(t, took, 2*timeout+timeout/10)
		assert.EqualError(t, err, "store: find: no answer in time (context deadline exceeded)")
		assert.NotErrorIs(t, err, context.DeadlineExceeded, "which would be the caller's")
	})
}

func TestWithoutATimeoutItIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backEnd{answer: func(context.Context) error { time.Sleep(time.Hour); return nil }}
		j := guard.NewJournal(b, b, -1, slog.New(slog.DiscardHandler))
		began := time.Now()
		assert.NoError(t, find(j))
		assert.Equal(t, time.Hour, time.Since(began))
	})
}

func TestWhatNobodyWaitsForMayTakeLonger(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = func(ctx context.Context) error {
			select {
			case <-time.After(10 * timeout):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		assert.NoError(t, j.Check(t.Context()))
		assert.Error(t, find(j))
		b.answer = func(context.Context) error { time.Sleep(time.Minute); return nil }
		_, err := j.Sweep(t.Context(), time.Now())
		assert.NoError(t, err)
	})
}

func TestALostReplyIsAskedForAgain(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = func(context.Context) error { b.answer = fine; return errDown }
		assert.NoError(t, find(j))
		assert.Equal(t, 2, b.Asked())

		b.answer = down
		err := find(j)
		assert.Equal(t, 2, b.Asked(), "once")
		assert.ErrorIs(t, err, errDown)
		assert.EqualError(t, err, "store: find: connection refused")
	})
}

func TestASweepIsNotAskedForAgain(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = down
		_, err := j.Sweep(t.Context(), time.Now())
		assert.ErrorIs(t, err, errDown)
		assert.Equal(t, 1, b.Asked())
	})
}

func TestWhatIsNoFailure(t *testing.T) {
	gone, leave := context.WithCancel(context.Background())
	leave()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		answer error
	}{
		{"there is no such run", context.Background(), run.ErrNotFound},
		{"there is no such parent", context.Background(), &run.ParentError{Parent: "x"}},
		{"another run was started", context.Background(), run.ErrOvertaken},
		{"the run has gates", context.Background(), &run.GatedError{}},
		{"the run is closed", context.Background(), &run.StateError{}},
		{"there is no such gate", context.Background(), run.ErrNoGate},
		{"there is no room for a gate", context.Background(), run.ErrGatesFull},
		{"the caller has left", gone, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, log *bytes.Buffer) {
				b.answer = func(context.Context) error { return c.answer }
				for range 100 {
					_, err := j.Find(c.ctx, run.Key{}, time.Now())
					require.Equal(t, c.answer, err)
				}
				assert.Equal(t, 100, b.Asked())
				assert.Empty(t, log.String())
			})
		})
	}
}

func TestFiveFailuresInARowOpenTheBreaker(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, log *bytes.Buffer) {
		b.answer = down
		find(j)
		find(j)
		b.answer = fine
		assert.NoError(t, find(j), "four are not enough")
		b.Asked()
		breakOpen(t, b, j)
		assert.Contains(t, log.String(), "store does not answer")
		assert.Contains(t, log.String(), "connection refused")

		var e *guard.Error
		require.ErrorAs(t, find(j), &e)
		assert.Positive(t, e.After)
		assert.Less(t, e.After, time.Second)
	})
}

// That a store was left alone is said only where it was: where it was asked once, and
// then left alone, what it was asked for may have happened.
func TestWhatWasAskedOnceIsNotSaidToBeLeftAlone(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = down
		for range 3 {
			err := find(j)
			assert.ErrorIs(t, err, errDown)
			assert.NotErrorIs(t, err, guard.ErrOpen)
		}
		assert.Equal(t, 5, b.Asked())
		assert.ErrorIs(t, find(j), guard.ErrOpen)
	})
}

func TestManyFailuresOpenTheBreaker(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		n := 0
		b.answer = func(context.Context) error {
			if n++; n%3 == 0 {
				return nil
			}
			return errDown // and when it is asked again
		}
		opened := func() bool { return errors.Is(find(j), guard.ErrOpen) }
		for range 63 / 3 {
			if opened() {
				break
			}
		}
		for range 20 {
			if opened() {
				return
			}
		}
		t.Error("two of three fail, and it is still asked")
	})
}

func TestFewFailuresDoNot(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		n := 0
		b.answer = func(context.Context) error {
			if n++; n%3 == 0 {
				return errDown
			}
			return nil
		}
		for range 1000 {
			require.NoError(t, find(j))
		}
	})
}

func TestOneTriesWhetherItAnswersAgain(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, log *bytes.Buffer) {
		breakOpen(t, b, j)
		time.Sleep(time.Second)
		b.answer = func(context.Context) error { time.Sleep(timeout / 2); return nil }
		var trying sync.WaitGroup
		trying.Go(func() { assert.NoError(t, find(j)) })
		synctest.Wait()
		for range 10 {
			assert.ErrorIs(t, find(j), guard.ErrOpen, "the others do not wait")
		}
		trying.Wait()
		assert.Equal(t, 1, b.Asked())
		for range 10 {
			assert.NoError(t, find(j))
		}
		assert.Contains(t, log.String(), "store answers again")
	})
}

func TestWhoeverTriesAndLeavesLeavesItToTheNext(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		breakOpen(t, b, j)
		time.Sleep(time.Second)
		b.answer = hangs
		ctx, cancel := context.WithTimeout(t.Context(), timeout/2)
		defer cancel()
		_, err := j.Find(ctx, run.Key{}, time.Now())
		assert.ErrorIs(t, err, context.DeadlineExceeded)

		b.answer = func(context.Context) error { panic("a driver's mistake") }
		assert.Panics(t, func() { find(j) })

		b.answer = fine
		assert.NoError(t, find(j))
	})
}

func TestTheLongerItIsDownTheLessItIsAsked(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		breakOpen(t, b, j)
		for range 1000 {
			require.Error(t, find(j))
			time.Sleep(time.Minute / 1000)
		}
		asked := b.Asked()
		assert.GreaterOrEqual(t, asked, 10)
		assert.Less(t, asked, 25)

		b.answer = fine
		time.Sleep(7 * time.Second)
		assert.NoError(t, find(j))
	})
}

// A reply that comes late says nothing about how the store is now.
func TestOldRepliesDoNotCount(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = func(context.Context) error { time.Sleep(timeout); return nil }
		var late sync.WaitGroup
		for range 10 {
			late.Go(func() { find(j) })
		}
		synctest.Wait()
		breakOpen(t, b, j)
		late.Wait()
		assert.ErrorIs(t, find(j), guard.ErrOpen)
	})
}

func TestCheckAsks(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = func(context.Context) error { return run.ErrNotFound }
		assert.NoError(t, j.Check(t.Context()))
		b.answer = down
		assert.ErrorIs(t, j.Check(t.Context()), errDown)
		breakOpen(t, b, j)
		assert.ErrorIs(t, j.Check(t.Context()), guard.ErrOpen)
		b.answer = fine
		assert.Eventually(t, func() bool { return j.Check(t.Context()) == nil }, time.Second, 10*time.Millisecond, "without any call")
	})
}

// Many who ask a store that hangs at the same time wait once, and those who come
// after them not at all.
func TestADeadStoreCostsLittle(t *testing.T) {
	guarded(t, func(t *testing.T, b *backEnd, j *guard.Journal, _ *bytes.Buffer) {
		b.answer = hangs
		began := time.Now()
		var calls sync.WaitGroup
		for range 1000 {
			calls.Go(func() { find(j) })
			time.Sleep(time.Millisecond)
		}
		calls.Wait()
		assert.Less(t, time.Since(began), 1200*time.Millisecond)
		assert.Less(t, b.Asked(), 70)
	})
}
