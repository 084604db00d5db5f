package budget_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

func TestRateValidate(t *testing.T) {
	rpm := budget.Rate{Name: "r", Per: budget.ScopeRun, Requests: 60, Window: time.Minute}
	slots := budget.Rate{Name: "r", Per: budget.ScopeRun, Concurrent: 4}
	tests := []struct {
		name   string
		r      budget.Rate
		change func(r *budget.Rate)
		want   string
	}{
		{"requests", rpm, func(*budget.Rate) {}, ""},
		{"calls at once", slots, func(*budget.Rate) {}, ""},
		{"tokens with a burst", rpm, func(r *budget.Rate) { r.Requests, r.Tokens, r.Burst = 0, 60, 60 }, ""},
		{"no name", rpm, func(r *budget.Rate) { r.Name = "" }, "needs a name"},
		{"another scope", rpm, func(r *budget.Rate) { r.Per = "planet" }, `per "planet" is not known; use "run", "agent"`},
		{"no limit", rpm, func(r *budget.Rate) { r.Requests = 0 }, "want one of"},
		{"two limits", rpm, func(r *budget.Rate) { r.Tokens = 1 }, "want one of"},
		{"a negative limit", rpm, func(r *budget.Rate) { r.Requests = -1 }, "limit is negative"},
		{"no window", rpm, func(r *budget.Rate) { r.Window = 0 }, "want a window"},
		{"a window of calls at once", slots, func(r *budget.Rate) { r.Window = 1 }, "no window and no burst"},
		{"a burst of calls at once", slots, func(r *budget.Rate) { r.Burst = 1 }, "no window and no burst"},
		{"a negative burst", rpm, func(r *budget.Rate) { r.Burst = -1 }, "want a burst"},
		{"a burst beyond the limit, which would let more than double through", rpm, func(r *budget.Rate) { r.Burst = 61 }, "want a burst"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(&tt.r)
			if err := tt.r.Validate(); tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// noted are rates that note what they are asked for, and fail when told to.
type noted struct {
	budget.Rates
	fail  error
	calls []string
}

func (n *noted) note(format string, args ...any) error {
	n.calls = append(n.calls, fmt.Sprintf(format, args...))
	return n.fail
}

func (n *noted) Take(ctx context.Context, id budget.ID, takes []budget.Take, lease time.Duration) (budget.Wait, bool, error) {
	s := ""
	for _, t := range takes {
		s += fmt.Sprintf(" %s %s %d of %d/%d", t.ID, t.Of, t.Need, t.Burst, t.Limit)
	}
	if err := n.note("Take%s for %v", s, lease); err != nil {
		return budget.Wait{}, false, err
	}
	return n.Rates.Take(ctx, id, takes, lease)
}

func (n *noted) Extend(ctx context.Context, id budget.ID, lease time.Duration) error {
	if err := n.note("Extend %v", lease); err != nil {
		return err
	}
	return n.Rates.Extend(ctx, id, lease)
}

func (n *noted) Return(ctx context.Context, id budget.ID, used []int64) error {
	if err := n.note("Return %v", used); err != nil {
		return err
	}
	return n.Rates.Return(ctx, id, used)
}

func newLimiter() (*budget.Limiter, *noted) {
	n := &noted{Rates: memstore.New(memstore.Options{})}
	return &budget.Limiter{Rates: n}, n
}

func TestLimiter(t *testing.T) {
	rates := []budget.Rate{
		{Name: "rpm", Per: budget.ScopeAgent, Requests: 60, Window: time.Minute, Burst: 10},
		{Name: "tpm", Per: budget.ScopeRun, Tokens: 5000, Window: time.Minute},
		{Name: "parallel", Per: budget.ScopeTag, Concurrent: 4},
		{Name: "user", Per: budget.ScopeUser, Requests: 5, Window: time.Minute},
	}
	s := &budget.Subject{Run: budget.Run{ID: "r"}, Agent: "a", Tags: []string{"x", "y", "x"}}
	const taken = "Take a requests 1 of 10/60 r tokens 300 of 500/5000 x concurrent 1 of 0/4 y concurrent 1 of 0/4 for 1m0s"
	take := func(t *testing.T, l *budget.Limiter) *budget.Permit {
		t.Helper()
		var p budget.Permit
		require.NoError(t, l.Take(t.Context(), &p, s, rates, 300))
		assert.True(t, p.Held())
		return &p
	}
	t.Run("Correct says what was used of tokens, once", func(t *testing.T) {
		l, n := newLimiter()
		p := take(t, l)
		assert.NoError(t, p.Renew(t.Context()))
		assert.NoError(t, p.Correct(t.Context(), 120))
		assert.False(t, p.Held())
		assert.NoError(t, p.Correct(t.Context(), 7))
		assert.NoError(t, p.Release(t.Context()))
		assert.Equal(t, []string{taken, "Extend 1m0s", "Return [1 120 1 1]"}, n.calls)
	})
	t.Run("Release gives back everything, once", func(t *testing.T) {
		l, n := newLimiter()
		l.Lease = time.Second
		p := take(t, l)
		assert.NoError(t, p.Release(t.Context()))
		assert.NoError(t, p.Correct(t.Context(), 7))
		assert.Equal(t, []string{taken[:len(taken)-4] + "1s", "Return []"}, n.calls)
	})
	t.Run("a call without rates holds nothing", func(t *testing.T) {
		l, n := newLimiter()
		var p budget.Permit
		for _, rates := range [][]budget.Rate{nil, rates[3:]} {
			require.NoError(t, l.Take(t.Context(), &p, s, rates, 300))
			assert.False(t, p.Held())
			assert.NoError(t, p.Renew(t.Context()))
			assert.NoError(t, p.Correct(t.Context(), 1))
			assert.NoError(t, p.Release(t.Context()))
		}
		assert.Empty(t, n.calls)
	})
	t.Run("what may have been taken is given back", func(t *testing.T) {
		l, n := newLimiter()
		n.fail = errors.New("connection reset")
		var p budget.Permit
		err := l.Take(t.Context(), &p, s, rates, 300)
		assert.ErrorIs(t, err, n.fail)
		assert.NotErrorIs(t, err, budget.ErrRateLimited)
		assert.False(t, p.Held())
		assert.Equal(t, []string{taken, "Return []"}, n.calls)
	})
	t.Run("what could not be returned is still held", func(t *testing.T) {
		l, n := newLimiter()
		p := take(t, l)
		n.fail = errors.New("connection reset")
		assert.ErrorIs(t, p.Correct(t.Context(), 1), n.fail)
		assert.ErrorIs(t, p.Release(t.Context()), n.fail)
		assert.True(t, p.Held())
		n.fail = nil
		assert.NoError(t, p.Correct(t.Context(), 1))
		assert.False(t, p.Held())
	})
}

func TestRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := newLimiter()
		s := &budget.Subject{Run: budget.Run{ID: "r"}, Agent: "a"}
		rates := []budget.Rate{
			{Name: "parallel", Per: budget.ScopeRun, Concurrent: 1},
			{Name: "tpm", Per: budget.ScopeAgent, Tokens: 600, Window: time.Minute},
		}
		take := func(tokens int64) (*budget.Permit, *budget.RateLimitedError) {
			var p budget.Permit
			err := l.Take(t.Context(), &p, s, rates, tokens)
			var limited *budget.RateLimitedError
			if err != nil {
				require.ErrorAs(t, err, &limited)
				require.ErrorIs(t, err, budget.ErrRateLimited)
			}
			return &p, limited
		}
		p, limited := take(1000)
		require.Nil(t, limited, "more than the burst, of a full bucket")
		_, limited = take(10)
		assert.Equal(t, rates[1], limited.Rate)
		assert.Equal(t, budget.Owner{Scope: budget.ScopeAgent, ID: "a"}, limited.Owner)
		assert.Equal(t, 95*time.Second, limited.RetryAfter, "a debt of 940, and 10")
		assert.EqualError(t, limited, `rate "tpm" has no room for 1m35s: 600 tokens in 1m0s per agent`)
		require.NoError(t, p.Correct(t.Context(), 300))
		_, limited = take(10)
		assert.Equal(t, 25*time.Second, limited.RetryAfter, "a debt of 240, and 10")
		time.Sleep(25 * time.Second)
		_, limited = take(10)
		require.Nil(t, limited)
		time.Sleep(6 * time.Second)
		_, limited = take(10)
		assert.Equal(t, budget.SlotWait, limited.RetryAfter)
		assert.EqualError(t, limited, `rate "parallel" has no room: 1 calls at once per run`)
		time.Sleep(budget.DefaultLease)
		_, limited = take(60)
		assert.Nil(t, limited, "whoever took the slot is taken for dead")
	})
}
