package memstore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// gateAbout is a gate about the n-th request of a run.
func gateAbout(id string, n int, at time.Time) *run.Gate {
	g := &run.Gate{
		ID: fmt.Sprintf("gate_%s_%06d", id, n), Run: key(id), Kind: run.ActionGate,
		Window: window, Status: run.GatePending, Opened: at, Expires: at.Add(window),
	}
	binary.BigEndian.PutUint64(g.Fingerprint[:], uint64(n))
	return g
}

// ask opens a gate about the n-th request of a run, and returns its id.
func (d diary) ask(id string, n int, at time.Time, answer []byte) (string, error) {
	g, opened, err := d.OpenGate(context.Background(), gateAbout(id, n, at), answer)
	assert.Equal(d.t, err == nil, opened)
	return g.ID, err
}

func (d diary) decide(gate string, approve bool, at time.Time) {
	d.t.Helper()
	_, changed, err := d.DecideGate(context.Background(), gate, &run.Verdict{Approve: approve, By: "ada"}, at)
	require.NoError(d.t, err)
	require.True(d.t, changed)
}

func TestGatesAreBounded(t *testing.T) {
	ends := []struct {
		name string
		end  func(d diary, gate string)
		at   time.Time // when there is room again
	}{
		{"rejected", func(d diary, gate string) { d.decide(gate, false, noon) }, noon},
		{"used", func(d diary, gate string) {
			d.decide(gate, true, noon)
			_, _, err := d.ClaimGate(context.Background(), gate, "c", noon, noon.Add(lease))
			require.NoError(t, err)
			_, ended, err := d.EndClaim(context.Background(), gate, "c", true, noon)
			require.NoError(t, err)
			require.True(t, ended)
		}, noon},
		{"expired, without a sweep", func(diary, string) {}, noon.Add(window)},
		{"cancelled with its run", func(d diary, _ string) { d.closed("r", noon) }, noon},
		{"forgotten with its run", func(d diary, _ string) {
			d.blocked("r", noon)
			require.Equal(t, []string{"r"}, d.sweep(noon))
		}, noon},
	}
	for _, tt := range []struct {
		name   string
		o      memstore.Options
		answer int
	}{
		{"in number", memstore.Options{Gates: 1, ClosedRuns: -1}, 0},
		{"in bytes", memstore.Options{GateBytes: 10, TeamGateBytes: 10, ClosedRuns: -1}, 6},
		{"in number for a team", memstore.Options{TeamGates: 1, ClosedRuns: -1}, 0},
		{"in bytes for a team", memstore.Options{TeamGateBytes: 10, ClosedRuns: -1}, 6},
	} {
		for _, end := range ends {
			t.Run(tt.name+", until one is "+end.name, func(t *testing.T) {
				d := newDiary(t, tt.o)
				d.end(d.open("r", noon, false).ID, noon, nil)
				d.open("other", noon, false)
				gate, err := d.ask("r", 1, noon, make([]byte, tt.answer))
				require.NoError(t, err)
				_, err = d.ask("other", 2, noon, make([]byte, tt.answer))
				assert.ErrorIs(t, err, run.ErrGatesFull)
				_, err = d.FindGates(t.Context(), []string{gate}, noon)
				assert.NoError(t, err)
				end.end(d, gate)
				for n := range 3 {
					id, err := d.ask("other", 3+n, end.at, make([]byte, tt.answer))
					require.NoError(t, err)
					d.decide(id, false, end.at)
				}
			})
		}
	}
	t.Run("an answer that is too large alone", func(t *testing.T) {
		d := newDiary(t, memstore.Options{GateBytes: 10, TeamGateBytes: 10})
		d.open("r", noon, false)
		_, err := d.ask("r", 1, noon, make([]byte, 11))
		assert.ErrorIs(t, err, run.ErrGatesFull)
		_, err = d.ask("r", 1, noon, make([]byte, 10))
		assert.NoError(t, err)
	})
}

