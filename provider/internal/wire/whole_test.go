package wire

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/internal/jsonscan"
)

// Answers that come at the same time, or one after another, get nothing of each other,
// though they use the same memory.
func TestWhole(t *testing.T) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				var w Whole
				assert.False(t, w.Begun())
				model := fmt.Sprintf(`"model-%d-%d"`, i, j)
				body := `{"model":` + model + `,"id":1}`
				reads := 0
				for k := range len(body) {
					assert.False(t, w.Ended())
					w.Write([]byte(body[k:k+1]), []string{"model", "usage"}, func(tap *jsonscan.Tap) {
						reads++
						assert.Equal(t, model, string(tap.Value("model")))
						assert.Nil(t, tap.Value("usage"))
					})
					assert.True(t, w.Begun())
				}
				w.Write([]byte("{}"), nil, func(*jsonscan.Tap) { assert.Fail(t, "it is read again") })
				assert.Equal(t, 1, reads)
				assert.True(t, w.Ended())
				w.Peek(func(*jsonscan.Tap) { assert.Fail(t, "it has ended") })
				assert.EqualValues(t, len(body)+2, w.Bytes())
			}
		})
	}
	all.Wait()
}
