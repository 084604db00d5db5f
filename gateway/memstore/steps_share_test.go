package memstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// Two kinds of steps take turns, after eight others have come once: what they have in
// common is kept once.
func TestStepsShareWhatTheyHaveInCommon(t *testing.T) {
	var s steps
	add := func(n int, model string) {
		s.add(&run.Step{ID: fmt.Sprintf("step_%032x", n), Model: model, Start: time.Unix(int64(n), 0)}, 1000)
	}
	for n := range 8 {
		add(n, fmt.Sprint("m", n))
	}
	for n := 8; n < 1000; n++ {
		add(n, []string{"planner", "worker"}[n%2])
	}
	assert.LessOrEqual(t, len(s.common), 20)
}
