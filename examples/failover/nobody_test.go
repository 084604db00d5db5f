package failover

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// told is what the SDK raises if both providers die so: the status of OpenAI's, and of
// Anthropic's, and some words of each.
var told = map[string]struct {
	status [2]int
	words  [2]string
}{
	"refuses connections":               {[2]int{502, 502}, [2]string{`provider "openai" cannot be reached`, `cannot be reached`}},
	"hangs up":                          {[2]int{502, 502}, [2]string{`"openai" broke before it answered`, `broke before it answered`}},
	"does not answer in time":           {[2]int{504, 504}, [2]string{`"openai" did not begin to answer`, `did not begin to answer`}},
	"does not go on in time":            {[2]int{200, 200}, [2]string{"has stalled", "has stalled"}},
	"has too many requests":             {[2]int{429, 429}, [2]string{"Rate limit reached for requests", `"type":"rate_limit_error"`}},
	"is broken":                         {[2]int{500, 500}, [2]string{"The server had an error", `"type":"api_error"`}},
	"is overloaded":                     {[2]int{503, 529}, [2]string{"currently overloaded", `"type":"overloaded_error"`}},
	"wants to be paid":                  {[2]int{429, 400}, [2]string{"exceeded your current quota", "Your credit balance is too low"}},
	"sends an error as the first event": {[2]int{200, 200}, [2]string{openaiVendor.complaint, anthropicVendor.complaint}},
	"sends an error before any content": {[2]int{200, 200}, [2]string{openaiVendor.complaint, anthropicVendor.complaint}},
	"breaks off before any content":     {[2]int{502, 502}, [2]string{"broke off", "broke off"}},
	"breaks off within the answer":      {[2]int{502, 502}, [2]string{"broke off", "broke off"}},
}

// When both providers die, the SDK raises what the first one has said, as if nothing else
// had been asked; and nothing stays reserved.
func TestNobodyServes(t *testing.T) {
	for side, way := range []struct{ first, next *vendor }{{openaiVendor, anthropicVendor}, {anthropicVendor, openaiVendor}} {
		for i := range faults {
			f := &faults[i]
			if f.inside {
				continue
			}
			for _, streamed := range []bool{false, true} {
				if f.only != "" && streamed != (f.only == "streamed") {
					continue
				}
				t.Run(fmt.Sprintf("%s %s/streamed=%t", way.first.name, f.name, streamed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, way.first, way.next, f, nil, streamed, true)
						w.both = true
						ctx := run.NewContext(t.Context(), run.Ref{Agent: "support"})
						_, err := w.first.agent(w.place, w.first.model, streamed).ask(ctx)
						status, message := raised(t, err)
						assert.Equal(t, told[f.name].status[side], status)
						assert.Contains(t, message, told[f.name].words[side])
						synctest.Wait()
						w.checkSettled()
					})
				})
			}
		}
	}
}

// checkSettled checks that the budget has nothing reserved, and has spent what the steps
// have cost.
func (w *world) checkSettled() {
	t := w.t
	t.Helper()
	key := run.Key{Team: (&run.Agent{ID: "support"}).TeamKey(), ID: "talk"}
	steps, err := w.gateway.Runs().Steps(t.Context(), key, 0, 100)
	require.NoError(t, err)
	var spent budget.Money
	for _, s := range steps {
		spent += s.Cost
	}
	r, err := w.gateway.Runs().Find(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, spent, r.Spent)
	standings, err := w.gateway.Statement(t.Context(), &r)
	require.NoError(t, err)
	require.Len(t, standings, 1)
	assert.Equal(t, int64(spent), standings[0].Balance.Spent)
	assert.Zero(t, standings[0].Balance.Reserved)
}
