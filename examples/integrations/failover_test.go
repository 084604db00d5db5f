//go:build clients

package integrations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// whens are the turns in which it does.
var whens = []struct {
	name  string
	turns []int
}{
	{"in the first turn", []int{0}},
	{"in a middle turn", []int{1}},
	{"in the last turn", []int{2}},
	{"in all turns", []int{0, 1, 2}},
}

// TestFailover lets agents have a conversation in the course of which the provider
// that they ask for dies, at each point of the exchange, and another vendor's serves
// them. What they did and said is the same as if it had not.
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if c.helper == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var (
				names     []string
				crossings []*crossing
				tasks     []task
			)
			for i := range faults {
				for _, when := range whens {
					for _, streamed := range []bool{false, true} {
						f := &faults[i]
						if !streamed && !f.whole {
							continue
						}
						for _, runner := range []bool{false, true} {
							if runner && (c.runner == "" || f.inside || f.next != nil) {
								continue
							}
							name := fmt.Sprintf("%s, %s, streamed: %t, runner: %t", f.name, when.name, streamed, runner)
							x := newCrossing(t, &c, f, when.turns, streamed)
							names, crossings = append(names, name), append(crossings, x)
							tasks = append(tasks, task{URL: x.url + c.paths[0].base, Run: guideRun, Prompt: question, Streamed: streamed, Runner: runner})
						}
					}
				}
			}
			for i, done := range converse(t, &c, tasks) {
				t.Run(names[i], func(t *testing.T) {
					x := crossings[i]
					x.open.Wait()
					require.Nil(t, done.Error)
					x.requireDialogue(t, &c, &done)
					x.requireHeard(t)
					x.requireSteps(t)
				})
			}
		})
	}
}

// requireDialogue checks what an agent was answered, and what it did.
func (x *crossing) requireDialogue(t *testing.T, c *client, done *conversation) {
	t.Helper()
	assert.Equal(t, dialogue[len(dialogue)-1].text, done.Text)
	require.Len(t, done.Turns, len(dialogue))
	var executed []toolCall
	for n, want := range dialogue {
		answer, end := got(t, done.Turns[n].Answer)
		for i := range want.calls {
			executed = append(executed, toolCall{name: want.calls[i].name, args: want.calls[i].args})
		}
		want.calls = executed[len(executed)-len(want.calls):]
		if len(want.calls) == 0 {
			want.calls = nil
		}
		assert.Equal(t, want, answer)
		assert.Equal(t, ends[c.model][len(want.calls) > 0], end)
		var errors []string
		for _, a := range x.attempts(n) {
			if a.end == breaksOff {
				errors = append(errors, c.broken)
			}
		}
		assert.ElementsMatch(t, errors, done.Turns[n].Errors, "what was raised in turn %d", n)
		if x.last(n) == x.next {
			assert.Equal(t, x.next.target, done.Turns[n].ServedBy)
		} else {
			assert.Empty(t, done.Turns[n].ServedBy)
		}
	}
	var did []toolCall
	for _, e := range done.Executed {
		did = append(did, toolCall{name: e.Name, args: compact(t, e.Args)})
	}
	assert.Equal(t, executed, did, "each tool is called once")
}

// ends are the reasons for which a turn has ended: with calls, and without.
var ends = map[string]map[bool]string{
	gpt:    {true: "tool_calls", false: "stop"},
	claude: {true: "tool_use", false: "end_turn"},
}

// last is what serves a turn in the end.
func (x *crossing) last(n int) *vendor {
	all := x.attempts(n)
	return all[len(all)-1].vendor
}

// requireHeard checks that each provider was told in its own dialect what had been
// said before, and nobody was asked more often than needed.
func (x *crossing) requireHeard(t *testing.T) {
	t.Helper()
	want := map[*vendor][][]string{}
	for n := range dialogue {
		for _, a := range x.attempts(n) {
			if a.end != givenUp || x.fault.reply != nil { // else nobody was there to hear it
				want[a.vendor] = append(want[a.vendor], said(n))
			}
		}
	}
	for v, p := range x.providers {
		var told [][]string
		for _, r := range p.Requests() {
			told = append(told, heard(t, &r))
			assert.Equal(t, providerKey, r.Header.Get("X-Api-Key")+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			for name := range r.Header {
				assert.NotContains(t, strings.ToLower(name), "rungate")
			}
		}
		assert.Equal(t, want[v], told, v.name)
	}
}

// requireSteps checks that the run has a step for each attempt, and that what they
// have cost is spent.
func (x *crossing) requireSteps(t *testing.T) {
	t.Helper()
	type step struct {
		ID, Provider, Fault, Error string
		Started                    time.Time    `json:"started_at"`
		First                      string       `json:"first_attempt"`
		Cost                       budget.Money `json:"cost_usd"`
		Estimated                  bool
		Tokens                     struct{ Input, Output int64 }
	}
	var r struct {
		Spend  budget.Money `json:"spend_usd"`
		Limits []struct {
			Spent    budget.Money `json:"spent_usd"`
			Reserved budget.Money `json:"reserved_usd"`
		}
		Steps []step `json:"step_log"`
	}
	object := x.ask(t, http.MethodGet, "/v1/runs/"+guideRun, "")
	require.NoError(t, json.Unmarshal(object, &r), "%s", object)
	var spent budget.Money
	steps := r.Steps // in the order in which they have ended
	slices.SortFunc(steps, func(a, b step) int { return a.Started.Compare(b.Started) })
	for n := range dialogue {
		first := "" // attempt of the call
		for _, a := range x.attempts(n) {
			require.NotEmpty(t, steps, "%s", object)
			s := &steps[0]
			steps = steps[1:]
			spent += s.Cost
			assert.Equal(t, a.vendor.name, s.Provider)
			assert.Equal(t, first, s.First)
			switch a.end {
			case givenUp:
				assert.Equal(t, x.fault.as.String(), s.Fault)
				first = s.ID
			case breaksOff:
				assert.Positive(t, s.Cost, "part of an answer is paid for")
				first = ""
			default:
				assert.Empty(t, s.Fault)
				assert.Empty(t, s.Error)
				assert.Positive(t, s.Cost)
				assert.False(t, s.Estimated)
				assert.Equal(t, dialogue[n].in, s.Tokens.Input)
				assert.Equal(t, dialogue[n].out, s.Tokens.Output)
			}
		}
	}
	assert.Empty(t, steps)
	assert.Equal(t, spent, r.Spend)
	require.Len(t, r.Limits, 1)
	assert.Equal(t, spent, r.Limits[0].Spent)
	assert.Zero(t, r.Limits[0].Reserved)
}
