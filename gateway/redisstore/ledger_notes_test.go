package redisstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// Where the slot of one team is not to be had, as while its node is replaced, a note
// that is to be told there waits: what is counted of all teams does not wait for it,
// nor what is told of others.
func TestANoteThatCannotBeToldHoldsUpNoOtherTeam(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.prefix = "note:"
		ctx, now := context.Background(), time.Now()
		away := true
		s := w.process(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if away && isScript(cmd) && strings.Contains(fmt.Sprint(cmd.Args()...), "{a}:m:n:") {
				return errLost
			}
			return next(ctx, cmd)
		})
		require.NoError(w, s.Subscribe(ctx, "hook", []run.EventType{run.BudgetAlert}, now, now.Add(time.Hour)))
		global := budget.Hold{Account: budget.Account{Owner: budget.Owner{Scope: budget.ScopeGlobal}, Budget: "b"}, Need: 1, Limit: 100}
		settle := func(team string, at int64) {
			d, id := &budget.Demand{Holds: []budget.Hold{global}}, newID()
			_, ok, err := s.Reserve(ctx, id, d, time.Hour)
			require.NoError(w, err)
			require.True(w, ok)
			note := []byte(`{"Type":"budget.alert","Run":{"Team":"` + team + `","ID":"r"},"Alert":{}}`)
			_, err = s.Settle(ctx, id, d, &budget.Settlement{Charges: []int64{1}, Lines: []budget.Line{{At: at, Note: note}}}, nil)
			require.NoError(w, err)
		}
		told := func() (team string) {
			require.Eventually(w, func() bool {
				messages, err := s.TakeMessages(ctx, "hook", 1, time.Now(), time.Now().Add(time.Hour))
				require.NoError(w, err)
				for i := range messages {
					team = messages[i].Event.Run.Team
				}
				return team != ""
			}, 20*time.Second, 10*time.Millisecond)
			return team
		}
		settle("a", 1)
		settle("b", 2)
		assert.Equal(w, "b", told())
		untold := slot(w.prefix + "{%g}:").untold()
		left := s.ledger.rdb.ZRange(ctx, untold, 0, -1).Val()
		require.Len(w, left, 1)
		require.NoError(w, s.ledger.rdb.ZAdd(ctx, untold, redis.Z{Score: 1, Member: left[0]}, redis.Z{Score: 2, Member: "no note"}).Err(), "long ago")
		d := &budget.Demand{Holds: []budget.Hold{{Account: budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "b"}, Budget: "b"}, Need: 1, Limit: 100}, global}}
		_, ok, err := s.Reserve(ctx, newID(), d, time.Hour)
		assert.NoError(w, err)
		assert.True(w, ok)
		away = false
		assert.Equal(w, "a", told())
		assert.Zero(w, s.ledger.rdb.ZCard(ctx, untold).Val())
	})
}
