//go:build clients

package integrations

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// TestGates checks the table of the README: what clients make of an answer that a
// person has to approve first, since it calls a tool.
func TestGates(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		for g, want := range c.gates {
			t.Run(fmt.Sprintf("%s, %s, %s", c.name, g.mode, g.ends), func(t *testing.T) {
				t.Parallel()
				v := visit{client: &c, scenario: tool, gating: g}
				v.make(t)
				assert.Len(t, v.site.calls, want.attempts, "attempts")
				assert.Greater(t, v.took, want.over)
				v.requireAsked(t, run.ActionGate)
				requests := 1 // however often the client comes
				if c.output == openclawJSON && want.raises == "" {
					requests++ // with what the tool has read
				}
				assert.Len(t, v.site.providers.Requests(), requests)
				switch {
				case want.raises == "":
					require.Nil(t, v.outcome.Error)
					requireScenario(t, &c, v.site, tool, &v.outcome)
				case g.mode == run.AcceptedMode:
					v.requireMisread(t, want.raises)
				default:
					v.requireRefused(t, want)
				}
			})
		}
	}
}

// TestGatedStreams checks that a stream comes when it is approved, and that its
// client needs to do nothing for that.
func TestGatedStreams(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		for _, s := range []scenario{stream, streamedTool} {
			if !c.plays(s) {
				continue
			}
			t.Run(c.name+", "+string(s), func(t *testing.T) {
				t.Parallel()
				v := visit{client: &c, scenario: s, gating: gating{run.WaitMode, approved}}
				v.make(t)
				require.Nil(t, v.outcome.Error)
				assert.Len(t, v.site.calls, 1, "attempts")
				assert.Len(t, v.site.providers.Requests(), 1)
				if s == stream {
					v.requireAsked(t, run.CallGate)
					requireScenario(t, &c, v.site, stream, &v.outcome)
				} else {
					v.requireAsked(t, run.ActionGate)
					requireScenario(t, &c, v.site, tool, &v.outcome)
				}
			})
		}
	}
}

// TestPatience checks the programs that know what a 202 is.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if !c.plays(patient) {
			continue
		}
		for _, e := range []ending{approved, rejected, expired} {
			t.Run(c.name+", "+string(e), func(t *testing.T) {
				t.Parallel()
				v := visit{client: &c, scenario: patient, gating: gating{run.AcceptedMode, e}}
				v.make(t)
				assert.Len(t, v.site.calls, 2, "attempts")
				assert.Greater(t, v.took, pause)
				assert.Len(t, v.site.providers.Requests(), 1)
				v.requireAsked(t, run.ActionGate)
				if e == approved {
					require.Nil(t, v.outcome.Error)
					requireScenario(t, &c, v.site, tool, &v.outcome)
				} else {
					v.requireRefused(t, c.gates[gating{run.WaitMode, e}])
				}
			})
		}
	}
}

// TestSilence checks what the README says of streams and 202: most clients take it
// for a stream without anything in it.
func TestSilence(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if !c.plays(patient) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := visit{client: &c, scenario: stream, gating: gating{run.AcceptedMode, undecided}}
			v.make(t)
			v.requireAsked(t, run.CallGate)
			assert.Nil(t, v.outcome.Error)
			assert.Zero(t, v.outcome.Chunks)
			assert.Empty(t, v.site.providers.Requests())
		})
	}
}

// TestSlowDecisions checks that clients stay on a stream on which a sign of life
// is all that comes, until the decision.
func TestSlowDecisions(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if !c.plays(patient) {
			continue
		}
		for _, e := range []ending{approved, rejected} {
			t.Run(c.name+", "+string(e), func(t *testing.T) {
				t.Parallel()
				v := visit{client: &c, scenario: stream, gating: gating{run.WaitMode, e}, slow: true}
				v.make(t)
				assert.Len(t, v.site.calls, 1, "attempts")
				assert.Greater(t, v.took, silence)
				v.requireAsked(t, run.CallGate)
				if e == approved {
					require.Nil(t, v.outcome.Error)
					requireScenario(t, &c, v.site, stream, &v.outcome)
					return
				}
				require.NotNil(t, v.outcome.Error, "the call must fail")
				assert.Regexp(t, "^API(Status)?Error$", v.outcome.Error.Class, "there is no status of a refusal any more")
				assert.Equal(t, gateCodes[rejected], v.outcome.Error.Code)
				assert.Contains(t, v.outcome.Error.Message, "carol has rejected")
			})
		}
	}
}

