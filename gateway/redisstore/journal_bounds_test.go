package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/run"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return noon.Add(d) }

// A history is a store in which runs are made.
type history struct {
	*testing.T
	*redisstore.Store
	rdb redis.UniversalClient
	o   redisstore.Options
}

func begin(t *testing.T, rdb redis.UniversalClient, change func(o *redisstore.Options)) *history {
	o := empty()
	change(&o)
	return &history{t, redisstore.New(rdb, o), rdb, o}
}

// past attaches a call to a run, which ends at once.
func (h *history) past(id, parent string, at time.Time) run.Key {
	h.Helper()
	k := h.call(id, parent, at)
	require.NoError(h, h.Detach(h.Context(), &run.Detachment{Key: k, Call: "call", At: at, Step: &run.Step{ID: "step-" + id}}, &run.Run{}))
	return k
}

func (h *history) call(id, parent string, at time.Time) run.Key {
	h.Helper()
	a := &run.Attachment{
		Team: "team:one", ID: id, Parent: parent, At: at, Call: "call", Until: at.Add(time.Minute),
		Start: &run.Run{Agent: "agt", IdleTimeout: time.Hour},
	}
	var r run.Run
	_, err := h.Attach(h.Context(), a, &r)
	require.NoError(h, err)
	return r.Key
}

func (h *history) sweep(at time.Time) run.Swept {
	h.Helper()
	s, err := h.Sweep(h.Context(), at)
	require.NoError(h, err)
	return s
}

func (h *history) gate(k run.Key, id string, at time.Time, answer string) error {
	h.Helper()
	g := &run.Gate{ID: id, Run: k, Fingerprint: run.Fingerprint{byte(len(id)), id[len(id)-1]}, Window: time.Minute, Status: run.GatePending, Opened: at, Expires: at.Add(time.Minute)}
	_, _, err := h.OpenGate(h.Context(), g, []byte(answer))
	return err
}

// keys are those that the store has in Redis.
func (h *history) keys() (all []string) {
	h.Helper()
	found := h.rdb.Scan(h.Context(), 0, h.o.Prefix+"*", 1000).Iterator()
	for found.Next(h.Context()) {
		all = append(all, strings.TrimPrefix(found.Val(), h.o.Prefix))
	}
	require.NoError(h, found.Err())
	return all
}

func ids(runs []run.Run) (all []string) {
	for i := range runs {
		all = append(all, runs[i].ID)
	}
	return all
}

