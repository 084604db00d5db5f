package run_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// waiting is a Wait that may go on.
type waiting struct {
	*testing.T
	done chan struct{} // closed when it has returned
	took time.Duration // until then
	err  error
}

// wait waits for g, until ctx is done, and returns when that has begun.
func (b *board) wait(ctx context.Context, g run.Gate) *waiting {
	w := &waiting{T: b.T, done: make(chan struct{})}
	began := time.Now()
	go func() {
		defer close(w.done)
		w.err = b.Wait(ctx, &g)
		w.took = time.Since(began)
	}()
	synctest.Wait()
	return w
}

// goesOn checks that it has not returned.
func (w *waiting) goesOn() {
	w.Helper()
	select {
	case <-w.done:
		require.Fail(w, "Wait has returned", "after %v, with error %v", w.took, w.err)
	default:
	}
}

// returned checks that it has returned, and after what time.
func (w *waiting) returned(took time.Duration) {
	w.Helper()
	synctest.Wait()
	select {
	case <-w.done:
		require.NoError(w, w.err)
		require.Equal(w, took, w.took)
	default:
		require.Fail(w, "Wait has not returned")
	}
}

func TestWait(t *testing.T) {
	// The journal is looked at after whole seconds of waiting.
	const late, before = 300 * time.Millisecond, 2500 * time.Millisecond
	decide := func(gs *run.Gates, g run.Gate) {
		_, err := gs.Decide(context.Background(), g.ID, run.Verdict{Approve: true, By: "ada"})
		require.NoError(t, err)
	}
	tests := []struct {
		name string
		do   func(b *board, g run.Gate) // what happens after a while of waiting
		took time.Duration              // until Wait returns after that
	}{
		{"it is decided here", func(b *board, g run.Gate) { decide(&b.Gates, g) }, 0},
		{"it is decided elsewhere", func(b *board, g run.Gate) { decide(b.others(), g) }, time.Second / 2},
		{"its run is completed", func(b *board, _ run.Gate) {
			_, err := b.Complete(b.Context(), b.r.Key, run.ReasonByAgent)
			require.NoError(b, err)
		}, time.Second / 2},
		{"nobody decides it", func(*board, run.Gate) {}, run.DefaultWindow - late - before},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asking(t, func(b *board) {
				g := b.ask("a")
				time.Sleep(late)
				w := b.wait(b.Context(), g)
				time.Sleep(before)
				w.goesOn()
				tt.do(b, g)
				time.Sleep(tt.took)
				w.returned(before + tt.took)
			})
		})
	}
}

func TestWaitForOneOfSeveral(t *testing.T) {
	asking(t, func(b *board) {
		g, other := b.ask("a"), b.ask("b")
		w, wo := b.wait(b.Context(), g), b.wait(b.Context(), other)
		b.decide(g, false)
		w.returned(0)
		wo.goesOn()
		time.Sleep(time.Minute)
		b.decide(other, true)
		wo.returned(time.Minute)
	})
}

// While the journal cannot be asked, who waits goes on waiting.
func TestWaitWhileTheJournalFails(t *testing.T) {
	asking(t, func(b *board) {
		journal := &counted{GateJournal: b.Gates.Journal}
		b.Gates.Journal = journal
		g := b.ask("a")
		w := b.wait(b.Context(), g)
		journal.broken.Store(true)
		_, err := b.others().Decide(b.Context(), g.ID, run.Verdict{By: "ada"})
		require.NoError(t, err)
		time.Sleep(9500 * time.Millisecond)
		w.goesOn()
		journal.broken.Store(false)
		time.Sleep(time.Second / 2)
		w.returned(10 * time.Second)
	})
}

