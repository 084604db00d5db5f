package late_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway/internal/late"
)

var errDown = errors.New("connection refused")

// A shop is where work can be done, or not.
type shop struct {
	began time.Time

	mu     sync.Mutex
	closed bool
	tried  []time.Duration
	done   []string
}

func newShop() *shop { return &shop{began: time.Now(), closed: true} }

func (s *shop) set(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = !open
}

func (s *shop) seen() (tried []time.Duration, done []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried, s.done
}

type errand struct {
	*shop
	name   string
	bytes  int
	always error
}

func (e *errand) Do(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tried = append(e.tried, time.Since(e.began))
	switch {
	case e.name == "panic":
		panic("a driver's mistake")
	case e.always != nil:
		return e.always
	case e.closed:
		return errDown
	}
	e.done = append(e.done, e.name)
	return nil
}

func (e *errand) Bytes() int         { return e.bytes }
func (e *errand) Attrs() []slog.Attr { return []slog.Attr{slog.String("errand", e.name)} }

func queued(t *testing.T, f func(t *testing.T, q *late.Queue, s *shop, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := &bytes.Buffer{}
		q := late.NewQueue(slog.New(slog.NewTextHandler(log, nil)))
		f(t, q, newShop(), log)
	})
}

func TestWorkIsTriedUntilItIsDone(t *testing.T) {
	queued(t, func(t *testing.T, q *late.Queue, s *shop, log *bytes.Buffer) {
		q.Add(&errand{shop: s, name: "a"})
		time.Sleep(10 * time.Minute)
		tried, _ := s.seen()
		assert.Less(t, len(tried), 90, "with growing pauses")
		assert.Greater(t, len(tried), 45)
		assert.Less(t, tried[0], time.Second)

		s.set(true)
		time.Sleep(15 * time.Second)
		_, done := s.seen()
		assert.Equal(t, []string{"a"}, done)
		assert.Zero(t, q.Len())
		assert.Empty(t, log.String())
		s.set(false)
		time.Sleep(time.Hour)
		again, _ := s.seen()
		assert.Len(t, again, len(tried)+1, "then nothing happens any more")
	})
}

func TestOneThatCannotBeDoneIsInNobodysWay(t *testing.T) {
	queued(t, func(t *testing.T, q *late.Queue, s *shop, log *bytes.Buffer) {
		s.set(true)
		q.Add(&errand{shop: s, name: "never", always: errDown})
		q.Add(&errand{shop: s, name: "panic"})
		for i := range 20 {
			q.Add(&errand{shop: s, name: fmt.Sprint(i)})
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
		_, done := s.seen()
		assert.Len(t, done, 20)
		assert.Equal(t, 2, q.Len())
		assert.Contains(t, log.String(), "a driver's mistake")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, q.Wait(ctx), context.DeadlineExceeded)
	})
}

func TestThereIsNoRoomForMore(t *testing.T) {
	for _, c := range []struct {
		name       string
		bytes, fit int
	}{{"by number", 1, late.MaxWork}, {"by bytes", late.MaxBytes / 10, 10}} {
		t.Run(c.name, func(t *testing.T) {
			queued(t, func(t *testing.T, q *late.Queue, s *shop, log *bytes.Buffer) {
				for range c.fit {
					q.Add(&errand{shop: s, name: "kept", bytes: c.bytes})
				}
				assert.Empty(t, log.String())
				q.Add(&errand{shop: s, name: "lost", bytes: c.bytes})
				assert.Equal(t, c.fit, q.Len())
				assert.Contains(t, log.String(), "errand=lost")
				s.set(true)
				assert.NoError(t, q.Wait(t.Context()))
				_, done := s.seen()
				assert.Len(t, done, c.fit)
				assert.NotContains(t, done, "lost")
				q.Add(&errand{shop: s, name: "again", bytes: c.bytes})
				assert.Equal(t, 1, q.Len(), "there is room again")
				assert.NoError(t, q.Wait(t.Context()))
			})
		})
	}
}

func TestWait(t *testing.T) {
	queued(t, func(t *testing.T, q *late.Queue, s *shop, log *bytes.Buffer) {
		assert.NoError(t, q.Wait(t.Context()), "there is nothing")
		q.Add(&errand{shop: s, name: "a"})
		q.Add(&errand{shop: s, name: "b"})
		time.Sleep(10 * time.Minute) // the pauses are long now
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		tried, _ := s.seen()
		assert.ErrorIs(t, q.Wait(ctx), context.DeadlineExceeded)
		now, _ := s.seen()
		assert.Greater(t, len(now)-len(tried), 20, "who waits for the end does not wait for a long pause")
		for _, name := range []string{"a", "b"} {
			assert.Equal(t, 1, strings.Count(log.String(), "errand="+name), "it is logged what is left")
		}

		time.Sleep(time.Minute)
		still, _ := s.seen()
		assert.Len(t, still, len(now), "nobody does anything any more")

		time.AfterFunc(time.Minute, func() { s.set(true) })
		began := time.Now()
		assert.NoError(t, q.Wait(t.Context()))
		assert.Less(t, time.Since(began), 62*time.Second)
		assert.GreaterOrEqual(t, time.Since(began), time.Minute)
	})
}
