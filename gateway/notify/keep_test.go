package notify_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// What waits has no more arguments than MaxArgs, says so, and leaves the event of
// the caller as it is.
func TestArgumentsAreCut(t *testing.T) {
	const most = run.MaxArgs
	for _, tt := range []struct {
		name       string
		args, want []int
		whole      int
	}{
		{"just so many", []int{most}, []int{most}, 0},
		{"one more", []int{most + 1}, []int{most}, most + 1},
		{"many small ones", []int{most - 10, 3, 7}, []int{most - 10, 3, 7}, 0},
		{"one that would leave nothing to the others", []int{4 * most, 5, most, most / 2}, []int{most / 4, 5, most / 4, most / 4}, 5*most + most/2 + 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got *run.Event
				d := notify.NewDispatcher(nil, nil, notify.NotifierFunc(func(_ context.Context, e *run.Event) error { got = e; return nil }))
				e := approval("a")
				for _, n := range tt.args {
					e.Gate.Proposed = append(e.Gate.Proposed, run.Proposal{Tool: "write", Args: []byte(strings.Repeat("x", n))})
				}
				tell(d, e)
				synctest.Wait()
				assert.Equal(t, tt.whole, got.ArgsBytes)
				assert.Zero(t, e.ArgsBytes)
				require.Len(t, got.Gate.Proposed, len(tt.want))
				for i, p := range got.Gate.Proposed {
					assert.Equal(t, strings.Repeat("x", tt.want[i]), string(p.Args))
					assert.Len(t, e.Gate.Proposed[i].Args, tt.args[i])
				}
			})
		})
	}
	t.Run("of a finding", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var got *run.Event
			d := notify.NewDispatcher(nil, nil, notify.NotifierFunc(func(_ context.Context, e *run.Event) error { got = e; return nil }))
			e := event(run.RuleAlert, "a")
			e.Finding = &run.Finding{Args: make([]byte, most+1)}
			tell(d, e)
			synctest.Wait()
			assert.Len(t, got.Finding.Args, most)
			assert.Equal(t, most+1, got.ArgsBytes)
			assert.Len(t, e.Finding.Args, most+1)
		})
	})
}