func TestJournalBounds(t *testing.T) {
	rdb := connect(t)
	for name, check := range map[string]func(t *testing.T){
		"a team's ended runs are so many": func(t *testing.T) {
			h := begin(t, rdb, func(o *redisstore.Options) { o.TeamRuns = 2 })
			for i := range 5 {
				k := h.past(fmt.Sprint("r-", i), "", after(0))
				_, _, err := h.Complete(t.Context(), k, run.ReasonByAgent, after(time.Duration(i)*time.Second))
				require.NoError(t, err)
			}
			assert.Equal(t, []string{"r-0", "r-1", "r-2"}, ids(h.sweep(after(time.Minute)).Forgotten))
			assert.Empty(t, h.sweep(after(time.Minute)).Forgotten)
		},
		"a team's open runs are so many, and those with calls in flight stay": func(t *testing.T) {
			h := begin(t, rdb, func(o *redisstore.Options) { o.TeamOpenRuns = 2 })
			h.call("r-0", "", after(0))
			for i := range 4 {
				h.past(fmt.Sprint("r-", 1+i), "", after(time.Duration(1+i)*time.Second))
			}
			s := h.sweep(after(30 * time.Second))
			assert.Equal(t, []string{"r-1", "r-2", "r-3"}, ids(s.Completed))
			assert.Equal(t, run.ReasonCrowdedOut, s.Completed[0].Reason)
		},
		"a team's live gates are so many, and those that have expired make room": func(t *testing.T) {
			h := begin(t, rdb, func(o *redisstore.Options) { o.TeamGates, o.TeamGateBytes = 2, 10 })
			k := h.past("r", "", after(0))
			require.NoError(t, h.gate(k, "gate_1", after(0), "12345"))
			require.ErrorIs(t, h.gate(k, "gate_2", after(0), "123456"), run.ErrGatesFull)
			require.NoError(t, h.gate(k, "gate_3", after(0), "1"))
			require.ErrorIs(t, h.gate(k, "gate_4", after(59*time.Second), ""), run.ErrGatesFull)
			require.NoError(t, h.gate(k, "gate_5", after(time.Minute), "1234567890"))
			assert.Len(t, h.sweep(after(time.Minute)).Expired, 2)
		},
		"a team's dead messages are 1000, the last": func(t *testing.T) {
			h := begin(t, rdb, func(*redisstore.Options) {})
			require.NoError(t, h.Subscribe(t.Context(), "all", []run.EventType{run.RunStarted}, after(0), after(time.Hour)))
			for i := range 1003 {
				at := after(time.Duration(i) * time.Second)
				h.past(fmt.Sprint("r-", i), "", at)
				messages, err := h.TakeMessages(t.Context(), "all", 10, at, at.Add(time.Hour))
				require.NoError(t, err)
				require.Len(t, messages, 1)
				require.NoError(t, h.EndMessage(t.Context(), &messages[0], &run.Outcome{At: at, Dead: "down"}))
			}
			dead, err := h.DeadMessages(t.Context(), 2000)
			require.NoError(t, err)
			require.Len(t, dead, 1000)
			assert.Equal(t, "r-1002", dead[0].Event.Run.ID)
			assert.Equal(t, "r-3", dead[999].Event.Run.ID)
		},
		"what waits for a subscriber is dropped when his time has passed": func(t *testing.T) {
			h := begin(t, rdb, func(*redisstore.Options) {})
			require.NoError(t, h.Subscribe(t.Context(), "all", []run.EventType{run.RunStarted}, after(0), after(time.Minute)))
			for i := range 3 {
				h.past(fmt.Sprint("r-", i), "", after(0))
			}
			h.sweep(after(59 * time.Second))
			require.Contains(t, strings.Join(h.keys(), "\n"), "o:m:all")
			h.sweep(after(time.Minute))
			assert.NotContains(t, strings.Join(h.keys(), "\n"), ":all")
		},
		"a run remembers so many kinds of refusals, and so many turns": func(t *testing.T) {
			h := begin(t, rdb, func(*redisstore.Options) {})
			k := h.past("r", "", after(0))
			for i := range 300 {
				call := h.call("r", "", after(time.Second))
				f := &run.Refusal{Code: fmt.Sprint("code-", i)}
				require.NoError(t, h.Detach(t.Context(), &run.Detachment{Key: call, Call: "call", At: after(time.Second), Refusal: f}, &run.Run{}))
				_, err := h.Repeat(t.Context(), k, run.Repetition{Hash: uint64(1 + i), Limit: 9, At: after(0)})
				require.NoError(t, err)
			}
			refusals, err := h.Refusals(t.Context(), k)
			require.NoError(t, err)
			require.Len(t, refusals, 100)
			assert.Equal(t, "code-200", refusals[0].Code)
			for _, x := range []struct {
				hash uint64
				want int64
			}{{300, 2}, {45, 2}, {44, 1}} {
				n, err := h.Repeat(t.Context(), k, run.Repetition{Hash: x.hash, Limit: 9, At: after(0)})
				require.NoError(t, err)
				assert.Equal(t, x.want, n, "turn %d", x.hash)
			}
		},
	} {
		t.Run(name, check)
	}
}

