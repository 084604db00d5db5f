package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A call may or may not have been attached. After Leave it is not, and nothing else has
// changed.
func TestLeave(t *testing.T) {
	for name, d := range map[string]run.Directives{
		"a run of an id":   {RunID: "r"},
		"an automatic run": {},
		"a new generation": {RunID: "r", NewRun: true},
	} {
		t.Run(name, func(t *testing.T) {
			at(t, func(desk *desk) {
				arrival := func() *run.Arrival {
					own := d
					return &run.Arrival{Agent: agent, Directives: &own, Call: "step_lost", At: time.Now(), Policy: policy}
				}
				for range 2 { // nothing is there to leave
					require.NoError(t, desk.Leave(t.Context(), arrival()))
					assert.Empty(t, desk.heard())
				}
				var r run.Run
				require.NoError(t, desk.Recorder.Attach(t.Context(), arrival(), &r))
				require.EqualValues(t, 1, r.InFlight)
				desk.heard()
				for range 2 {
					require.NoError(t, desk.Leave(t.Context(), arrival()))
				}
				found, err := desk.Find(t.Context(), r.Key)
				require.NoError(t, err)
				assert.Equal(t, r.ID, found.ID)
				assert.Equal(t, run.Open, found.Status)
				assert.Zero(t, found.InFlight)
				assert.Zero(t, found.Steps)
				assert.Empty(t, desk.heard())
			})
		})
	}
}
