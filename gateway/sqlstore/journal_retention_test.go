package sqlstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// diary is a store's journal, with methods that must not fail.
type diary struct {
	t *testing.T
	*Store
}

// diaries runs a test on each dialect, which may have several empty stores, one after
// the other.
func diaries(t *testing.T, f func(t *testing.T, empty func(t *testing.T, o Options) diary)) {
	onBoth(t, func(t *testing.T, d Dialect) {
		empty := emptied(t, d)
		f(t, func(t *testing.T, o Options) diary { return diary{t, empty(t, o)} })
	})
}

const window = 10 * time.Minute // of the gates

func runKey(id string) run.Key { return run.Key{Team: "team:a", ID: id} }

func (d diary) attach(id, parent string, at time.Time) {
	d.t.Helper()
	a := &run.Attachment{
		Team: "team:a", At: at, Call: fmt.Sprint("of ", id), Until: at.Add(1000 * time.Hour), ID: id, Parent: parent,
		Start: &run.Run{IdleTimeout: 2000 * time.Hour},
	}
	_, err := d.Attach(context.Background(), a, new(run.Run))
	require.NoError(d.t, err)
}

func (d diary) detach(id string, at time.Time, step *run.Step) {
	d.t.Helper()
	require.NoError(d.t, d.Detach(context.Background(), &run.Detachment{Key: runKey(id), Call: fmt.Sprint("of ", id), At: at, Step: step}, new(run.Run)))
}

func (d diary) past(id, parent string, at time.Time) {
	d.t.Helper()
	d.attach(id, parent, at)
	d.detach(id, at, nil)
}

func (d diary) closed(id string, at time.Time) {
	d.t.Helper()
	d.past(id, "", at)
	_, changed, err := d.Complete(context.Background(), runKey(id), run.ReasonByAgent, at)
	require.NoError(d.t, err)
	require.True(d.t, changed)
}

func (d diary) blocked(id string, at time.Time) {
	d.t.Helper()
	d.past(id, "", at)
	_, changed, err := d.Block(context.Background(), runKey(id), &run.Block{Code: "c"}, at)
	require.NoError(d.t, err)
	require.True(d.t, changed)
}

// forgotten returns the ids of the runs that a sweep forgets.
func (d diary) forgotten(at time.Time) []string {
	d.t.Helper()
	s, err := d.Sweep(context.Background(), at)
	require.NoError(d.t, err)
	ids := []string{}
	for _, r := range s.Forgotten {
		ids = append(ids, r.ID)
		_, err := d.Refusals(context.Background(), r.Key)
		assert.ErrorIs(d.t, err, run.ErrNotFound)
	}
	return ids
}

func (d diary) find(id string, at time.Time) run.Run {
	d.t.Helper()
	r, err := d.Find(context.Background(), runKey(id), at)
	require.NoError(d.t, err)
	return r
}

func TestRunsAreForgotten(t *testing.T) {
	late := noon.Add(time.Minute)
	tests := []struct {
		name string
		o    Options
		do   func(d diary)
		at   time.Time
		want []string
	}{
		{"not before their time", Options{ClosedRuns: time.Minute}, func(d diary) {
			d.closed("a", noon)
		}, late.Add(-1), []string{}},
		{"when they have been closed for long", Options{ClosedRuns: time.Minute}, func(d diary) {
			d.closed("a", noon)
			d.closed("b", noon)
			d.closed("c", noon.Add(1))
		}, late, []string{"a", "b"}},
		{"by default after thirty days", Options{}, func(d diary) {
			d.closed("a", noon)
			d.closed("b", noon.Add(1))
		}, noon.Add(30 * 24 * time.Hour), []string{"a"}},
		{"at once if so wanted", Options{ClosedRuns: -1}, func(d diary) {
			d.closed("a", noon)
		}, noon, []string{"a"}},
		{"never while they are open", Options{ClosedRuns: time.Minute, Runs: 1}, func(d diary) {
			d.attach("a", "", noon)
			d.attach("b", "", noon)
		}, noon.Add(999 * time.Hour), []string{}},
		{"also if they were blocked", Options{ClosedRuns: time.Minute}, func(d diary) {
			d.blocked("a", noon)
		}, late, []string{"a"}},
		{"not while they are blocked and called", Options{ClosedRuns: time.Minute}, func(d diary) {
			d.blocked("a", noon)
			d.closed("b", noon)
			d.attach("a", "", noon.Add(time.Second))
		}, late, []string{"b"}},
		{"not before their last call has ended", Options{ClosedRuns: time.Minute}, func(d diary) {
			d.attach("a", "", noon)
			_, _, err := d.Complete(context.Background(), runKey("a"), run.ReasonByAgent, noon)
			require.NoError(d.t, err)
			d.closed("b", noon)
		}, late, []string{"b"}},
		{"when there are too many, those that closed first", Options{Runs: 1}, func(d diary) {
			d.closed("a", noon)
			d.attach("b", "", noon)
			d.closed("c", noon)
			d.closed("d", noon)
		}, noon, []string{"a", "c"}},
		{"however many they are", Options{ClosedRuns: time.Minute}, func(d diary) {
			for i := range 250 {
				d.closed(fmt.Sprintf("r-%03d", i), noon)
			}
		}, late, func() (all []string) {
			for i := range 250 {
				all = append(all, fmt.Sprintf("r-%03d", i))
			}
			return all
		}()},
	}
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				d := empty(t, tt.o)
				tt.do(d)
				assert.Equal(t, tt.want, d.forgotten(tt.at))
				assert.Empty(t, d.forgotten(tt.at), "a second sweep finds nothing more")
			})
		}
	})
}