// However many gates a team opens, and whatever they withhold, there is room for
// those of another.
func TestATeamLeavesRoomForOthers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      memstore.Options
		answer int
		most   int // gates of one team
	}{
		{"in number", memstore.Options{Gates: 100}, 0, 10},
		{"of very few", memstore.Options{Gates: 2}, 0, 1},
		{"in bytes", memstore.Options{GateBytes: 100}, 5, 5},
		{"as it is set", memstore.Options{Gates: 100, TeamGates: 99}, 0, 99},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDiary(t, tt.o)
			open := func(team, id string) int {
				_, err := d.Attach(t.Context(), &run.Attachment{Team: team, At: noon, ID: id, Start: &run.Run{IdleTimeout: -1}}, new(run.Run))
				require.NoError(t, err)
				for n := 0; ; n++ {
					g := gateAbout(id, n, noon)
					g.ID, g.Run.Team = team+g.ID, team
					if _, _, err := d.OpenGate(t.Context(), g, make([]byte, tt.answer)); err != nil {
						require.ErrorIs(t, err, run.ErrGatesFull)
						return n
					}
				}
			}
			assert.Equal(t, tt.most, open("team:a", "r"))
			assert.Positive(t, open("team:b", "r"))
			_, _, err := d.Complete(t.Context(), key("r"), run.ReasonByAgent, noon)
			require.NoError(t, err)
			assert.Equal(t, tt.most, open("team:a", "next"), "when those have ended")
		})
	}
}

func TestAnswersAreLetGo(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	answer := func(gate string) string {
		t.Helper()
		got, err := d.GateAnswer(t.Context(), gate)
		require.NoError(t, err)
		return string(got)
	}
	rejected, err := d.ask("r", 1, noon, []byte("first"))
	require.NoError(t, err)
	expired, err := d.ask("r", 2, noon, []byte("second"))
	require.NoError(t, err)
	assert.Equal(t, "first", answer(rejected))
	d.decide(rejected, false, noon)
	assert.Empty(t, answer(rejected))
	assert.Equal(t, "second", answer(expired))
	d.sweep(noon.Add(window))
	assert.Empty(t, answer(expired))
}

// Of the gates of a run that are not live, those that ended last are remembered,
// and all that are live.
func TestEndedGatesOfARunAreBounded(t *testing.T) {
	const ended, kept = 2500, 1000
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	live, err := d.ask("r", 0, noon, nil)
	require.NoError(t, err)
	for n := 1; n <= ended; n++ {
		id, err := d.ask("r", n, noon, nil)
		require.NoError(t, err)
		d.decide(id, false, noon)
	}
	for _, q := range []run.GateQuery{{N: 2 * ended}, {Run: key("r"), N: 2 * ended}} {
		all, err := d.ListGates(t.Context(), &q, noon)
		require.NoError(t, err)
		require.Len(t, all, kept+1)
		assert.Equal(t, gateAbout("r", ended, noon).ID, all[0].ID)
		assert.Equal(t, gateAbout("r", ended-kept+1, noon).ID, all[kept-1].ID)
		assert.Equal(t, live, all[kept].ID)
	}
	_, _, err = d.MeetGate(t.Context(), key("r"), gateAbout("r", ended-kept, noon).Fingerprint, noon)
	assert.ErrorIs(t, err, run.ErrNoGate, "one that is forgotten")
	_, _, err = d.MeetGate(t.Context(), key("r"), gateAbout("r", ended-kept+1, noon).Fingerprint, noon)
	assert.NoError(t, err, "one that is not")
}

// However many gates a run has had, they cost no more than those that are
// remembered.
func TestEndedGatesCostLittle(t *testing.T) {
	const each = 2000 // bytes, at most, of a gate that is remembered
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for n := range 20_000 {
		g := gateAbout("r", n, noon)
		g.Pauses = true
		_, _, err := d.OpenGate(t.Context(), g, make([]byte, 1000))
		require.NoError(t, err)
		d.decide(g.ID, false, noon)
	}
	grown := heap() - before
	t.Logf("%d bytes a gate that is remembered", grown/1000)
	assert.Less(t, grown, int64(1000*each))
	runtime.KeepAlive(d)
}

// A run in which nothing is remembered but gates that are forgotten is not Gated.
func TestARunIsGatedWhileItsGatesAreRemembered(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	for n := range 1001 {
		id, err := d.ask("r", n, noon, nil)
		require.NoError(t, err)
		d.decide(id, n > 0, noon)
		if n == 0 {
			continue
		}
		assert.True(t, d.find("r").Gated)
		_, _, err = d.ClaimGate(t.Context(), id, "c", noon, noon.Add(lease))
		require.NoError(t, err)
		_, _, err = d.EndClaim(t.Context(), id, "c", true, noon)
		require.NoError(t, err)
	}
	assert.False(t, d.find("r").Gated, "a thousand that are used, after one that was rejected")
}

