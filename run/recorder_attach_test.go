package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

func TestAttachStartsARun(t *testing.T) {
	at(t, func(d *desk) {
		now := time.Now()
		r, err := d.arrive(run.Directives{RunID: "r", User: "u", Tags: []string{"eu"}})
		require.NoError(t, err)
		assert.Equal(t, run.Run{
			Key: run.Key{Team: "team:ops", ID: "r"}, Status: run.Open, Agent: "agt", Policy: policy, IdleTimeout: run.DefaultIdleTimeout,
			User: "u", Tags: []string{"eu"}, Created: now, LastCall: now, InFlight: 1,
		}, r)
		assert.Equal(t, []string{"run.started of r by agt: open"}, d.heard())
		assert.Equal(t, now, d.last.At)
		r, err = d.arrive(run.Directives{RunID: "r"})
		require.NoError(t, err)
		assert.EqualValues(t, 2, r.InFlight)
		assert.Empty(t, d.heard(), "a second call is no news")
	})
}

func TestIdleTimeout(t *testing.T) {
	tests := []struct {
		name           string
		timeout, sleep time.Duration
		want           run.Status
	}{
		{"is 15 minutes by default", 0, 15*time.Minute - 1, run.Open},
		{"is over then", 0, 15 * time.Minute, run.Completed},
		{"is what the policy says", time.Second, time.Second, run.Completed},
		{"is never over if negative", -1, 1000 * time.Hour, run.Open},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) {
				r, err := d.attach(&run.Arrival{Agent: agent, Directives: &run.Directives{RunID: "r"}, At: time.Now(), IdleTimeout: tt.timeout})
				require.NoError(t, err)
				require.NoError(t, d.end(r.Key, nil, nil))
				time.Sleep(tt.sleep)
				r, err = d.Find(t.Context(), r.Key)
				require.NoError(t, err)
				assert.Equal(t, tt.want, r.Status)
			})
		})
	}
}

func TestAttachWithoutID(t *testing.T) {
	at(t, func(d *desk) {
		first := d.call(run.Directives{})
		assert.Regexp(t, `^run_[0-9a-f]{24}$`, first.ID)
		assert.Equal(t, first.ID, d.call(run.Directives{}).ID, "calls of one agent share a run")
		user := d.call(run.Directives{User: "u"})
		assert.NotEqual(t, first.ID, user.ID, "those for a user have one of their own")
		assert.Equal(t, user.ID, d.call(run.Directives{User: "u"}).ID)
		other, err := d.attach(&run.Arrival{Agent: &run.Agent{ID: "other", Team: "ops"}, Directives: &run.Directives{}, At: time.Now()})
		require.NoError(t, err)
		assert.NotEqual(t, first.ID, other.ID, "so has another agent of the team")
		d.heard()

		time.Sleep(run.DefaultIdleTimeout)
		next := d.call(run.Directives{})
		assert.NotEqual(t, first.ID, next.ID)
		assert.Equal(t, []string{
			"run.completed of " + first.ID + " by agt: completed",
			"run.started of " + next.ID + " by agt: open",
		}, d.heard())
		newer := d.call(run.Directives{NewRun: true})
		assert.NotEqual(t, next.ID, newer.ID)
		assert.Equal(t, newer.ID, d.call(run.Directives{}).ID)
		assert.Len(t, d.heard(), 2)
	})
}

func TestNewRun(t *testing.T) {
	at(t, func(d *desk) {
		assert.Equal(t, "r", d.call(run.Directives{RunID: "r", NewRun: true}).ID)
		assert.Equal(t, "r.2", d.call(run.Directives{RunID: "r", NewRun: true}).ID)
		assert.Equal(t, "r.2", d.call(run.Directives{RunID: "r"}).ID)
		assert.Equal(t, []string{
			"run.started of r by agt: open",
			"run.completed of r by agt: completed",
			"run.started of r.2 by agt: open",
		}, d.heard())
	})
}

