package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/run"
)

func TestTeamsAreKnownToAllThatShareARedis(t *testing.T) {
	rdb := connectCluster(t)
	h := begin(t, rdb, func(*redisstore.Options) {})
	other := &history{t, redisstore.New(rdb, h.o), rdb, h.o}
	subscribe := func(types ...run.EventType) {
		t.Helper()
		require.NoError(t, h.Subscribe(t.Context(), "all", types, after(0), after(time.Hour)))
	}
	start := func(of *history, team, id string) {
		t.Helper()
		a := &run.Attachment{Team: team, ID: id, At: after(0), Call: "call", Until: after(time.Minute), Start: &run.Run{Agent: "agt", IdleTimeout: time.Second}}
		_, err := of.Attach(t.Context(), a, &run.Run{})
		require.NoError(t, err)
	}
	told := func() (all []string) {
		t.Helper()
		messages, err := h.TakeMessages(t.Context(), "all", 99, after(0), after(time.Minute))
		require.NoError(t, err)
		for i := range messages {
			all = append(all, messages[i].Event.Run.Team+" "+messages[i].Event.Run.ID)
		}
		return all
	}
	start(other, "before", "r")
	subscribe(run.RunStarted)
	start(other, "before", "s")
	start(other, "after", "r")
	start(h, "after", "s")
	start(other, "{odd}% team", "r")
	assert.ElementsMatch(t, []string{"before s", "after r", "after s", "{odd}% team r"}, told())
	subscribe(run.RunCompleted)
	start(other, "later", "r")
	start(h, "before", "t")
	assert.Empty(t, told())

	teams := func() []string {
		t.Helper()
		all, err := rdb.ZRange(t.Context(), h.o.Prefix+"{%all}:teams", 0, -1).Result()
		require.NoError(t, err)
		return all
	}
	h.sweep(after(9 * time.Hour))
	for hour := range 100 {
		h.sweep(after(time.Duration(hour) * time.Hour))
	}
	require.Len(t, teams(), 4, "made known a moment ago")
	require.NoError(t, rdb.ZAdd(t.Context(), h.o.Prefix+"{%all}:teams", redis.Z{Score: 1, Member: "before"}).Err())
	h.sweep(after(100 * time.Hour))
	assert.NotContains(t, teams(), "before", "made known long ago, and there is nothing of it")
}
