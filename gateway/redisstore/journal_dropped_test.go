package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/run"
)

// dropped has Redis drop what it does not keep for ever, as it does when nobody has
// swept for long.
func (h *history) dropped() {
	h.Helper()
	n := 0
	for _, key := range h.keys() {
		if strings.HasPrefix(key, "gate:") || !h.ages(key) {
			continue
		}
		require.NoError(h, h.rdb.Del(h.Context(), h.o.Prefix+key).Err())
		n++
	}
	require.Positive(h, n)
}

// ages reports whether Redis drops a key by itself.
func (h *history) ages(key string) bool {
	h.Helper()
	ttl, err := h.rdb.PTTL(h.Context(), h.o.Prefix+key).Result()
	require.NoError(h, err)
	return ttl > 0
}

// blockedAtAGate is a blocked run with a live gate, the only one that there is room for.
func (h *history) blockedAtAGate(at time.Time) run.Key {
	h.Helper()
	k := h.past("r", "", at)
	require.NoError(h, h.gate(k, "gate_1", at, "answer"))
	_, changed, err := h.Block(h.Context(), k, &run.Block{Code: "blocked"}, at)
	require.NoError(h, err)
	require.True(h, changed)
	return k
}

// Nobody has swept for longer than Redis keeps an ended run, as over a long weekend
// without a gateway. What it has not dropped by itself is no hindrance then, and goes
// with the next sweep.
func TestWhatIsLeftOfARunThatRedisHasDropped(t *testing.T) {
	rdb := connect(t)
	later := after(72 * time.Hour)
	for name, check := range map[string]func(h *history){
		"a sweep drops its gates": func(h *history) {
			for range 3 {
				h.sweep(later)
			}
		},
		"its gates make room for others": func(h *history) {
			other := h.past("other", "", later)
			require.NoError(h, h.gate(other, "gate_2", later, "answer"))
			assert.ErrorIs(h, h.gate(other, "gate_3", later, "answer"), run.ErrGatesFull)
		},
		"its gates are cancelled by a run of the same id": func(h *history) {
			k := h.past("r", "", after(time.Second))
			require.NoError(h, h.gate(k, "gate_2", after(time.Second), "answer"))
			assert.Empty(h, h.sweep(after(time.Second)).Forgotten, "the new one is no older than it is")
			g, err := h.FindGates(h.Context(), []string{"gate_1", "gate_2"}, after(time.Second))
			require.NoError(h, err)
			require.Len(h, g, 1)
			assert.Equal(h, "gate_2", g[0].ID)
		},
		"a gate that nobody has cancelled is rejected": func(h *history) {
			g, changed, err := h.DecideGate(h.Context(), "gate_1", &run.Verdict{By: "ada"}, after(time.Second))
			require.NoError(h, err)
			assert.True(h, changed)
			assert.Equal(h, run.GateRejected, g.Status)
		},
		"a gate that nobody has cancelled is approved, claimed and used": func(h *history) {
			_, changed, err := h.DecideGate(h.Context(), "gate_1", &run.Verdict{Approve: true, By: "ada"}, after(time.Second))
			require.NoError(h, err)
			assert.True(h, changed)
			_, claimed, err := h.ClaimGate(h.Context(), "gate_1", "claim", after(time.Second), after(time.Minute))
			require.NoError(h, err)
			assert.True(h, claimed)
			_, ended, err := h.EndClaim(h.Context(), "gate_1", "claim", true, after(time.Second))
			require.NoError(h, err)
			assert.True(h, ended)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := begin(t, rdb, func(o *redisstore.Options) { o.TeamGates = 1 })
			h.blockedAtAGate(after(0))
			h.dropped()
			check(h)

			at := later
			for range 3 { // what was closed meanwhile is forgotten later
				at = at.Add(72 * time.Hour)
				h.sweep(at)
			}
			last := h.past("last", "", at)
			require.NoError(t, h.gate(last, "gate_9", at, "answer"), "there is room for one gate, and none is live")
			for _, key := range h.keys() {
				for _, gone := range []string{"gate_1", "gate_2", ":gl:r", ":gl:other", ":ga:gate_1"} {
					assert.NotContains(t, key, gone)
				}
			}
		})
	}
}
