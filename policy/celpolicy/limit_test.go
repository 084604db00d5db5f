package celpolicy_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
)

// loops takes some million turns, which is more than the default limit.
const loops = "args.all(a, args.all(b, args.all(c, a + b + c >= 0)))"

func hundreds() policy.Input {
	list := "[0"
	for range 199 {
		list += ",1"
	}
	return calling(list + "]")
}

func TestCostLimit(t *testing.T) {
	for then, want := range map[policy.Action]policy.Verdict{
		policy.ThenDeny: policy.Deny, policy.ThenBlock: policy.Block, policy.ThenAlert: policy.Allow, policy.ThenAllow: policy.Allow,
	} {
		t.Run(string(then), func(t *testing.T) {
			d := decide(t, engine(t, onCall(loops, then)), hundreds())
			assert.Equal(t, want, d.Verdict)
			switch then {
			case policy.ThenAllow:
				d = decide(t, engine(t, onCall(loops, then), onCall("true", policy.ThenDeny)), hundreds())
				assert.Equal(t, policy.Deny, d.Verdict, "it does not fire")
			case policy.ThenAlert:
				require.Len(t, d.Alerts, 1)
				assert.Contains(t, d.Alerts[0].Reason, "cost limit exceeded")
			default:
				assert.Contains(t, d.Reason, "cost limit exceeded")
			}
		})
	}
	t.Run("of the configuration", func(t *testing.T) {
		for limit, want := range map[uint64]policy.Verdict{0: policy.Allow, 10: policy.Deny, 10_000: policy.Allow} {
			e, err := celpolicy.New(celpolicy.Config{CostLimit: limit, Rules: []celpolicy.Rule{onCall("args.exists(a, a > 1)", policy.ThenDeny)}})
			require.NoError(t, err)
			assert.Equal(t, want, decide(t, e, hundreds()).Verdict, "%d", limit)
		}
	})
	t.Run("holds for each evaluation", func(t *testing.T) {
		rule := onCall("args.exists(a, a > 1)", policy.ThenDeny)
		other := rule
		other.Name = "other"
		e, err := celpolicy.New(celpolicy.Config{CostLimit: 1_500, Rules: []celpolicy.Rule{rule, other}})
		require.NoError(t, err)
		assert.Equal(t, policy.Allow, decide(t, e, hundreds()).Verdict)
	})
}

var errLate = errors.New("too late")

func TestContext(t *testing.T) {
	ended, end := context.WithCancelCause(t.Context())
	end(errLate)
	for _, then := range []policy.Action{policy.ThenDeny, policy.ThenBlock, policy.ThenAlert, policy.ThenAllow} {
		for name, in := range map[string]policy.Input{"request": {}, "answer": calling(`{}`)} {
			t.Run(string(then)+" "+name, func(t *testing.T) {
				e := engine(t, onRequest("true", then), celpolicy.Rule{Name: "call", ToolCalls: true, When: "true", Then: then})
				d, err := e.Decide(ended, &in)
				require.ErrorIs(t, err, errLate)
				assert.Equal(t, policy.Decision{}, d)
			})
		}
	}
	t.Run("that ends while an expression is evaluated", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		e, err := celpolicy.New(celpolicy.Config{CostLimit: math.MaxUint64, Rules: []celpolicy.Rule{
			onCall("args.all(a, args.all(b, args.all(c, args.all(d, a + b + c + d >= 0))))", policy.ThenDeny), // takes hours
		}})
		require.NoError(t, err)
		in := hundreds()
		_, err = e.Decide(ctx, &in)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