func TestNothingIsLeftOfRunsThatAreForgotten(t *testing.T) {
	rdb := connect(t)
	h := begin(t, rdb, func(o *redisstore.Options) { o.ClosedRuns = time.Hour })
	require.NoError(t, h.Subscribe(t.Context(), "all", []run.EventType{run.RunStarted, run.ApprovalPending}, after(0), after(time.Hour)))
	for i := range 20 {
		root := h.past(fmt.Sprint("root-", i), "", after(0))
		child := h.past(fmt.Sprint("child-", i), root.ID, after(0))
		h.call(child.ID, "", after(time.Second)) // whose process has died
		require.NoError(t, h.gate(child, fmt.Sprint("gate_", i), after(0), "answer"))
		_, err := h.Repeat(t.Context(), root, run.Repetition{Hash: 1, Limit: 2, At: after(0)})
		require.NoError(t, err)
		_, err = h.Repeat(t.Context(), root, run.Repetition{Event: &run.Event{Type: run.PolicyDrift}, Hash: 1, Limit: 1, At: after(0)})
		require.NoError(t, err)
		require.NoError(t, h.Detach(t.Context(), &run.Detachment{Key: root, Call: h.call(root.ID, "", after(0)).ID, At: after(0), Refusal: &run.Refusal{Code: "c"}}, &run.Run{}))
		if i%2 == 0 {
			_, _, err := h.Block(t.Context(), root, &run.Block{Code: "budget_exceeded"}, after(0))
			require.NoError(t, err)
		}
	}
	require.Greater(t, len(h.keys()), 200)
	forgotten := 0
	for hour := range 8 {
		forgotten += len(h.sweep(after(time.Duration(1+hour) * time.Hour)).Forgotten)
	}
	assert.Equal(t, 40, forgotten)
	for _, key := range h.keys() {
		of := strings.Contains(key, "{%all}:") || strings.HasSuffix(key, ":o:n")
		if !of { // that a parent which had children was closed, for a while
			ttl, err := rdb.PTTL(t.Context(), h.o.Prefix+key).Result()
			require.NoError(t, err)
			of = strings.Contains(key, ":r:root-") && ttl > 0
		}
		assert.True(t, of, "left: %s", key)
	}
}

func TestRedisDropsWhatNobodySweeps(t *testing.T) {
	rdb := connect(t)
	h := begin(t, rdb, func(o *redisstore.Options) { o.ClosedRuns = time.Hour })
	k := h.past("r", "", after(0))
	expires := func(want bool) {
		t.Helper()
		for _, key := range h.keys() {
			if strings.HasSuffix(key, ":r") || strings.HasSuffix(key, ":nr") {
				ttl, err := rdb.PTTL(t.Context(), h.o.Prefix+key).Result()
				require.NoError(t, err)
				assert.Equal(t, want, ttl > 2*time.Hour, "%s is kept for %v", key, ttl)
			}
		}
	}
	expires(false)
	_, _, err := h.Block(t.Context(), k, &run.Block{Code: "c"}, after(0))
	require.NoError(t, err)
	h.call("r", "", after(0)) // which is refused
	expires(true)
	_, _, err = h.Lift(t.Context(), k, after(0))
	require.NoError(t, err)
	expires(false)
	h.call("r", "", after(0))
	_, _, err = h.Complete(t.Context(), k, run.ReasonByAgent, after(0))
	require.NoError(t, err)
	require.NoError(t, h.Detach(t.Context(), &run.Detachment{Key: k, Call: "call", At: after(0), Step: &run.Step{ID: "late"}}, &run.Run{}))
	expires(true)
}

func TestAGateIsFoundByItsIDAloneAsLongAsItIsKnown(t *testing.T) {
	rdb := connect(t)
	h := begin(t, rdb, func(o *redisstore.Options) { o.ClosedRuns = time.Hour })
	k := h.past("r", "", after(0))
	require.NoError(t, h.gate(k, "gate_1", after(0), "answer"))
	pointer := func() time.Duration {
		ttl, err := rdb.PTTL(t.Context(), h.o.Prefix+"gate:gate_1").Result()
		require.NoError(t, err)
		return ttl
	}
	assert.Greater(t, pointer(), time.Hour, "before a sweep has confirmed it")
	h.sweep(after(0))
	assert.EqualValues(t, -1, pointer(), "after that")
	_, _, err := h.Complete(t.Context(), k, run.ReasonByAgent, after(0))
	require.NoError(t, err)
	h.sweep(after(2 * time.Hour))
	assert.EqualValues(t, -2, pointer(), "when the run is forgotten")
	_, err = h.GateAnswer(t.Context(), "gate_1")
	assert.ErrorIs(t, err, run.ErrNoGate)
}
