package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// board is gates with a run that they are of, and notes what they tell.
type board struct {
	*desk
	run.Gates
	r run.Run
}

func (b *board) Event(_ context.Context, e *run.Event) {
	b.told = append(b.told, fmt.Sprintf("%s of %s by %s: %s", e.Type, e.Run.ID, e.Agent, e.Gate.Status))
	b.last = e
}

// asking begins a case with a run that has a call in flight and no gate.
func asking(t *testing.T, do func(b *board)) {
	t.Helper()
	boundedAsking(t, memstore.Options{}, do)
}

func boundedAsking(t *testing.T, o memstore.Options, do func(b *board)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New(o)
		b := &board{desk: newDesk(t)}
		b.Recorder = run.Recorder{Journal: store}
		b.Gates = run.Gates{Journal: store, Observer: b}
		var err error
		b.r, err = b.arrive(run.Directives{RunID: "r"})
		require.NoError(t, err)
		do(b)
	})
}

// others are the gates of another process with the same journal.
func (b *board) others() *run.Gates { return &run.Gates{Journal: b.Gates.Journal} }

// ask opens a gate for a request, in which a call of a tool is withheld.
func (b *board) ask(request string) run.Gate {
	b.Helper()
	g, err := b.Open(b.Context(), &b.r, question(request), []byte("withheld"))
	require.NoError(b, err)
	return g
}

