package sqlstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

// A store goes on by itself when its server comes back, with all that it has confirmed.
func TestAServerThatIsKilledForgetsNothing(t *testing.T) {
	p := backends.StartPostgres(t, backends.PostgresOptions{})
	db, err := OpenPostgres(p.URL("postgres"))
	require.NoError(t, err)
	defer db.Close()
	s, err := Open(t.Context(), db, Postgres, Options{})
	require.NoError(t, err)
	a := budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "ops"}, Budget: "b"}
	d := &budget.Demand{
		Holds:  []budget.Hold{{Account: a, Need: 10, Limit: 1000}},
		Record: &budget.Record{Team: "ops", ID: "step_1", Text: []byte("{}")},
	}
	_, ok, err := s.Reserve(t.Context(), numbered(1), d, time.Hour)
	require.NoError(t, err)
	require.True(t, ok)

	p.Kill(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err = s.Reserve(ctx, numbered(2), d, time.Hour)
	require.Error(t, err, "nobody knows")

	p.Start(t)
	var got []budget.Balance
	require.Eventually(t, func() bool {
		got, err = s.Balances(t.Context(), []budget.Account{a}, nil)
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	assert.Equal(t, []budget.Balance{{Reserved: 10}}, got)
	head, err := s.Head(t.Context(), "ops")
	require.NoError(t, err)
	assert.EqualValues(t, 1, head.Number)
	got, err = s.Settle(t.Context(), numbered(1), d, &budget.Settlement{Charges: []int64{3}}, nil)
	require.NoError(t, err)
	assert.Equal(t, []budget.Balance{{Spent: 3, Peak: 3}}, got)
}
