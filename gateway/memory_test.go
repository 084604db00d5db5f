package gateway_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// An open run costs at most 4 KiB of the store with five limits of its own: two
// budgets, two rates, and that of repetition. One call of it has ended, and one is
// under way.
func TestLimitsCostLittle(t *testing.T) {
	const runs, most = 10_000, 4 << 10
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	budgets := []budget.Budget{
		{Name: "stop_on_budget", Per: budget.ScopeRun, Limit: int64(budget.Dollar)},
		{Name: "tokens", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 2_000_000},
	}
	rates := []budget.Rate{
		{Name: "tpm", Per: budget.ScopeRun, Tokens: 200_000, Window: time.Minute},
		{Name: "parallel", Per: budget.ScopeRun, Concurrent: 4},
	}
	loops := &run.Loops{IdenticalCalls: 5, IdenticalToolCalls: 5, Within: 10 * time.Minute}
	agent := &run.Agent{ID: "agt_refunds", Team: "ops"}
	ids := make([]string, runs)
	for i := range ids {
		ids[i] = fmt.Sprintf("run_customer_refund_%08d", i)
	}

	before := heap()
	store := memstore.New(memstore.Options{})
	recorder := run.Recorder{Journal: store}
	keeper := budget.Keeper{Ledger: store}
	call := func(id string, n int) (end func()) {
		var r run.Run
		require.NoError(t, recorder.Attach(t.Context(), &run.Arrival{Agent: agent, Directives: &run.Directives{RunID: id}, Call: fmt.Sprint(id, n), At: time.Now()}, &r))
		require.NoError(t, recorder.Repeat(t.Context(), &r, loops, &run.Turn{Call: fmt.Sprint(id, n), Rule: run.RuleIdenticalCalls, Hash: uint64(n), Agent: agent.ID, At: time.Now()}))
		s := &budget.Subject{Team: r.Team, Run: budget.Run{ID: id, Since: r.Created.UnixMilli()}, Agent: agent.ID}
		reserved := &budget.Reservation{}
		require.NoError(t, keeper.Reserve(t.Context(), reserved, &budget.Claim{Subject: s, Rates: rates, Budgets: budgets, Projection: &budget.Projection{Input: 1000}}))
		return func() {
			_, err := reserved.Settle(t.Context(), budget.Dollar/100, 5000, nil)
			require.NoError(t, err)
			step := &run.Step{ID: fmt.Sprint("step_", id), Agent: agent.ID, Model: "gpt-4.1", Provider: "openai", Cost: budget.Dollar / 100}
			require.NoError(t, recorder.End(t.Context(), &run.Detachment{Key: r.Key, Call: fmt.Sprint(id, n), At: time.Now(), Step: step}, &r))
		}
	}
	for _, id := range ids {
		call(id, 1)()
		call(id, 2)
	}
	each := (heap() - before) / runs
	t.Logf("%d bytes a run", each)
	assert.LessOrEqual(t, each, int64(most))
	found, err := recorder.Find(t.Context(), run.Key{Team: "team:ops", ID: ids[runs-1]})
	require.NoError(t, err)
	assert.EqualValues(t, 1, found.InFlight)
	runtime.KeepAlive(ids)
}