func TestAttachToWhatTakesNoCalls(t *testing.T) {
	at(t, func(d *desk) {
		k := d.call(run.Directives{RunID: "idle"}).Key
		d.heard()
		time.Sleep(time.Hour)
		for _, want := range [][]string{{"run.completed of idle by agt: completed"}, nil} {
			r, err := d.arrive(run.Directives{RunID: "idle"})
			assert.EqualError(t, err, `run "idle" is completed: idle_timeout`)
			var closed *run.StateError
			require.ErrorAs(t, err, &closed)
			assert.Equal(t, r, closed.Run)
			assert.Equal(t, k, r.Key)
			assert.Zero(t, r.InFlight)
			assert.Equal(t, want, d.heard(), "it is told once")
		}
		k = d.call(run.Directives{RunID: "blocked"}).Key
		_, err := d.Block(t.Context(), k, &run.Block{Code: "budget_exceeded", Message: "m"}, nil)
		require.NoError(t, err)
		r, err := d.arrive(run.Directives{RunID: "blocked"})
		assert.EqualError(t, err, `run "blocked" is blocked: budget_exceeded`)
		assert.Equal(t, "m", r.Block.Message)
	})
}

func TestPolicyConflict(t *testing.T) {
	lax := run.PolicyRef{ID: "pol_2", Name: "lax", Revision: "1"}
	tests := []struct {
		name   string
		agent  run.Agent // that joins the run, which agent started under policy
		wanted string
		bound  run.PolicyRef // what a new run of the call would be bound to
		want   string
	}{
		{"the same agent", *agent, "", policy, ""},
		{"the policy's name", *agent, "prod", policy, ""},
		{"the policy's id", *agent, "pol_1", policy, ""},
		{"a newer revision of the policy", *agent, "", run.PolicyRef{ID: "pol_1", Name: "prod", Revision: "2"}, ""},
		{"another policy", *agent, "lax", lax, `run "r" is held to policy "prod", not "lax"`},
		{"an agent with the same policy", run.Agent{ID: "b", Team: "ops", Policy: "prod"}, "", policy, ""},
		{"an agent that may choose the policy", run.Agent{ID: "b", Team: "ops", Policy: "lax", MayChoose: []string{"pr*"}}, "", lax, ""},
		{"an agent whose default is the policy", run.Agent{ID: "b", Team: "ops"}, "", policy, ""},
		{"an agent whose default is the policy, which it names", run.Agent{ID: "b", Team: "ops"}, "prod", policy, ""},
		{"an agent that may not use the policy", run.Agent{ID: "b", Team: "ops", Policy: "lax"}, "", lax,
			`run "r" is held to policy "prod", which agent "b" may not use`},
		{"the agent of the run, which has another policy by now", run.Agent{ID: "agt", Team: "ops", Policy: "lax"}, "", lax, ""},
		{"the agent of the run, which asks for its new policy", run.Agent{ID: "agt", Team: "ops", Policy: "lax"}, "lax", lax,
			`run "r" is held to policy "prod", not "lax"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at(t, func(d *desk) {
				d.call(run.Directives{RunID: "r"})
				r, err := d.attach(&run.Arrival{Agent: &tt.agent, Directives: &run.Directives{RunID: "r", Policy: tt.wanted}, At: time.Now(), Policy: tt.bound})
				assert.Equal(t, "r", r.ID)
				assert.Equal(t, policy, r.Policy, "a run keeps its policy")
				assert.EqualValues(t, 1, r.InFlight, "the call is attached in any case")
				if tt.want == "" {
					assert.NoError(t, err)
					return
				}
				assert.EqualError(t, err, tt.want)
				var conflict *run.ConflictError
				require.ErrorAs(t, err, &conflict)
				assert.Equal(t, r, conflict.Run)
				assert.Equal(t, tt.wanted, conflict.Wanted)
				assert.Equal(t, tt.agent.ID, conflict.Agent)
			})
		})
	}
}

// A call that may start no run does not get into another agent's by saying that
// it would be bound to the same policy.
func TestPolicyConflictOfACallThatMayOnlyJoin(t *testing.T) {
	at(t, func(d *desk) {
		d.call(run.Directives{RunID: "r"})
		for by, want := range map[*run.Agent]string{
			agent: "",
			{ID: "b", Team: "ops", MayChoose: []string{"pr*"}}: "",
			{ID: "b", Team: "ops", Policy: "lax"}:              `run "r" is held to policy "prod", which agent "b" may not use`,
		} {
			ar := run.Arrival{Agent: by, Directives: &run.Directives{RunID: "r", Policy: "prod"}, At: time.Now(), Policy: policy, Join: true}
			_, err := d.attach(&ar)
			if want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, want)
			}
		}
	})
}