// Nothing is left of what is forgotten.
func TestForgottenRunsLeaveNothing(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{ClosedRuns: time.Minute})
		d.past("parent", "", noon)
		d.attach("child", "parent", noon)
		d.detach("child", noon, &run.Step{ID: "s"})
		d.attach("child", "", noon)
		end := &run.Detachment{Key: runKey("child"), Call: "of child", At: noon, Refusal: &run.Refusal{Code: "c"}}
		require.NoError(t, d.Detach(t.Context(), end, new(run.Run)))
		_, err := d.Repeat(t.Context(), runKey("child"), run.Repetition{Hash: 7, Limit: 3, At: noon})
		require.NoError(t, err)
		d.ask("child", 1, noon, []byte("answer"))
		d.attach("child", "", noon)
		_, _, err = d.Complete(t.Context(), runKey("parent"), run.ReasonByAgent, noon)
		require.NoError(t, err)
		d.forgotten(noon.Add(1000 * time.Hour)) // the parent, while the child has just ended
		assert.ElementsMatch(t, []string{}, d.forgotten(noon.Add(1000*time.Hour)))
		var left int
		for _, table := range []string{"runs", "heads", "tree", "calls", "steps", "refusals", "repeats", "gates"} {
			require.NoError(t, d.journal.db.QueryRow("SELECT count(*) FROM rungate_"+table).Scan(&left))
			assert.Zero(t, left, table)
		}
	})
}

func TestAForgottenParentIsClosed(t *testing.T) {
	for _, how := range []string{"closed", "blocked"} {
		t.Run(how, func(t *testing.T) {
			diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
				d := empty(t, Options{ClosedRuns: time.Minute})
				d.past("root", "", noon)
				d.past("parent", "root", noon)
				d.past("child", "parent", noon)
				d.attach("stuck", "parent", noon)
				_, _, err := d.Block(t.Context(), runKey("stuck"), &run.Block{Code: "c"}, noon)
				require.NoError(t, err)
				gate := d.ask("child", 1, noon, nil)
				if how == "closed" {
					_, _, err = d.Complete(t.Context(), runKey("parent"), run.ReasonByAgent, noon)
				} else {
					_, _, err = d.Block(t.Context(), runKey("parent"), &run.Block{Code: "c"}, noon)
				}
				require.NoError(t, err)
				require.Contains(t, d.forgotten(noon.Add(time.Minute)), "parent")
				d.closed("parent", noon.Add(time.Hour)) // another run of that name
				_, _, err = d.Lift(t.Context(), runKey("stuck"), noon.Add(time.Hour))
				require.NoError(t, err)
				for _, id := range []string{"child", "stuck"} {
					r, err := d.Find(t.Context(), runKey(id), noon.Add(time.Hour))
					if how == "closed" && id == "child" {
						require.ErrorIs(t, err, run.ErrNotFound, "it was closed with its parent")
						continue
					}
					require.NoError(t, err)
					assert.Equal(t, run.Completed, r.Status, id)
					assert.Equal(t, run.ReasonParentClosed, r.Reason, id)
					assert.Equal(t, noon, r.Closed, id)
				}
				found, err := d.FindGates(t.Context(), []string{gate}, noon.Add(time.Hour))
				require.NoError(t, err)
				for _, g := range found {
					assert.Equal(t, run.GateCancelled, g.Status)
				}
				assert.Equal(t, run.Open, d.find("root", noon.Add(time.Hour)).Status)
				s, err := d.Sweep(t.Context(), noon.Add(time.Hour))
				require.NoError(t, err)
				assert.True(t, slices.ContainsFunc(s.Completed, func(r run.Run) bool { return r.ID == "stuck" }), "the next sweep completes it")
			})
		})
	}
}