// What has happened before Wait is called is not waited for.
func TestWaitForWhatHasHappened(t *testing.T) {
	tests := []struct {
		name string
		do   func(b *board, g run.Gate) run.Gate // returns it as it was found
	}{
		{"it was decided", func(b *board, g run.Gate) run.Gate { b.decide(g, true); return g }},
		{"it has expired", func(_ *board, g run.Gate) run.Gate { time.Sleep(run.DefaultWindow); return g }},
		{"it was claimed", func(b *board, g run.Gate) run.Gate {
			g = b.decide(g, true)
			b.claim(g)
			return g
		}},
		{"the claim has ended", func(b *board, g run.Gate) run.Gate {
			c := b.claim(b.decide(g, true))
			found, err := b.Gates.Find(b.Context(), g.ID)
			require.NoError(b, err)
			_, _, err = c.End(b.Context(), false)
			require.NoError(b, err)
			return found
		}},
		{"it was forgotten", func(_ *board, g run.Gate) run.Gate { g.ID = "gate_1"; return g }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asking(t, func(b *board) {
				g := tt.do(b, b.ask("a"))
				w := b.wait(b.Context(), g)
				w.returned(0)
			})
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	asking(t, func(b *board) {
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		w := b.wait(ctx, b.ask("a"))
		time.Sleep(time.Minute)
		<-w.done
		assert.Equal(t, time.Minute, w.took)
		assert.Equal(t, context.DeadlineExceeded, w.err)
	})
}

// Of two answers to an approved request, one waits for what becomes of the other.
func TestWaitForAClaim(t *testing.T) {
	const before = 2500 * time.Millisecond // between two looks at the journal
	tests := []struct {
		name string
		do   func(b *board, c *run.GateClaim)
		took time.Duration // until Wait returns after that
	}{
		{"that is used", func(b *board, c *run.GateClaim) {
			_, _, err := c.End(b.Context(), true)
			require.NoError(b, err)
		}, 0},
		{"that comes to nothing", func(b *board, c *run.GateClaim) {
			_, _, err := c.End(b.Context(), false)
			require.NoError(b, err)
		}, 0},
		{"that is renewed", func(b *board, c *run.GateClaim) { b.renew(c, false) }, 0},
		{"that nobody ends", func(*board, *run.GateClaim) {}, time.Minute - before},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asking(t, func(b *board) {
				g := b.decide(b.ask("a"), true)
				time.Sleep(run.DefaultWindow - time.Second) // it lives on by the claim
				c := b.claim(g)
				g, err := b.Gates.Find(b.Context(), g.ID)
				require.NoError(t, err)
				w := b.wait(b.Context(), g)
				time.Sleep(before)
				w.goesOn()
				tt.do(b, c)
				time.Sleep(tt.took)
				w.returned(before + tt.took)
			})
		})
	}
}

// However many wait, the journal is asked once a second; and not at all when
// nobody does.
func TestManyWaitWithOneLook(t *testing.T) {
	asking(t, func(b *board) {
		journal := &counted{GateJournal: b.Gates.Journal}
		b.Gates.Journal = journal
		first, second := b.ask("a"), b.ask("b")
		var all []*waiting
		for i := range 1000 {
			g := first
			if i%2 == 0 {
				g = second
			}
			all = append(all, b.wait(b.Context(), g))
		}
		journal.finds.Store(0)
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		assert.EqualValues(t, 10, journal.finds.Load(), "in ten seconds")
		for _, g := range []run.Gate{first, second} {
			_, err := b.others().Decide(b.Context(), g.ID, run.Verdict{By: "ada"})
			require.NoError(t, err)
		}
		time.Sleep(time.Second)
		for _, w := range all {
			w.returned(11 * time.Second)
		}
		assert.EqualValues(t, 11, journal.finds.Load())
		time.Sleep(time.Minute)
		assert.EqualValues(t, 11, journal.finds.Load(), "when nobody waits")
		w := b.wait(b.Context(), b.ask("c"))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.EqualValues(t, 13, journal.finds.Load(), "when somebody waits again: once to begin with, and after a second")
		w.goesOn()
		time.Sleep(run.DefaultWindow)
	})
}

// counted counts how often gates are looked for, and can fail to find them.
type counted struct {
	run.GateJournal
	finds  atomic.Int64
	broken atomic.Bool
}

func (c *counted) FindGates(ctx context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	c.finds.Add(1)
	if c.broken.Load() {
		return nil, errBroken
	}
	return c.GateJournal.FindGates(ctx, ids, at)
}
