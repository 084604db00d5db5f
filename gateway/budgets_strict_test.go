package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// upTo answers with any number of tokens that the call allows.
func upTo(w http.ResponseWriter, r *http.Request) {
	var body struct {
		MaxTokens int `json:"max_tokens"`
	}
	raw, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(raw, &body)
	spent(rand.IntN(body.MaxTokens+1))(w, r)
}

func strictly(unit budget.Unit, limit int64) []budget.Budget {
	return []budget.Budget{{Name: "strict", Per: budget.ScopeAgent, Unit: unit, Limit: limit, Admission: budget.Strict, AlertAt: []float64{}}}
}

// However many calls are made at once, whatever each of them costs, a strict
// budget is never gone over; and it is used up to the last token.
func TestStrictUnderLoad(t *testing.T) {
	const callers = 50
	for name, c := range map[string]struct {
		unit  budget.Unit
		token int64 // of output, in the unit
		rest  int64 // that no call has room in, with its input
	}{
		"tokens":  {budget.Tokens, 1, 64},
		"dollars": {budget.USD, int64(budget.Dollar / 1000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			limit := 2000 * c.token
			gw := newGoverned(t, &governed{budgets: strictly(c.unit, limit)}, upTo)
			spentNow := func() int64 {
				steps, err := gw.Runs().Steps(context.Background(), run.Key{Team: "team:ops", ID: "r"}, 0, 1<<20)
				assert.NoError(t, err)
				var sum int64
				for i := range steps {
					sum += steps[i].Usage.Total() * c.token
				}
				return sum
			}
			var passed atomic.Int64
			var wg sync.WaitGroup
			for n := range callers {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(1, uint64(n)))
					asks := 1 + rnd.IntN(60)
					for asks > 0 {
						r := chat(t, gw, run.Ref{Agent: "alice", ID: "r"}, asks)
						switch r.StatusCode {
						case 200:
							passed.Add(1)
							asks = 1 + rnd.IntN(60)
						case 402: // it says how much would fit
							fits := contextOf(t, refusal(t, r, 402, "budget_exceeded"))["affordable_output_tokens"].(float64)
							assert.Less(t, int(fits), asks)
							asks = min(asks/2, int(fits))
						default:
							t.Errorf("status %d: %s", r.StatusCode, r.Body)
							return
						}
						assert.LessOrEqual(t, spentNow(), limit)
					}
				})
			}
			wg.Wait()
			assert.Greater(t, passed.Load(), int64(callers))
			// Those that were last may have had no room beside the others.
			for fits := 1; fits > 0; {
				e := refusal(t, chat(t, gw, alice, 1<<20), 402, "budget_exceeded")
				fits = int(contextOf(t, e)["affordable_output_tokens"].(float64))
				if fits > 0 {
					require.Equal(t, 200, chat(t, gw, run.Ref{Agent: "alice", ID: "r"}, fits).StatusCode)
				}
			}
			left := limit - spentNow()
			assert.True(t, left >= 0 && left <= c.rest, "%d of %d are left", left, limit)
		})
	}
}

// A strict budget says how many tokens of output would fit, and so many do.
func TestAffordableOutput(t *testing.T) {
	for name, c := range map[string]struct {
		budgets []budget.Budget
		body    string // with the limit of its output for %d, of three digits as each byte may be a token
		fits    int
	}{
		"dollars":               {strictly(budget.USD, int64(budget.Dollar/10)), `{"model":"coin","max_tokens":%d}`, 40},
		"of each answer":        {strictly(budget.USD, int64(budget.Dollar/10)), `{"model":"coin","n":3,"max_tokens":%d}`, 13},
		"tokens":                {strictly(budget.Tokens, 1000), `{"model":"coin","max_tokens":%d,"messages":[{"role":"user","content":"Hello"}]}`, -1},
		"tokens of each answer": {strictly(budget.Tokens, 1000), `{"model":"coin","n":3,"max_tokens":%d}`, -1},
	} {
		t.Run(name, func(t *testing.T) {
			gw := newGoverned(t, &governed{budgets: c.budgets}, spent(60))
			call := func(n int) *reply {
				return serve(t, gw, &alice, "POST", "/v1/chat/completions", fmt.Sprintf(c.body, n))
			}
			require.Equal(t, 200, chat(t, gw, alice, 60).StatusCode)
			e := refusal(t, call(999), 402, "budget_exceeded")
			fits := int(contextOf(t, e)["affordable_output_tokens"].(float64))
			if c.fits >= 0 {
				require.Equal(t, c.fits, fits)
			}
			require.Positive(t, fits)
			assert.Contains(t, e["message"], fmt.Sprintf("With no more than %d output tokens (max_tokens) it would fit.", fits))
			refusal(t, call(fits+1), 402, "budget_exceeded")
			assert.Equal(t, 200, call(fits).StatusCode)
		})
	}
	t.Run("nothing", func(t *testing.T) {
		gw := newGoverned(t, &governed{budgets: strictly(budget.USD, 6*int64(budget.Dollar)/100)}, spent(60))
		require.Equal(t, 200, chat(t, gw, alice, 60).StatusCode)
		e := refusal(t, chat(t, gw, alice, 1), 402, "budget_exceeded")
		assert.EqualValues(t, 0, contextOf(t, e)["affordable_output_tokens"])
		assert.NotContains(t, e["message"], "would fit")
	})
	t.Run("other budgets do not say", func(t *testing.T) {
		gw := newGoverned(t, &governed{budgets: []budget.Budget{{Name: "b", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 60}}}, spent(60))
		assert.NotContains(t, contextOf(t, refusal(t, chat(t, gw, alice, 61), 402, "budget_exceeded")), "affordable_output_tokens")
	})
}