func TestARunThatAsksIsNotCrowdedOut(t *testing.T) {
	d := newDiary(t, memstore.Options{OpenRuns: 1})
	for _, id := range []string{"asks", "below", "quiet"} {
		d.end(d.open(id, noon, false).ID, noon, nil)
	}
	d.attach(&run.Attachment{At: noon, ID: "child", Parent: "below", Start: &run.Run{IdleTimeout: -1}})
	d.end("child", noon, nil)
	gate, err := d.ask("asks", 1, noon, nil)
	require.NoError(t, err)
	_, err = d.ask("child", 2, noon, nil)
	require.NoError(t, err)
	swept := func(at time.Time) (ids []string) {
		s, err := d.Sweep(t.Context(), at)
		require.NoError(t, err)
		for _, r := range s.Completed {
			assert.Equal(t, run.ReasonCrowdedOut, r.Reason)
			ids = append(ids, r.ID)
		}
		return ids
	}
	assert.Equal(t, []string{"quiet"}, swept(noon.Add(time.Second)))
	d.decide(gate, false, noon.Add(time.Second))
	assert.Equal(t, []string{"asks"}, swept(noon.Add(time.Second)))
	assert.Equal(t, []string{"child"}, swept(noon.Add(window)), "when its gate has expired")
}

// The gates below a blocked run that is forgotten are cancelled, since it counts as
// completed from then on.
func TestGatesBelowAForgottenRunAreCancelled(t *testing.T) {
	d := newDiary(t, memstore.Options{ClosedRuns: time.Minute})
	d.end(d.open("parent", noon, false).ID, noon, nil)
	d.attach(&run.Attachment{At: noon, ID: "child", Parent: "parent", Start: &run.Run{IdleTimeout: -1}})
	d.end("child", noon, nil)
	gate, err := d.ask("child", 1, noon, nil)
	require.NoError(t, err)
	d.blocked("parent", noon)
	require.Equal(t, []string{"parent"}, d.sweep(noon.Add(time.Minute)))
	found, err := d.FindGates(t.Context(), []string{gate}, noon.Add(time.Minute))
	require.NoError(t, err)
	assert.Equal(t, run.GateCancelled, found[0].Status)
}

// Each sweep tells of all gates that have expired by then, and of no other,
// whatever has moved their times before.
func TestSweepFindsEveryExpiredGate(t *testing.T) {
	const gates = 50
	rnd := rand.New(rand.NewPCG(1, 2))
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	at, n := noon, 0
	live := map[string]bool{}
	for range 5000 {
		at = at.Add(time.Duration(rnd.IntN(5)) * time.Second)
		if len(live) < gates {
			n++
			id, err := d.ask("r", n, at, nil)
			require.NoError(t, err)
			live[id] = true
		}
		id := slices.Sorted(maps.Keys(live))[rnd.IntN(len(live))]
		var err error
		switch rnd.IntN(4) {
		case 0:
			_, _, err = d.DecideGate(t.Context(), id, &run.Verdict{Approve: true, By: "ada"}, at)
		case 1:
			_, _, err = d.ClaimGate(t.Context(), id, "c", at, at.Add(time.Duration(rnd.IntN(900))*time.Second))
		case 2:
			_, _, err = d.EndClaim(t.Context(), id, "c", false, at)
		default:
			var want, got []string
			found, err := d.FindGates(t.Context(), slices.Collect(maps.Keys(live)), at)
			require.NoError(t, err)
			for _, g := range found {
				if g.Status == run.GateExpired {
					want = append(want, g.ID)
					delete(live, g.ID)
				}
			}
			swept, err := d.Sweep(t.Context(), at)
			require.NoError(t, err)
			for _, g := range swept.Expired {
				got = append(got, g.ID)
			}
			require.ElementsMatch(t, want, got)
		}
		require.NoError(t, err)
	}
	assert.Greater(t, n, 2*gates)
}

// Large arguments of ended gates are bounded as well.
func TestArgumentsOfEndedGatesAreBounded(t *testing.T) {
	d := newDiary(t, memstore.Options{})
	d.open("r", noon, false)
	for n := range 10 {
		g := gateAbout("r", n, noon)
		g.Proposed = []run.Proposal{{Tool: "write", Args: make([]byte, 300<<10)}}
		_, _, err := d.OpenGate(t.Context(), g, nil)
		require.NoError(t, err)
		d.decide(g.ID, false, noon)
	}
	left, err := d.ListGates(t.Context(), &run.GateQuery{N: 100}, noon)
	require.NoError(t, err)
	assert.Len(t, left, 3, "of 300 KiB each, in 1 MiB")
	d = newDiary(t, memstore.Options{TeamGateBytes: 500 << 10})
	d.open("r", noon, false)
	for n, want := range []error{nil, run.ErrGatesFull} {
		g := gateAbout("r", n, noon)
		g.Proposed = []run.Proposal{{Tool: "write", Args: make([]byte, 300<<10)}}
		_, _, err := d.OpenGate(t.Context(), g, nil)
		assert.ErrorIs(t, err, want)
	}
}
