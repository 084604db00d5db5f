package redisstore

import (
	"context"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/backends"
)

func connect(t testing.TB) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: backends.StartRedis(t, backends.RedisOptions{}).Addr})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// What the scripts make of two amounts is what anyone does who has numbers that are
// large enough.
func TestAmountsInScripts(t *testing.T) {
	rdb := connect(t)
	script := redis.NewScript(numbersLua + `
local replies = {}
for i, pair in ipairs(ARGV) do
  local ah, al, bh, bl = struct.unpack('>dddd', pair)
  local sh, sl = add(ah, al, bh, bl)
  local dh, dl = minus(ah, al, bh, bl)
  replies[i] = struct.pack('>dddddd', sh, sl, dh, dl, 0, less(ah, al, bh, bl) and 1 or 0)
end
return replies`)
	edges := []int64{0, 1, 9, limb - 1, limb, limb + 1, 1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<62 - 1, 1 << 62,
		math.MaxInt64 - limb, math.MaxInt64 - limb + 1, math.MaxInt64 - 1, math.MaxInt64}
	var pairs [][2]int64
	for _, a := range edges {
		for _, b := range edges {
			pairs = append(pairs, [2]int64{a, b})
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		pairs = append(pairs, [2]int64{rnd.Int64() >> rnd.IntN(63), rnd.Int64() >> rnd.IntN(63)})
	}
	args := make([]any, len(pairs))
	for i, p := range pairs {
		ah, al := halves(p[0])
		bh, bl := halves(p[1])
		args[i] = form(ah, al, bh, bl)
	}
	replies, err := script.Run(context.Background(), rdb, nil, args...).StringSlice()
	require.NoError(t, err)
	most := big.NewInt(math.MaxInt64)
	for i, p := range pairs {
		a, b := big.NewInt(p[0]), big.NewInt(p[1])
		sum, difference, less := new(big.Int).Add(a, b), new(big.Int).Sub(a, b), int64(0)
		if sum.Cmp(most) > 0 {
			sum = most
		}
		if difference.Sign() < 0 {
			difference, less = new(big.Int), 1
		}
		got, rest, err := amounts(replies[i], 3)
		require.NoError(t, err)
		assert.Empty(t, rest)
		assert.Equal(t, []int64{sum.Int64(), difference.Int64(), less}, got, "%d and %d", p[0], p[1])
	}
}