// What a strict budget cannot put a bound to is refused with what to do about it.
func TestStrictNeedsBounds(t *testing.T) {
	for name, c := range map[string]struct {
		path, body string
		advice     string
	}{
		"no limit of the output":  {"/v1/chat/completions", `{"model":"coin"}`, "set max_tokens"},
		"a conversation it keeps": {"/v1/responses", `{"model":"coin","max_output_tokens":5,"previous_response_id":"resp_1","input":"a"}`, "do without it"},
		"a picture elsewhere":     {"/v1/chat/completions", `{"model":"coin","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}`, "do without it"},
		"a file of theirs":        {"/v1/responses", `{"model":"coin","max_output_tokens":5,"input":[{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}]}`, "do without it"},
		"another model":           {"/v1/messages", `{"model":"coin","max_tokens":5,"fallbacks":[{"model":"claude-sonnet-4-5"}]}`, "name one model"},
		"a tool of theirs":        {"/v1/responses", `{"model":"coin","max_output_tokens":5,"input":"a","tools":[{"type":"web_search"}]}`, "do without it"},
	} {
		for _, unit := range []budget.Unit{budget.Tokens, budget.USD} {
			t.Run(name, func(t *testing.T) {
				gw := newGoverned(t, &governed{budgets: strictly(unit, 1<<50)}, func(http.ResponseWriter, *http.Request) {
					t.Error("it was forwarded")
				}, withClaude)
				r := serve(t, gw, &alice, "POST", c.path, c.body)
				e := refusal(t, r, 402, "budget_exceeded")
				assert.Contains(t, e["message"], "is strict, and what this call of run")
				assert.Contains(t, e["message"], c.advice)
				assert.Contains(t, contextOf(t, e)["reason"], c.advice)
				assert.Equal(t, "strict", contextOf(t, e)["rule"])
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			})
		}
	}
}

// What a run's children spend counts in its own budgets, and in those of all runs
// above it.
func TestBudgetsOfAncestors(t *testing.T) {
	for _, admission := range []budget.Admission{budget.Projected, budget.Strict} {
		t.Run(string(admission), func(t *testing.T) {
			gw := newGoverned(t, &governed{budgets: []budget.Budget{
				{Name: "tree", Per: budget.ScopeRun, Limit: int64(budget.Dollar / 10), Admission: admission}}}, spent(30))
			call := func(id, parent string, tokens int) *reply {
				return chat(t, gw, run.Ref{Agent: "alice", ID: id, Parent: parent}, tokens)
			}
			require.Equal(t, 200, call("root", "", 30).StatusCode)
			require.Equal(t, 200, call("child", "root", 30).StatusCode)
			require.Equal(t, 200, call("grandchild", "child", 30).StatusCode)
			for id, want := range map[string]string{"root": "0.09", "child": "0.06", "grandchild": "0.03"} {
				limit := serve(t, gw, &alice, "GET", "/v1/runs/"+id, "").JSON(t)["limits"].([]any)[0].(map[string]any)
				assert.Equal(t, want, limit["spent_usd"], id)
				assert.Equal(t, "0.00", limit["reserved_usd"], id)
			}
			for _, id := range []string{"grandchild", "child"} {
				e := refusal(t, call(id, "", 20), 402, "budget_exceeded")
				assert.Equal(t, "0.09", contextOf(t, e)["cumulative_spend_usd"])
				assert.Contains(t, e["message"], `counted for run "root" above it`)
				r, err := gw.Runs().Find(t.Context(), run.Key{Team: "team:ops", ID: id})
				require.NoError(t, err)
				assert.Equal(t, run.Open, r.Status, "its own budget has room")
			}
			assert.Equal(t, 200, call("other", "", 30).StatusCode)
		})
	}
}

// What a provider does not tell, a strict budget takes the most for: who leaves
// again and again gets no further than the limit.
func TestStrictTakesTheMostForWhatIsNotTold(t *testing.T) {
	for name, unit := range map[string]budget.Unit{"tokens": budget.Tokens, "dollars": budget.USD} {
		t.Run(name, func(t *testing.T) {
			const limit = 1000 // tokens, of which one of output costs a tenth of a cent
			at := map[budget.Unit]int64{budget.Tokens: 1, budget.USD: int64(budget.Dollar / 1000)}[unit]
			began := make(chan struct{})
			gw := newGoverned(t, &governed{budgets: strictly(unit, limit*at)}, func(_ http.ResponseWriter, r *http.Request) {
				began <- struct{}{}
				<-r.Context().Done()
			})
			forwarded := 0
			for range 20 {
				ctx, leave := context.WithCancel(run.NewContext(t.Context(), alice))
				req, err := http.NewRequestWithContext(ctx, "POST", "http://gateway.test/v1/chat/completions", strings.NewReader(ask(300)))
				require.NoError(t, err)
				ended := make(chan *http.Response, 1)
				go func() {
					resp, err := (&inproc.Transport{Handler: gw}).RoundTrip(req)
					if err == nil {
						resp.Body.Close()
					}
					ended <- resp
				}()
				select {
				case <-began:
					forwarded++
					leave()
					<-ended
				case resp := <-ended:
					assert.Equal(t, http.StatusPaymentRequired, resp.StatusCode)
				}
				leave()
			}
			assert.Equal(t, 3, forwarded, "300 of 1000 each")
			require.NoError(t, gw.Close(t.Context()))
		})
	}
}
