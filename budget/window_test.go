package budget_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

func TestWindowEdges(t *testing.T) {
	tests := []struct {
		name       string
		w          budget.Window
		at         string
		start, end string // of the slot
	}{
		{"an hour", budget.Hour, "2026-08-21T10:30:00Z", "2026-08-21T10:00:00Z", "2026-08-21T11:00:00Z"},
		{"begins with its first instant", budget.Hour, "2026-08-21T11:00:00Z", "2026-08-21T11:00:00Z", "2026-08-21T12:00:00Z"},
		{"an hour elsewhere", budget.Hour, "2026-08-21T16:15:00+05:45", "2026-08-21T10:00:00Z", "2026-08-21T11:00:00Z"},
		{"a day", budget.Day, "2026-08-21T23:59:59.999999999Z", "2026-08-21T00:00:00Z", "2026-08-22T00:00:00Z"},
		{"a day is one of UTC", budget.Day, "2026-08-22T01:00:00+02:00", "2026-08-21T00:00:00Z", "2026-08-22T00:00:00Z"},
		{"a week ends on Sunday", budget.Week, "2026-08-23T23:59:59Z", "2026-08-17T00:00:00Z", "2026-08-24T00:00:00Z"},
		{"and begins on Monday", budget.Week, "2026-08-24T00:00:00Z", "2026-08-24T00:00:00Z", "2026-08-31T00:00:00Z"},
		{"the first week", budget.Week, "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z"},
		{"a month of 31 days", budget.Month, "2026-08-31T23:59:59Z", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z"},
		{"a month of 30 days", budget.Month, "2026-09-30T12:00:00Z", "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"},
		{"February", budget.Month, "2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"February in a leap year", budget.Month, "2028-02-29T00:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"and in a year that is none", budget.Month, "2100-02-28T23:59:59Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"},
		{"December", budget.Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"a sixtieth of what rolls", budget.Window(time.Hour), "2026-08-21T10:30:59Z", "2026-08-21T10:30:00Z", "2026-08-21T10:31:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, tt.at)
			require.NoError(t, err)
			slot := tt.w.Slot(at)
			assert.Equal(t, tt.start, tt.w.Start(slot).Format(time.RFC3339Nano))
			assert.Equal(t, tt.end, tt.w.Start(slot+1).Format(time.RFC3339Nano))
			assert.Equal(t, slot, tt.w.Slot(tt.w.Start(slot)))
			assert.Equal(t, slot, tt.w.Slot(tt.w.Start(slot+1).Add(-1)))
		})
	}
	assert.Zero(t, budget.Forever.Slot(time.Now()))
	assert.True(t, budget.Forever.Start(0).IsZero())
}

// What was reserved a whole window ago or less counts, whatever the duration.
func TestRollingNeverCountsTooShort(t *testing.T) {
	for _, d := range []time.Duration{time.Second, time.Second + 1, time.Minute - 1, 90 * time.Minute, 24 * time.Hour, 720*time.Hour + 7} {
		w := budget.Window(d)
		at := time.Date(2026, 8, 21, 10, 30, 0, 1, time.UTC)
		for range 200 {
			at = at.Add(d / 37)
			first := w.Slot(at) - w.Slots() + 1
			assert.LessOrEqual(t, first, w.Slot(at.Add(-d)), "%v: what is just %v old counts", w, d)
			assert.Greater(t, first, w.Slot(at.Add(-d-d/59-w.Start(1).Sub(w.Start(0)))), "%v: what is older does not", w)
		}
	}
}

func TestWindowText(t *testing.T) {
	for text, want := range map[string]budget.Window{
		"": budget.Forever, "hour": budget.Hour, "day": budget.Day, "week": budget.Week, "month": budget.Month,
		"1s": budget.Window(time.Second), "24h0m0s": budget.Window(24 * time.Hour),
	} {
		var w budget.Window
		require.NoError(t, w.UnmarshalText([]byte(text)), text)
		assert.Equal(t, want, w)
		got, err := w.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}
	for _, text := range []string{"year", "Day", "24", "-1h", "0s", "999ms"} {
		w := budget.Day
		assert.ErrorContains(t, w.UnmarshalText([]byte(text)), text)
		assert.Equal(t, budget.Day, w, "is left as it was")
	}
	for _, w := range []budget.Window{-5, 1, budget.Window(time.Second - 1)} {
		_, err := w.MarshalText()
		assert.Error(t, err)
		b := budget.Budget{Name: "b", Per: budget.ScopeRun, Window: w}
		assert.ErrorContains(t, b.Validate(), "no window")
	}
}