func TestStepsAreBounded(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{Steps: 10})
		for i := range 2 * manySteps {
			d.attach("r", "", noon)
			d.detach("r", noon, &run.Step{ID: fmt.Sprint("s-", i), Cost: 10})
		}
		d.forgotten(noon)
		steps, err := d.Steps(t.Context(), runKey("r"), 0, 3)
		require.NoError(t, err)
		require.Len(t, steps, 3)
		assert.Equal(t, fmt.Sprint("s-", 2*manySteps-10), steps[0].ID, "those that are forgotten count as skipped")
		steps, err = d.Steps(t.Context(), runKey("r"), 2*manySteps-2, 9)
		require.NoError(t, err)
		require.Len(t, steps, 2)
		r := d.find("r", noon)
		assert.EqualValues(t, 2*manySteps, r.Steps, "the run counts all of them")
		assert.EqualValues(t, 20*manySteps, r.Spent)
	})
}

func TestRefusalsAreBounded(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{})
		for i := range 250 {
			d.attach("r", "", noon)
			end := run.Detachment{Key: runKey("r"), Call: "of r", At: noon, Refusal: &run.Refusal{Code: "c", Model: fmt.Sprint("m", i)}}
			require.NoError(t, d.Detach(context.Background(), &end, new(run.Run)))
		}
		f, err := d.Refusals(context.Background(), runKey("r"))
		require.NoError(t, err)
		require.Len(t, f, 100)
		assert.Equal(t, "m150", f[0].Model, "the newest are kept")
	})
}

func TestOpenRunsAreBounded(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{OpenRuns: 2})
		d.attach("busy", "", noon)
		d.past("parent", "", noon)
		d.attach("child", "parent", noon)
		d.past("asks", "", noon)
		d.ask("asks", 1, noon, nil)
		for i := range 4 {
			d.past(fmt.Sprint("r", i), "", noon.Add(time.Duration(i)*time.Second))
		}
		s, err := d.Sweep(t.Context(), noon.Add(time.Minute))
		require.NoError(t, err)
		var ids []string
		for _, r := range s.Completed {
			assert.Equal(t, run.ReasonCrowdedOut, r.Reason)
			assert.Equal(t, noon.Add(time.Minute), r.Closed)
			ids = append(ids, r.ID)
		}
		assert.Equal(t, []string{"r0", "r1", "r2", "r3"}, ids, "those called longest ago, but none with a call in flight or a live gate, of its own or of a child")
	})
}

// ask opens a gate about the n-th request of a run.
func (d diary) ask(id string, n int, at time.Time, answer []byte) string {
	d.t.Helper()
	g, err := d.tryAsk(id, n, at, answer, 0)
	require.NoError(d.t, err)
	return g
}

func (d diary) tryAsk(id string, n int, at time.Time, answer []byte, args int) (string, error) {
	g := &run.Gate{ID: fmt.Sprintf("gate_%s_%06d", id, n), Run: runKey(id), Window: window, Status: run.GatePending, Opened: at, Expires: at.Add(window)}
	binary.BigEndian.PutUint64(g.Fingerprint[:], uint64(n))
	if args > 0 {
		g.Proposed = []run.Proposal{{Tool: "write", Args: make([]byte, args)}}
	}
	got, _, err := d.OpenGate(context.Background(), g, answer)
	return got.ID, err
}

func (d diary) reject(gate string, at time.Time) {
	d.t.Helper()
	_, changed, err := d.DecideGate(context.Background(), gate, &run.Verdict{By: "ada"}, at)
	require.NoError(d.t, err)
	require.True(d.t, changed)
}

func TestGatesAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      Options
		answer int
	}{
		{"in number", Options{Gates: 1}, 0},
		{"in bytes", Options{GateBytes: 10, TeamGateBytes: 10}, 6},
		{"in number for a team", Options{TeamGates: 1}, 0},
		{"in bytes for a team", Options{TeamGateBytes: 10}, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
				d := empty(t, tt.o)
				d.past("r", "", noon)
				d.past("other", "", noon)
				answer := make([]byte, tt.answer)
				gate := d.ask("r", 1, noon, answer)
				_, err := d.tryAsk("other", 2, noon, answer, 0)
				assert.ErrorIs(t, err, run.ErrGatesFull)
				d.reject(gate, noon)
				d.ask("other", 2, noon, answer)
				d.ask("r", 3, noon.Add(window), answer) // the one before has expired, without a sweep
			})
		})
	}
}

