package run_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

// away is an outbox that does not answer.
type away struct{ run.Outbox }

var errAway = errors.New("away")

func (away) Subscribe(context.Context, string, []run.EventType, time.Time, time.Time) error {
	return errAway
}
func (away) TakeMessages(context.Context, string, int, time.Time, time.Time) ([]run.Message, error) {
	return nil, errAway
}
func (away) DeadMessages(context.Context, int) ([]run.DeadMessage, error) { return nil, errAway }
func (away) ReviveMessages(context.Context, string, time.Time) error      { return errAway }

func newOutbox() *outbox.Memory { return outbox.NewMemory(slog.New(slog.DiscardHandler)) }

func started(id string, at time.Time) *run.Event {
	return &run.Event{Type: run.RunStarted, At: at, Run: run.Run{Key: run.Key{Team: "team:ops", ID: id}}}
}

func TestOutboxes(t *testing.T) {
	noon := time.Date(2026, 4, 26, 12, 0, 0, 0, time.UTC)
	later := noon.Add(time.Minute)
	one, two := newOutbox(), newOutbox()
	all := run.Outboxes{one, two}
	require.NoError(t, all.Subscribe(t.Context(), "hook", []run.EventType{run.RunStarted}, noon, later))
	a, b, c := started("a", noon), started("b", noon), started("c", noon)
	one.Add(a, noon)
	two.Add(b, noon)
	two.Add(c, noon)

	got, err := all.TakeMessages(t.Context(), "hook", 1, noon, later)
	require.NoError(t, err)
	require.Len(t, got, 1, "no more than were asked for")
	rest, err := all.TakeMessages(t.Context(), "hook", 9, noon, later)
	require.NoError(t, err)
	require.Len(t, rest, 2)
	got = append(got, rest...)
	none, err := all.TakeMessages(t.Context(), "hook", 9, noon, later)
	require.NoError(t, err)
	assert.Empty(t, none)

	for i, m := range got {
		o := run.Outcome{At: noon.Add(time.Duration(i)), Dead: "down " + m.Event.Run.ID}
		if m.Event.Run.ID == "c" {
			o = run.Outcome{Delivered: true}
		}
		require.NoError(t, all.EndMessage(t.Context(), &m, &o))
	}
	dead, err := all.DeadMessages(t.Context(), 9)
	require.NoError(t, err)
	require.Len(t, dead, 2)
	assert.True(t, dead[0].At.After(dead[1].At), "the one that died last comes first")
	for _, m := range dead {
		assert.Equal(t, "down "+m.Event.Run.ID, m.Why)
	}
	newest, err := all.DeadMessages(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, dead[:1], newest)

	require.NoError(t, all.ReviveMessages(t.Context(), a.ID(), noon))
	assert.ErrorIs(t, all.ReviveMessages(t.Context(), a.ID(), noon), run.ErrNoMessage)
	require.NoError(t, all.ReviveMessages(t.Context(), b.ID(), noon))
	got, err = all.TakeMessages(t.Context(), "hook", 9, noon, later)
	require.NoError(t, err)
	assert.Len(t, got, 2)
	for _, id := range []string{"", "1", "2:1", "-1:1", "x:1"} {
		assert.NoError(t, all.EndMessage(t.Context(), &run.Message{ID: id, Subscriber: "hook"}, &run.Outcome{}))
	}
}

// An outbox that is away keeps nobody from what is in another.
func TestOutboxesOfWhichOneIsAway(t *testing.T) {
	noon := time.Date(2026, 4, 26, 12, 0, 0, 0, time.UTC)
	later := noon.Add(time.Minute)
	here := newOutbox()
	all := run.Outboxes{away{}, here}
	assert.ErrorIs(t, all.Subscribe(t.Context(), "hook", []run.EventType{run.RunStarted}, noon, later), errAway)
	for i := range 8 {
		here.Add(started(fmt.Sprint(i), noon), noon)
		got, err := all.TakeMessages(t.Context(), "hook", 1, noon, later)
		require.NoError(t, err)
		require.Len(t, got, 1)
		require.NoError(t, all.EndMessage(t.Context(), &got[0], &run.Outcome{At: noon, Dead: "down"}))
	}
	_, err := all.TakeMessages(t.Context(), "hook", 1, noon, later)
	assert.ErrorIs(t, err, errAway, "there may be more")
	_, err = all.DeadMessages(t.Context(), 9)
	assert.ErrorIs(t, err, errAway)
	assert.ErrorIs(t, all.ReviveMessages(t.Context(), started("0", noon).ID(), noon), errAway)
	assert.ErrorIs(t, all.ReviveMessages(t.Context(), "evt_0", noon), errAway)
}

// No outbox starves since another always has something.
func TestOutboxesTakeTurns(t *testing.T) {
	noon := time.Date(2026, 4, 26, 12, 0, 0, 0, time.UTC)
	one, two := newOutbox(), newOutbox()
	all := run.Outboxes{one, two}
	require.NoError(t, all.Subscribe(t.Context(), "hook", []run.EventType{run.RunStarted}, noon, noon.Add(time.Minute)))
	for i := range 200 {
		one.Add(started(fmt.Sprint(i), noon), noon)
	}
	two.Add(started("other", noon), noon)
	for range 200 {
		got, err := all.TakeMessages(t.Context(), "hook", 1, noon, noon.Add(time.Minute))
		require.NoError(t, err)
		if got[0].Event.Run.ID == "other" {
			return
		}
	}
	t.Error("the second one was never asked")
}
