package budget_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

func per(scope budget.Scope) budget.Budget {
	b := tokens(string(scope), 1000)
	b.Per = scope
	return b
}

// owners are whose accounts a call of 10 tokens is charged to.
func owners(t *testing.T, s *budget.Subject, budgets ...budget.Budget) []string {
	t.Helper()
	k, _ := newKeeper()
	var r budget.Reservation
	require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: s, Budgets: budgets, Projection: input(10)}))
	_, err := r.Settle(t.Context(), 0, 10, nil)
	require.NoError(t, err)
	standings, err := k.Statement(t.Context(), s, budgets)
	require.NoError(t, err)
	got := []string{}
	for _, x := range standings {
		assert.EqualValues(t, 10, x.Balance.Spent, "%+v", x.Account)
		o := x.Account.Owner
		got = append(got, fmt.Sprintf("%s %s/%s/%d", o.Scope, o.Team, o.ID, o.Since))
	}
	return got
}

func TestScopes(t *testing.T) {
	full := budget.Subject{Team: "ops", Run: budget.Run{ID: "r", Since: 7}, Agent: "a", User: "u", Tags: []string{"x", "y", "x"}, Policy: "p"}
	bare := budget.Subject{Team: "ops", Run: budget.Run{ID: "r"}, Agent: "a"}
	tests := []struct {
		name  string
		s     *budget.Subject
		scope budget.Scope
		want  []string
	}{
		{"a run of a team, told from others of its id", &full, budget.ScopeRun, []string{"run ops/r/7"}},
		{"an agent of a team", &full, budget.ScopeAgent, []string{"agent ops/a/0"}},
		{"a user of a team", &full, budget.ScopeUser, []string{"user ops/u/0"}},
		{"not without a user", &bare, budget.ScopeUser, []string{}},
		{"each tag of a team, once", &full, budget.ScopeTag, []string{"tag ops/x/0", "tag ops/y/0"}},
		{"not without tags", &bare, budget.ScopeTag, []string{}},
		{"a team", &full, budget.ScopeTeam, []string{"team ops//0"}},
		{"a policy, whichever the team", &full, budget.ScopePolicy, []string{"policy /p/0"}},
		{"without a policy's id, all that have none", &bare, budget.ScopePolicy, []string{"policy //0"}},
		{"everything", &full, budget.ScopeGlobal, []string{"global //0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, owners(t, tt.s, per(tt.scope)))
		})
	}
}

func TestRunTrees(t *testing.T) {
	child := budget.Subject{Run: budget.Run{ID: "child"}, Agent: "a", Ancestors: []budget.Ancestor{
		{Run: budget.Run{ID: "parent"}, Budgets: []budget.Budget{per(budget.ScopeRun), per(budget.ScopeAgent)}},
		{Run: budget.Run{ID: "root"}, Budgets: []budget.Budget{tokens("run", 25), tokens("other", 1000)}},
	}}
	assert.Equal(t, []string{"run /child/0", "agent /a/0", "run /parent/0", "run /root/0", "run /root/0"},
		owners(t, &child, per(budget.ScopeRun), per(budget.ScopeAgent)), "of its ancestors only what is per run")

	k, _ := newKeeper()
	for range 2 {
		require.NoError(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: &child, Projection: input(10)}))
	}
	var short *budget.ExhaustedError
	require.ErrorAs(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: &child, Projection: input(10)}), &short)
	assert.Equal(t, "root", short.Owner.ID)
	assert.EqualValues(t, 25, short.Budget.Limit)
	child.Ancestors[1].Raised = map[string]int64{"run": 30}
	assert.NoError(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: &child, Projection: input(10)}))
}

func TestSharedAccounts(t *testing.T) {
	k, _ := newKeeper()
	reserve := func(s *budget.Subject, b budget.Budget) error {
		return k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: s, Budgets: []budget.Budget{b}, Projection: input(600)})
	}
	agent, run := per(budget.ScopeAgent), per(budget.ScopeRun)
	one := &budget.Subject{Run: budget.Run{ID: "r", Since: 1}, Agent: "a", Policy: "p"}
	two := &budget.Subject{Run: budget.Run{ID: "r", Since: 2}, Agent: "a", Policy: "q"}
	require.NoError(t, reserve(one, agent))
	assert.ErrorIs(t, reserve(two, agent), budget.ErrExhausted, "another policy gives an agent no second budget")
	other := agent
	other.Name = "another name"
	assert.NoError(t, reserve(two, other))
	other = agent
	other.Unit = budget.USD
	assert.NoError(t, reserve(two, other), "dollars are not counted with tokens")
	other = agent
	other.Window = budget.Day
	assert.NoError(t, reserve(two, other), "nor a day with ever")
	require.NoError(t, reserve(one, run))
	assert.NoError(t, reserve(two, run), "a later run of the same id begins at nothing")
}

func TestRaisedLimits(t *testing.T) {
	k, _ := newKeeper()
	budgets := []budget.Budget{per(budget.ScopeRun), per(budget.ScopeAgent)}
	budgets[0].AlertAt = []float64{0.5}
	s := &budget.Subject{Run: budget.Run{ID: "r", Raised: map[string]int64{"run": 3000, "agent": 1_000_000, "unknown": 1}}, Agent: "a"}
	var r budget.Reservation
	require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: s, Budgets: budgets[:1], Projection: input(1400)}))
	alerts, err := r.Settle(t.Context(), 0, 1400, nil)
	require.NoError(t, err)
	assert.Empty(t, alerts, "shares are those of the raised limit")
	_, left := r.Left()
	assert.EqualValues(t, 1600, left)
	var short *budget.ExhaustedError
	require.ErrorAs(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: s, Budgets: budgets, Projection: input(1100)}), &short)
	assert.Equal(t, "agent", short.Budget.Name, "only limits per run are raised")
	require.ErrorAs(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: s, Budgets: budgets[:1], Projection: input(1601)}), &short)
	assert.EqualValues(t, 3000, short.Budget.Limit)
	standings, err := k.Statement(t.Context(), s, budgets)
	require.NoError(t, err)
	assert.Equal(t, [2]int64{3000, 1000}, [2]int64{standings[0].Budget.Limit, standings[1].Budget.Limit})
}