func TestAnswersAreLetGo(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{})
		d.past("r", "", noon)
		answer := func(gate string) string {
			t.Helper()
			got, err := d.GateAnswer(t.Context(), gate)
			require.NoError(t, err)
			return string(got)
		}
		rejected, expired := d.ask("r", 1, noon, []byte("first")), d.ask("r", 2, noon, []byte("second"))
		assert.Equal(t, "first", answer(rejected))
		d.reject(rejected, noon)
		assert.Empty(t, answer(rejected))
		assert.Equal(t, "second", answer(expired))
		d.forgotten(noon.Add(window))
		assert.Empty(t, answer(expired))
	})
}

// Of the gates of a run that are not live, those that ended last are remembered, and
// all that are live.
func TestEndedGatesOfARunAreBounded(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{})
		d.past("r", "", noon)
		live := d.ask("r", 0, noon, nil)
		const ended = maxDone + 50
		for n := 1; n <= ended; n++ {
			d.reject(d.ask("r", n, noon, nil), noon)
		}
		all, err := d.ListGates(t.Context(), &run.GateQuery{Run: runKey("r"), N: 2 * ended}, noon)
		require.NoError(t, err)
		require.Len(t, all, maxDone+1)
		assert.Equal(t, fmt.Sprintf("gate_r_%06d", ended), all[0].ID)
		assert.Equal(t, live, all[maxDone].ID)

		d = empty(t, Options{})
		d.past("r", "", noon)
		for n := range 10 {
			gate, err := d.tryAsk("r", n, noon, nil, 300<<10)
			require.NoError(t, err)
			d.reject(gate, noon)
		}
		all, err = d.ListGates(t.Context(), &run.GateQuery{N: 100}, noon)
		require.NoError(t, err)
		assert.Len(t, all, 3, "of 300 KiB each, in 1 MiB")
	})
}

func TestDeadMessagesAreBounded(t *testing.T) {
	diaries(t, func(t *testing.T, empty func(t *testing.T, o Options) diary) {
		d := empty(t, Options{})
		require.NoError(t, d.Subscribe(t.Context(), "all", []run.EventType{run.RunStarted}, noon, noon.Add(time.Hour)))
		const dead = maxDead + 20
		for i := range dead {
			at := noon.Add(time.Duration(i) * time.Millisecond)
			d.past(fmt.Sprint("r-", i), "", at)
			got, err := d.TakeMessages(t.Context(), "all", 1, at, at.Add(time.Minute))
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.NoError(t, d.EndMessage(t.Context(), &got[0], &run.Outcome{At: at, Dead: "down\x00"}))
		}
		all, err := d.DeadMessages(t.Context(), 2*dead)
		require.NoError(t, err)
		require.Len(t, all, maxDead)
		assert.Equal(t, fmt.Sprint("r-", dead-1), all[0].Event.Run.ID)
		d.past("waits", "", noon)
		d.forgotten(noon.Add(time.Hour))
		var left int
		require.NoError(t, d.journal.db.QueryRow("SELECT count(*) FROM rungate_messages WHERE dead IS NULL").Scan(&left))
		assert.Zero(t, left, "what waits for one whose time has passed")
	})
}

// What calls have left behind whose leases have ended is dropped by a sweep, also in a
// run that may be idle for long, or for ever, and in one that is called all the time.
func TestCallsWhoseLeasesHaveEndedAreDropped(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		s := newStore(t, d, Options{})
		at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		most := 0
		for n := range 40 {
			for id, idle := range map[string]time.Duration{"never": -1, "long": 30 * 24 * time.Hour} {
				a := &run.Attachment{Team: "team:one", ID: id, At: at, Call: fmt.Sprint("call", n), Until: at.Add(time.Second), Start: &run.Run{Agent: "agt", IdleTimeout: idle}}
				_, err := s.Attach(t.Context(), a, &run.Run{})
				require.NoError(t, err)
			}
			most = max(most, rows(t, s, "rungate_calls"))
			at = at.Add(10 * time.Minute)
			_, err := s.Sweep(t.Context(), at)
			require.NoError(t, err)
		}
		assert.LessOrEqual(t, most, 2*7, "no more than are left in an hour")
		_, err := s.Sweep(t.Context(), at.Add(2*time.Hour))
		require.NoError(t, err)
		assert.Zero(t, rows(t, s, "rungate_calls"))
	})
}
