package outbox_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

var noon = time.Date(2026, 4, 26, 12, 0, 0, 0, time.UTC)

// after is a time so many seconds after noon.
func after(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func event(t run.EventType, id string) *run.Event {
	return &run.Event{Type: t, At: noon, Run: run.Run{Key: run.Key{Team: "team:ops", ID: id}}}
}

// A desk is a Memory with one subscriber, "hook", to what happens to runs.
type desk struct {
	*outbox.Memory
	t *testing.T
}

func newDesk(t *testing.T) *desk {
	d := &desk{outbox.NewMemory(slog.New(slog.DiscardHandler)), t}
	require.NoError(t, d.Subscribe(t.Context(), "hook", []run.EventType{run.RunStarted, run.RunCompleted}, noon, after(1000)))
	return d
}

// Take takes up to n messages, leased for a minute.
func (d *desk) Take(n int, at time.Time) []run.Message {
	got, err := d.TakeMessages(d.t.Context(), "hook", n, at, at.Add(time.Minute))
	require.NoError(d.t, err)
	return got
}

func (d *desk) End(m *run.Message, o run.Outcome) {
	require.NoError(d.t, d.EndMessage(d.t.Context(), m, &o))
}

func said(ms []run.Message) (all []string) {
	for _, m := range ms {
		all = append(all, fmt.Sprint(m.Event.Run.ID, " ", m.Event.Type, " ", m.Tries))
	}
	return all
}

func TestEventsWaitForWhoWantsThem(t *testing.T) {
	d := newDesk(t)
	require.NoError(t, d.Subscribe(t.Context(), "late", []run.EventType{run.RunStarted}, noon, after(10)))
	d.Add(event(run.RunStarted, "a"), after(1))
	d.Add(event(run.RunBlocked, "a"), after(2))
	d.Add(event(run.RunStarted, "b"), after(10))
	assert.Equal(t, []string{"a run.started 0", "b run.started 0"}, said(d.Take(9, after(20))))
	late, err := d.TakeMessages(t.Context(), "late", 9, after(20), after(30))
	require.NoError(t, err)
	assert.Equal(t, []string{"a run.started 0"}, said(late), "nothing of what happened when it was over")
	unknown, err := d.TakeMessages(t.Context(), "nobody", 9, after(20), after(30))
	require.NoError(t, err)
	assert.Empty(t, unknown)
	require.NoError(t, d.Subscribe(t.Context(), "hook", []run.EventType{run.RunBlocked}, after(20), after(1000)))
	d.Add(event(run.RunStarted, "c"), after(21))
	d.Add(event(run.RunBlocked, "c"), after(21))
	assert.Equal(t, []string{"c run.blocked 0"}, said(d.Take(9, after(22))))
}

func TestMessagesAreLeased(t *testing.T) {
	d := newDesk(t)
	for _, id := range []string{"a", "b"} {
		d.Add(event(run.RunStarted, id), noon)
		d.Add(event(run.RunCompleted, id), noon)
	}
	first := d.Take(1, after(0))
	assert.Equal(t, []string{"a run.started 0"}, said(first))
	assert.Equal(t, []string{"b run.started 0"}, said(d.Take(9, after(1))), "the first of each run")
	assert.Empty(t, d.Take(9, after(59)))
	again := d.Take(9, after(60))
	assert.Equal(t, []string{"a run.started 1"}, said(again), "its lease has ended")
	assert.NotEqual(t, first[0].Lease, again[0].Lease)

	d.End(&first[0], run.Outcome{At: after(61), Delivered: true})
	assert.Empty(t, d.Take(9, after(60)), "that was another lease")
	d.End(&again[0], run.Outcome{At: after(62), Delivered: true})
	assert.Equal(t, []string{"a run.completed 0", "b run.started 1"}, said(d.Take(9, after(62))))
	d.End(&again[0], run.Outcome{At: after(63), Dead: "twice"})
	dead, err := d.DeadMessages(t.Context(), 9)
	require.NoError(t, err)
	assert.Empty(t, dead)
}

func TestMessagesAreTriedAgain(t *testing.T) {
	d := newDesk(t)
	d.Add(event(run.RunStarted, "a"), noon)
	d.Add(event(run.RunCompleted, "a"), noon)
	for try := range 3 {
		got := d.Take(9, after(10*try))
		require.Equal(t, []string{fmt.Sprint("a run.started ", try)}, said(got))
		d.End(&got[0], run.Outcome{At: after(10 * try), Due: after(10*try + 10)})
		assert.Empty(t, d.Take(9, after(10*try+9)))
	}
	got := d.Take(9, after(30))
	d.End(&got[0], run.Outcome{At: after(31), Dead: "down"})
	assert.Equal(t, []string{"a run.completed 0"}, said(d.Take(9, after(31))), "it makes way")
	dead, err := d.DeadMessages(t.Context(), 9)
	require.NoError(t, err)
	require.Len(t, dead, 1)
	assert.Equal(t, "down", dead[0].Why)
	assert.Equal(t, 4, dead[0].Tries)
	assert.Equal(t, after(31), dead[0].At)

	assert.ErrorIs(t, d.ReviveMessages(t.Context(), "evt_0", after(40)), run.ErrNoMessage)
	require.NoError(t, d.ReviveMessages(t.Context(), dead[0].Event.ID(), after(200)))
	assert.Equal(t, []string{"a run.completed 1"}, said(d.Take(9, after(199))))
	assert.Empty(t, d.Take(9, after(200)), "behind the one that comes first")
	d.Close()
	assert.Equal(t, 2, d.Waiting("hook"))
	assert.Equal(t, 2, d.Abandon("over", after(300)))
	assert.Zero(t, d.Waiting("hook"))
	assert.ErrorIs(t, d.ReviveMessages(t.Context(), dead[0].Event.ID(), after(301)), outbox.ErrClosed)
}
