package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/run"
)

// lossy is a hook by which every second reply of a script is lost: it has run, and
// nobody is told.
type lossy struct{ n int }

var errLost = errors.New("the reply is lost")

func (l *lossy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if l.n++; err == nil && l.n%2 == 1 && cmd.Name() == "evalsha" {
			cmd.SetErr(errLost)
			return errLost
		}
		return err
	}
}

// twice calls f until its reply comes, which is the second time.
func twice(t *testing.T, what string, f func() error) {
	t.Helper()
	var err error
	for range 2 {
		if err = f(); err == nil {
			return
		}
		require.ErrorIs(t, err, errLost, what)
	}
	require.NoError(t, err, what)
}

func TestALostReplyIsAnsweredByAskingAgain(t *testing.T) {
	h := begin(t, connect(t), func(*redisstore.Options) {})
	require.NoError(t, h.Subscribe(t.Context(), "all", []run.EventType{run.RunStarted, run.RunBlocked, run.ApprovalPending, run.ApprovalApproved}, noon, after(time.Hour)))
	k := h.past("warm", "", noon) // all scripts that it needs are known to the server
	require.NoError(t, h.gate(k, "gate_0", noon, ""))
	h.rdb.(*redis.Client).AddHook(&lossy{})

	a := &run.Attachment{
		Team: "team:one", ID: "r", New: true, At: noon, Call: "call-1", Until: after(time.Minute),
		Start: &run.Run{Agent: "agt", IdleTimeout: time.Hour, Limits: run.Limits{MaxSteps: 1}},
	}
	var r run.Run
	twice(t, "Attach", func() error { _, err := h.Attach(t.Context(), a, &r); return err })
	assert.Equal(t, "r", r.ID)
	assert.EqualValues(t, 1, r.InFlight)
	var n int64
	p := run.Repetition{Hash: 7, Call: "call-1", Limit: 1, At: noon}
	twice(t, "Repeat", func() (err error) { n, err = h.Repeat(t.Context(), r.Key, p); return err })
	assert.EqualValues(t, 1, n)
	twice(t, "OpenGate", func() error { return h.gate(r.Key, "gate_1", noon, "answer") })
	twice(t, "ClaimGate", func() error {
		_, _, err := h.DecideGate(t.Context(), "gate_1", &run.Verdict{Approve: true, By: "ada"}, noon)
		return err
	})
	var claimed, ended bool
	twice(t, "ClaimGate", func() (err error) {
		_, claimed, err = h.ClaimGate(t.Context(), "gate_1", "claim", noon, after(time.Second))
		return err
	})
	assert.True(t, claimed)
	twice(t, "EndClaim", func() (err error) { _, ended, err = h.EndClaim(t.Context(), "gate_1", "claim", true, noon); return err })
	assert.True(t, ended)
	d := &run.Detachment{Key: r.Key, Call: "call-1", At: noon, Step: &run.Step{ID: "call-1", Cost: 5}}
	twice(t, "Detach", func() error { return h.Detach(t.Context(), d, &r) })
	assert.EqualValues(t, 1, r.Steps)
	assert.EqualValues(t, 5, r.Spent)
	assert.EqualValues(t, 0, r.InFlight)
	twice(t, "Block", func() error { _, _, err := h.Block(t.Context(), r.Key, &run.Block{Code: "c"}, noon); return err })

	messages, err := redisstore.New(connectTo(t, h.rdb), h.o).TakeMessages(t.Context(), "all", 10, noon, after(time.Second))
	require.NoError(t, err)
	require.Len(t, messages, 2, "one of each run")
	for i := range messages {
		assert.Equal(t, run.RunStarted, messages[i].Event.Type)
	}
}

// connectTo returns another client of the same Redis.
func connectTo(t *testing.T, rdb redis.UniversalClient) redis.UniversalClient {
	o := *rdb.(*redis.Client).Options()
	other := redis.NewClient(&o)
	t.Cleanup(func() { _ = other.Close() })
	return other
}