func question(request string) run.Gate {
	return run.Gate{
		Agent: "agt", Rule: "refunds", Kind: run.ActionGate, Fingerprint: run.FingerprintOf("/v1/x", []byte(request)),
		Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"usd":1240}`)}},
	}
}

// decide decides a gate that can be.
func (b *board) decide(g run.Gate, approve bool) run.Gate {
	b.Helper()
	g, err := b.Decide(b.Context(), g.ID, run.Verdict{Approve: approve, By: "ada"})
	require.NoError(b, err)
	return g
}

// claim claims a gate that can be, for a minute.
func (b *board) claim(g run.Gate) *run.GateClaim {
	b.Helper()
	c, claimed, err := b.Claim(b.Context(), &g, time.Minute)
	require.NoError(b, err)
	require.True(b, claimed)
	require.True(b, c.Held())
	return c
}

// renew renews a claim, which is lost or not.
func (b *board) renew(c *run.GateClaim, lost bool) {
	b.Helper()
	got, err := c.Renew(b.Context())
	require.NoError(b, err)
	assert.Equal(b, lost, got)
}

func (b *board) status(g run.Gate) run.GateStatus {
	b.Helper()
	g, err := b.Gates.Find(b.Context(), g.ID)
	require.NoError(b, err)
	return g.Status
}

func TestOpenGate(t *testing.T) {
	t.Run("sets what the caller does not know, and tells of it", func(t *testing.T) {
		asking(t, func(b *board) {
			q := question("a")
			q.ID, q.Status, q.Run, q.Policy = "mine", run.GateApproved, run.Key{ID: "other"}, run.PolicyRef{ID: "other"}
			g, err := b.Open(t.Context(), &b.r, q, nil)
			require.NoError(t, err)
			assert.Regexp(t, "^gate_[a-z2-7]{26}$", g.ID)
			want := question("a")
			want.ID, want.Run, want.Policy, want.Status = g.ID, b.r.Key, policy, run.GatePending
			want.Window, want.Opened, want.Expires = run.DefaultWindow, time.Now(), time.Now().Add(run.DefaultWindow)
			assert.Equal(t, want, g)
			assert.Equal(t, []string{"approval.pending of r by agt: pending"}, b.heard())
			assert.Equal(t, want, *b.last.Gate)
			assert.Equal(t, policy, b.last.Run.Policy)
			assert.Equal(t, time.Now(), b.last.At)
		})
	})
	t.Run("keeps a window that is given", func(t *testing.T) {
		asking(t, func(b *board) {
			q := question("a")
			q.Window = time.Minute
			g, err := b.Open(t.Context(), &b.r, q, nil)
			require.NoError(t, err)
			assert.Equal(t, time.Now().Add(time.Minute), g.Expires)
		})
	})
	t.Run("returns the one that is open for the same request, and tells of it once", func(t *testing.T) {
		asking(t, func(b *board) {
			g := b.ask("a")
			time.Sleep(time.Minute)
			assert.Equal(t, g, b.ask("a"))
			assert.NotEqual(t, g.ID, b.ask("b").ID)
			assert.Len(t, b.heard(), 2)
			answer, err := b.Answer(t.Context(), &g)
			require.NoError(t, err)
			assert.Equal(t, "withheld", string(answer))
		})
	})
	t.Run("cannot be done", func(t *testing.T) {
		boundedAsking(t, memstore.Options{Gates: 1}, func(b *board) {
			_, err := b.Open(t.Context(), &run.Run{Key: run.Key{ID: "none"}}, question("a"), nil)
			assert.ErrorIs(t, err, run.ErrNotFound)
			b.ask("a")
			_, err = b.Open(t.Context(), &b.r, question("b"), nil)
			assert.ErrorIs(t, err, run.ErrGatesFull)
			_, err = b.Complete(t.Context(), b.r.Key, run.ReasonByAgent)
			require.NoError(t, err)
			_, err = b.Open(t.Context(), &b.r, question("b"), nil)
			var state *run.StateError
			assert.ErrorAs(t, err, &state)
			assert.Len(t, b.heard(), 1, "of the one that was opened")
		})
	})
}

func TestMeetGate(t *testing.T) {
	asking(t, func(b *board) {
		meet := func(request string) (run.Gate, bool, error) {
			r, err := b.Recorder.Find(t.Context(), b.r.Key)
			require.NoError(t, err)
			return b.Meet(t.Context(), &r, question(request).Fingerprint)
		}
		_, _, err := meet("a")
		assert.ErrorIs(t, err, run.ErrNoGate)
		g := b.ask("a")
		got, own, err := meet("a")
		require.NoError(t, err)
		assert.True(t, own)
		assert.Equal(t, g, got)
		_, _, err = meet("b")
		assert.ErrorIs(t, err, run.ErrNoGate)
		q := question("b")
		q.Pauses = true
		g, err = b.Open(t.Context(), &b.r, q, nil)
		require.NoError(t, err)
		got, own, err = meet("c")
		require.NoError(t, err)
		assert.False(t, own)
		assert.Equal(t, g.ID, got.ID)
		b.Gates.Journal = brokenGates{}
		_, _, err = meet("b")
		assert.ErrorContains(t, err, "connection reset", "what could not be found out is no \"no\"")
	})
}

func TestDecideGate(t *testing.T) {
	for approve, want := range map[bool]run.GateStatus{true: run.GateApproved, false: run.GateRejected} {
		t.Run(string(want), func(t *testing.T) {
			asking(t, func(b *board) {
				g := b.ask("a")
				time.Sleep(time.Minute)
				b.heard()
				got, err := b.Decide(t.Context(), g.ID, run.Verdict{Approve: approve, By: "ada", Comment: "she asked"})
				require.NoError(t, err)
				g.Status, g.By, g.Comment, g.Decided = want, "ada", "she asked", time.Now()
				if approve {
					g.Expires = time.Now().Add(g.Window)
				}
				assert.Equal(t, g, got)
				assert.Equal(t, []string{fmt.Sprintf("approval.%s of r by agt: %s", want, want)}, b.heard())
				assert.Equal(t, g, *b.last.Gate)

				for _, again := range []bool{approve, !approve} {
					got, err := b.Decide(t.Context(), g.ID, run.Verdict{Approve: again, By: "bob"})
					var decided *run.DecidedError
					require.ErrorAs(t, err, &decided)
					assert.Equal(t, g, decided.Gate, "the first one's result")
					assert.Equal(t, g, got)
					assert.EqualError(t, err, fmt.Sprintf("gate %q was decided before, by ada, and is %s", g.ID, want))
				}
				assert.Empty(t, b.heard())
			})
		})
	}
	t.Run("not when it is over", func(t *testing.T) {
		for want, end := range map[run.GateStatus]func(b *board){
			run.GateExpired: func(*board) { time.Sleep(run.DefaultWindow) },
			run.GateCancelled: func(b *board) {
				_, err := b.Complete(t.Context(), b.r.Key, run.ReasonByAgent)
				require.NoError(t, err)
			},
		} {
			asking(t, func(b *board) {
				g := b.ask("a")
				b.heard()
				end(b)
				_, err := b.Decide(t.Context(), g.ID, run.Verdict{Approve: true, By: "ada"})
				assert.EqualError(t, err, fmt.Sprintf("gate %q is %s", g.ID, want))
				var decided *run.DecidedError
				require.ErrorAs(t, err, &decided)
				assert.Equal(t, want, decided.Gate.Status)
				assert.Empty(t, b.heard())
			})
		}
	})
	t.Run("not with a verdict that cannot be taken", func(t *testing.T) {
		asking(t, func(b *board) {
			g := b.ask("a")
			b.heard()
			for _, tt := range []struct {
				v    run.Verdict
				want string
			}{
				{run.Verdict{}, "by"},
				{run.Verdict{By: "ada\n"}, "by"},
				{run.Verdict{By: strings.Repeat("a", run.MaxIDBytes+1)}, "by"},
				{run.Verdict{By: "ada", Comment: strings.Repeat("a", run.MaxCommentBytes+1)}, "reason"},
			} {
				_, err := b.Decide(t.Context(), g.ID, tt.v)
				var bad *run.VerdictError
				if assert.ErrorAs(t, err, &bad) {
					assert.Equal(t, tt.want, bad.Field)
					assert.NotEmpty(t, bad.Reason)
				}
			}
			assert.Equal(t, run.GatePending, b.status(g))
			assert.Empty(t, b.heard())
			_, err := b.Decide(t.Context(), g.ID, run.Verdict{By: "ada", Comment: strings.Repeat("a", run.MaxCommentBytes)})
			assert.NoError(t, err)
		})
	})
	t.Run("not one that there is not", func(t *testing.T) {
		asking(t, func(b *board) {
			_, err := b.Decide(t.Context(), "gate_1", run.Verdict{By: "ada"})
			assert.ErrorIs(t, err, run.ErrNoGate)
			_, err = b.Gates.Find(t.Context(), "gate_1")
			assert.ErrorIs(t, err, run.ErrNoGate)
			_, err = b.Answer(t.Context(), &run.Gate{ID: "gate_1"})
			assert.ErrorIs(t, err, run.ErrNoGate)
			assert.Empty(t, b.heard())
		})
	})
}

// What a gate was opened and decided for, a sweep says when it has expired, once.
func TestSweepTellsOfExpiredGates(t *testing.T) {
	asking(t, func(b *board) {
		b.Recorder.Observer = b
		b.ask("a")
		b.decide(b.ask("b"), true)
		b.decide(b.ask("c"), false)
		b.heard()
		time.Sleep(run.DefaultWindow)
		for _, want := range []int{2, 0} {
			_, err := b.Sweep(t.Context())
			require.NoError(t, err)
			assert.Len(t, b.heard(), want)
		}
		assert.Equal(t, run.ApprovalExpired, b.last.Type)
		assert.Equal(t, run.GateExpired, b.last.Gate.Status)
		assert.Equal(t, "r", b.last.Run.ID)
	})
}

func TestListGates(t *testing.T) {
	asking(t, func(b *board) {
		first := b.ask("a")
		time.Sleep(time.Second)
		second := b.ask("b")
		all, err := b.List(t.Context(), run.GateQuery{N: 9})
		require.NoError(t, err)
		assert.Equal(t, []run.Gate{second, first}, all)
		time.Sleep(run.DefaultWindow - time.Second)
		all, err = b.List(t.Context(), run.GateQuery{Status: run.GateExpired, N: 9})
		require.NoError(t, err)
		require.Len(t, all, 1)
		assert.Equal(t, first.ID, all[0].ID)
	})
}

func TestClaimGate(t *testing.T) {
	tests := []struct {
		name string
		do   func(b *board, g run.Gate)
	}{
		{"one that is not approved is not claimed", func(b *board, g run.Gate) {
			c, claimed, err := b.Claim(b.Context(), &g, time.Minute)
			require.NoError(b, err)
			assert.False(b, claimed)
			assert.False(b, c.Held())
		}},
		{"a claim that is used uses the approval up", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			_, ended, err := c.End(b.Context(), true)
			require.NoError(b, err)
			assert.True(b, ended)
			assert.False(b, c.Held())
			assert.Equal(b, run.GateUsed, b.status(g))
			_, claimed, err := b.Claim(b.Context(), &g, time.Minute)
			require.NoError(b, err)
			assert.False(b, claimed)
		}},
		{"a claim that is not used leaves it to another", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			_, claimed, err := b.Claim(b.Context(), &g, time.Minute)
			require.NoError(b, err)
			assert.False(b, claimed, "while it is held")
			_, ended, err := c.End(b.Context(), false)
			require.NoError(b, err)
			assert.True(b, ended)
			assert.Equal(b, run.GateApproved, b.status(g))
			b.claim(g)
		}},
		{"a claim that is renewed goes on", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			for range 5 {
				time.Sleep(59 * time.Second)
				b.renew(c, false)
			}
			time.Sleep(59 * time.Second)
			_, claimed, err := b.Claim(b.Context(), &g, time.Minute)
			require.NoError(b, err)
			assert.False(b, claimed)
			_, ended, err := c.End(b.Context(), true)
			require.NoError(b, err)
			assert.True(b, ended)
		}},
		{"a claim that is not renewed is lost to another", func(b *board, g run.Gate) {
			lost := b.claim(b.decide(g, true))
			time.Sleep(time.Minute)
			c := b.claim(g)
			b.renew(lost, true)
			_, ended, err := lost.End(b.Context(), true)
			require.NoError(b, err)
			assert.False(b, ended)
			assert.False(b, lost.Held())
			assert.Equal(b, run.GateApproved, b.status(g))
			_, ended, err = c.End(b.Context(), true)
			require.NoError(b, err)
			assert.True(b, ended)
		}},
		{"a claim that is renewed late goes on, unless somebody else has claimed the gate", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			time.Sleep(2 * time.Minute)
			b.renew(c, false)
			_, claimed, err := b.Claim(b.Context(), &g, time.Minute)
			require.NoError(b, err)
			assert.False(b, claimed)
		}},
		{"a claim of a gate that has expired is lost", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			time.Sleep(run.DefaultWindow)
			b.renew(c, true)
		}},
		{"a claim of a gate that was cancelled is not lost", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			_, err := b.Complete(b.Context(), b.r.Key, run.ReasonByAgent)
			require.NoError(b, err)
			b.renew(c, false)
		}},
		{"a claim that cannot be renewed is not lost for that", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			b.Gates.Journal = brokenGates{}
			lost, err := c.Renew(b.Context())
			assert.ErrorIs(b, err, errBroken)
			assert.False(b, lost)
			assert.True(b, c.Held())
		}},
		{"a claim that has ended, and none, do nothing", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			_, _, err := c.End(b.Context(), false)
			require.NoError(b, err)
			other := b.claim(g)
			for _, c := range []*run.GateClaim{c, nil} {
				b.renew(c, false)
				_, ended, err := c.End(b.Context(), true)
				require.NoError(b, err)
				assert.True(b, ended)
			}
			assert.Equal(b, run.GateApproved, b.status(g))
			_, ended, err := other.End(b.Context(), true)
			require.NoError(b, err)
			assert.True(b, ended)
		}},
		{"a claim that could not be ended is held, and can be ended again", func(b *board, g run.Gate) {
			c := b.claim(b.decide(g, true))
			store := b.Gates.Journal
			b.Gates.Journal = brokenGates{}
			_, _, err := c.End(b.Context(), true)
			assert.ErrorIs(b, err, errBroken)
			assert.True(b, c.Held())
			b.Gates.Journal = store
			_, ended, err := c.End(b.Context(), true)
			require.NoError(b, err)
			assert.True(b, ended)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asking(t, func(b *board) { tt.do(b, b.ask("a")) })
		})
	}
}

// brokenGates fails.
type brokenGates struct{ run.GateJournal }

func (brokenGates) OpenGate(context.Context, *run.Gate, []byte) (run.Gate, bool, error) {
	return run.Gate{}, false, errBroken
}

func (brokenGates) MeetGate(context.Context, run.Key, run.Fingerprint, time.Time) (run.Gate, bool, error) {
	return run.Gate{}, false, errBroken
}

func (brokenGates) DecideGate(context.Context, string, *run.Verdict, time.Time) (run.Gate, bool, error) {
	return run.Gate{}, false, errBroken
}

func (brokenGates) ClaimGate(context.Context, string, string, time.Time, time.Time) (run.Gate, bool, error) {
	return run.Gate{}, false, errBroken
}

func (brokenGates) RenewClaim(context.Context, string, string, time.Time, time.Time) (run.Gate, bool, error) {
	return run.Gate{}, false, errBroken
}

func (brokenGates) EndClaim(context.Context, string, string, bool, time.Time) (run.Gate, bool, error) {
	return run.Gate{}, false, errBroken
}

func (brokenGates) GateAnswer(context.Context, string) ([]byte, error) { return nil, errBroken }

func (brokenGates) FindGates(context.Context, []string, time.Time) ([]run.Gate, error) {
	return nil, errBroken
}

func (brokenGates) ListGates(context.Context, *run.GateQuery, time.Time) ([]run.Gate, error) {
	return nil, errBroken
}

func TestGateJournalFails(t *testing.T) {
	asking(t, func(b *board) {
		g := b.ask("a")
		b.heard()
		b.Gates.Journal = brokenGates{}
		for name, call := range map[string]func() error{
			"Open":   func() error { _, err := b.Open(t.Context(), &b.r, question("b"), nil); return err },
			"Meet":   func() error { _, _, err := b.Meet(t.Context(), &run.Run{Gated: true}, g.Fingerprint); return err },
			"Decide": func() error { _, err := b.Decide(t.Context(), g.ID, run.Verdict{By: "ada"}); return err },
			"Find":   func() error { _, err := b.Gates.Find(t.Context(), g.ID); return err },
			"List":   func() error { _, err := b.List(t.Context(), run.GateQuery{N: 1}); return err },
			"Answer": func() error { _, err := b.Answer(t.Context(), &g); return err },
			"Claim":  func() error { _, _, err := b.Claim(t.Context(), &g, time.Minute); return err },
			"Wait":   func() error { return b.Wait(b.Context(), &g) },
		} {
			err := call()
			assert.True(t, errors.Is(err, errBroken), "%s: %v", name, err)
			var decided *run.DecidedError
			assert.False(t, errors.As(err, &decided), name)
		}
		assert.Empty(t, b.heard())
	})
}
