package stores

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/run"
)

// A combination is a gateway with its two back ends.
type combination struct {
	*testing.T
	redis   *backends.Redis
	durable *sqlstore.Store
	gateway *gateway.Gateway
}

var key = run.Key{Team: (&run.Agent{Team: "0"}).TeamKey(), ID: "nightly"}

// twice is a policy under which a team can afford two calls.
const twice = `{"name":"p","budgets":[{"name":"b","per":"team","limit_usd":"0.0020"}]}`

// newCombination has two calls spend a budget of the team.
func newCombination(t *testing.T) *combination {
	c := &combination{T: t, redis: backends.StartRedis(t, backends.RedisOptions{})}
	c.durable = open(t, sqlstore.OpenPostgres, backends.SharedPostgres(t).Database(t), sqlstore.Postgres)
	hot := redisstore.New(dial(t, c.redis.Addr), redisstore.Options{})
	c.gateway = newGateway(t, twice, func(_ testing.TB, cfg *gateway.Config) { Share(cfg, c.durable, hot) })
	for range 2 {
		assert.Equal(t, 200, call(c.gateway, 0, key.ID))
	}
	assert.Equal(t, 402, call(c.gateway, 0, key.ID))
	return c
}

// has checks how many steps the run has, each of a thousandth of a dollar, and that
// the audit trail is whole.
func (c *combination) has(steps int) {
	c.Helper()
	r, err := c.gateway.Runs().Find(context.Background(), key)
	require.NoError(c, err)
	assert.EqualValues(c, steps, r.Steps)
	assert.Equal(c, fmt.Sprintf("0.%03d", steps), r.Spent.String())
	var check audit.Check
	v, err := check.Verify(context.Background(), c.durable, key.Team)
	require.NoError(c, err)
	assert.GreaterOrEqual(c, v.Entries, int64(steps))
}

// What Redis had is gone with it: budgets are empty, and nothing puts back what was
// spent. The database still knows it.
func TestWhatIsLostWithRedis(t *testing.T) {
	c := newCombination(t)
	c.redis.Kill()
	assert.Equal(t, 503, call(c.gateway, 0, key.ID), "while it is down")
	c.has(2)
	c.redis.Start() // with nothing in it
	require.Eventually(t, func() bool { return call(c.gateway, 0, key.ID) == 200 }, 30*time.Second, 100*time.Millisecond, "it comes back by itself, with an empty budget")
	c.has(3)
	assert.Equal(t, 200, call(c.gateway, 0, key.ID))
	assert.Equal(t, 402, call(c.gateway, 0, key.ID))
	c.has(4)
}

// What the database had is gone with it: runs begin anew, and the budget of the team
// holds as before.
func TestWhatIsLostWithTheDatabase(t *testing.T) {
	c := newCombination(t)
	fresh := open(t, sqlstore.OpenPostgres, backends.SharedPostgres(t).Database(t), sqlstore.Postgres)
	hot := redisstore.New(dial(t, c.redis.Addr), redisstore.Options{})
	after := newGateway(t, twice, func(_ testing.TB, cfg *gateway.Config) { Share(cfg, fresh, hot) })
	assert.Equal(t, 402, call(after, 0, key.ID))
	r, err := after.Runs().Find(t.Context(), key)
	require.NoError(t, err)
	assert.Zero(t, r.Steps)
}
