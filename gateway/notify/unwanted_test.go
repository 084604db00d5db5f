package notify_test

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// While processes are given new settings one after the other, one with the former
// settings does not drop what its notifier does not want: others do want it.
func TestAnEventThatOneProcessDoesNotWantIsLeftToOthers(t *testing.T) {
	for _, formers := range []int{1, 3} {
		for _, later := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, 990 * time.Millisecond} {
			t.Run(fmt.Sprintf("%d with former settings, %s before", formers, later), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o, before, after := newShared(), newTarget("hook", nil), newTarget("hook", nil)
					for range formers {
						notify.NewDispatcher(o, nil, notify.Filter{Events: []string{"run.*"}, Notifier: before})
						time.Sleep(later)
					}
					d := notify.NewDispatcher(o, nil, notify.Filter{Events: []string{"run.*", "policy.*"}, Notifier: after})
					synctest.Wait()
					for i := range 5 {
						o.happens(event(run.PolicyDrift, fmt.Sprint(i)))
					}
					time.Sleep(20 * time.Minute)
					assert.Len(t, after.heard(), 5)
					assert.Empty(t, before.heard())
					assert.Empty(t, dead(t, d))
				})
			})
		}
	}
}

// What nobody wants any more is neither lost nor passed around for ever.
func TestWhatNobodyWantsAnyMoreIsADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, r, log := newShared(), newTarget("hook", nil), &lines{}
		d := notify.NewDispatcher(o, slog.New(log), notify.Filter{Events: []string{"run.*"}, Notifier: r})
		synctest.Wait()
		require.NoError(t, o.Subscribe(t.Context(), "hook", []run.EventType{run.PolicyDrift}, time.Now(), time.Now().Add(time.Hour)))
		e := event(run.PolicyDrift, "a")
		o.happens(e)
		time.Sleep(time.Hour)
		letters := dead(t, d)
		require.Len(t, letters, 1)
		assert.Equal(t, e.ID(), letters[0].ID)
		assert.Contains(t, letters[0].Error, "does not want")
		assert.Equal(t, 33, letters[0].Tries)
		assert.Equal(t, []string{"event not delivered"}, log.all)
	})
}
