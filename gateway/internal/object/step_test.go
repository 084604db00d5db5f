package object

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// An attempt says of which call it is, why its target was given up on, and what was
// translated.
func TestAttempts(t *testing.T) {
	for _, tt := range []struct {
		name string
		step run.Step
		want map[string]any
	}{
		{"a call", run.Step{ID: "step_1"}, map[string]any{}},
		{"given up on", run.Step{ID: "step_1", Fault: "overloaded"}, map[string]any{"fault": "overloaded"}},
		{"the next attempt", run.Step{ID: "step_2", First: "step_1", Notes: "seed=dropped"}, map[string]any{"first_attempt": "step_1", "translation_notes": "seed=dropped"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text, err := json.Marshal(stepOf(&tt.step))
			require.NoError(t, err)
			var o map[string]any
			require.NoError(t, json.Unmarshal(text, &o))
			got := map[string]any{}
			for _, name := range []string{"first_attempt", "fault", "translation_notes"} {
				if v, ok := o[name]; ok {
					got[name] = v
				}
			}
			assert.Equal(t, tt.want, got)
		})
	}
}
