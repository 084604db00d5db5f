package budget_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
)

func TestRateValidate(t *testing.T) {
	rpm := budget.Rate{Name: "r", Per: budget.ScopeRun, Requests: 60, Window: time.Minute}
	slots := budget.Rate{Name: "r", Per: budget.ScopeRun, Concurrent: 4}
	tests := []struct {
		name   string
		r      budget.Rate
		change func(r *budget.Rate)
		want   string
	}{
		{"requests", rpm, func(*budget.Rate) {}, ""},
		{"calls at once", slots, func(*budget.Rate) {}, ""},
		{"tokens with a burst", rpm, func(r *budget.Rate) { r.Requests, r.Tokens, r.Burst = 0, 60, 60 }, ""},
		{"no name", rpm, func(r *budget.Rate) { r.Name = "" }, "needs a name"},
		{"another scope", rpm, func(r *budget.Rate) { r.Per = "planet" }, `per "planet" is not known; use "run", "agent"`},
		{"no limit", rpm, func(r *budget.Rate) { r.Requests = 0 }, "want one of"},
		{"two limits", rpm, func(r *budget.Rate) { r.Tokens = 1 }, "want one of"},
		{"a negative limit", rpm, func(r *budget.Rate) { r.Requests = -1 }, "limit is negative"},
		{"no window", rpm, func(r *budget.Rate) { r.Window = 0 }, "want a window"},
		{"a window of calls at once", slots, func(r *budget.Rate) { r.Window = 1 }, "no window and no burst"},
		{"a burst of calls at once", slots, func(r *budget.Rate) { r.Burst = 1 }, "no window and no burst"},
		{"a negative burst", rpm, func(r *budget.Rate) { r.Burst = -1 }, "want a burst"},
		{"a burst beyond the limit, which would let more than double through", rpm, func(r *budget.Rate) { r.Burst = 61 }, "want a burst"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(&tt.r)
			if err := tt.r.Validate(); tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
}