// A visit is a call of a client that a person has to decide about.
type visit struct {
	client   *client
	scenario scenario
	gating   gating
	slow     bool // the person takes more time than a gateway stays silent

	site    *site
	desk    *desk
	outcome outcome
	took    time.Duration
}

// make makes the call and has the gate decided: while the call waits, or else once
// it is answered.
func (v *visit) make(t *testing.T) {
	t.Helper()
	v.site = newSite(t, v.client, served, func(cfg *gateway.Config) {
		cfg.Policy = asking(t, v.scenario, v.gating.ends)
		if v.client.mute {
			cfg.Agents = agents(t, v.gating.mode)
		}
	})
	v.desk = newDesk(t, v.site.gateway)
	ask := v.scenario
	if !v.client.mute {
		ask += scenario(" " + v.gating.mode)
	}
	ready := func(g *gate) bool {
		if v.gating.mode != run.WaitMode {
			return v.site.answered() > 0
		}
		return !v.slow || time.Since(g.Opened) > silence+2*time.Second
	}
	began := time.Now()
	ctx, over := context.WithCancel(t.Context())
	var person sync.WaitGroup
	if verb := verbs[v.gating.ends]; verb != "" {
		person.Go(func() { v.desk.decide(ctx, t, verb, ready) })
	}
	v.outcome = play(t, v.client, v.site, served, v.client.paths[0], ask)
	v.took = time.Since(began)
	over()
	person.Wait()
}

// asking is a policy under which a person is asked about tools, or about streams.
func asking(t *testing.T, s scenario, e ending) *policy.Set {
	t.Helper()
	about, window := `"tool": "*"`, "1h"
	if s == stream {
		about = `"when": [{"call": "stream", "op": "==", "value": true}]`
	}
	if e == expired {
		window = "1s"
	}
	p, err := policy.Parse(fmt.Appendf(nil, `{"name": "default", "rules": [
		{"name": "ask", %s, "then": "approve", "expires": %q}]}`, about, window))
	require.NoError(t, err)
	set, err := policy.New(p)
	require.NoError(t, err)
	return set
}

// requireAsked checks that a person was asked once, and what became of it.
func (v *visit) requireAsked(t *testing.T, about run.GateKind) {
	t.Helper()
	gates := v.desk.gates(t)
	require.Len(t, gates, 1)
	assert.EqualValues(t, about, gates[0].Kind)
	assert.Equal(t, gateStates[v.gating.ends], gates[0].Status)
}

// requireMisread checks what a client makes of a 202.
func (v *visit) requireMisread(t *testing.T, raises string) {
	t.Helper()
	require.NotNil(t, v.outcome.Error, "the call must fail")
	if v.client.output == openclawJSON {
		assert.Contains(t, v.outcome.Error.Message, raises)
	} else {
		assert.Equal(t, raises, v.outcome.Error.Class)
	}
}

// requireRefused checks that the call has failed by a refusal of the gateway.
func (v *visit) requireRefused(t *testing.T, want reaction) {
	t.Helper()
	require.NotNil(t, v.outcome.Error, "the call must fail")
	requireFailure(t, v.client, gateCodes[v.gating.ends], want, &v.outcome)
	if v.gating.ends == rejected && !want.ownWords {
		assert.Contains(t, v.outcome.Error.Message, "carol has rejected")
		assert.Contains(t, v.outcome.Error.Message, reason)
	}
}
