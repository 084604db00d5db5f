package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// failover reads a policy that has these.
func failover(some string) ([]policy.Failover, error) {
	p, err := policy.Parse([]byte(`{"name":"p","failover":[` + some + `]}`))
	return p.Failover, err
}

var (
	gpt    = policy.Target{Provider: "openai", Model: "gpt-4.1"}
	sonnet = policy.Target{Provider: "anthropic", Model: "claude-sonnet-4-5"}
	llama  = policy.Target{Provider: "local", Model: "meta/llama-3"}
)

func TestFailoverIsRead(t *testing.T) {
	for _, tt := range []struct {
		name, document string
		want           policy.Failover
	}{
		{"as it is documented", `{"models": ["openai/gpt-4*"], "to": ["anthropic/claude-sonnet-4-5"], "translation": "strict"}`,
			policy.Failover{Models: []string{"openai/gpt-4*"}, To: []policy.Rank{policy.Only(sonnet)}, Translation: policy.StrictTranslation}},
		{"with all that it can say", `{"models": ["*"], "instead": true, "to": [
				{"any": ["openai/gpt-4.1", {"target": "local/meta/llama-3", "weight": 3}], "by": "weight"}, {"any": ["anthropic/claude-sonnet-4-5"], "by": "latency"}],
				"translation": "lenient", "on": ["timeout", "denied"], "max_attempts": 5, "deadline": "1m30s", "first_byte_timeout": "5s", "answer_timeout": "20s"}`,
			policy.Failover{Models: []string{"*"}, Instead: true, To: []policy.Rank{
				{Any: []policy.Weighted{{Target: gpt}, {Target: llama, Weight: 3}}, By: policy.ByWeight},
				{Any: []policy.Weighted{{Target: sonnet}}, By: policy.ByLatency}},
				Translation: policy.LenientTranslation, On: []string{"timeout", "denied"}, MaxAttempts: 5, Deadline: 90 * time.Second, FirstByteTimeout: 5 * time.Second, AnswerTimeout: 20 * time.Second}},
		{"with the model alone", `{"models": ["gpt-4.1"], "max_attempts": 3}`, policy.Failover{Models: []string{"gpt-4.1"}, MaxAttempts: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := failover(tt.document)
			require.NoError(t, err)
			assert.Equal(t, []policy.Failover{tt.want}, got)
		})
	}
}

func TestFailoverRefuses(t *testing.T) {
	const faults = `use "unreachable", "timeout", "overloaded", "rate_limited", "out_of_funds", "denied", "unknown_model", "too_long", "unsigned_history"`
	to := func(ranks string) string { return `{"models":["*"],"to":[` + ranks + `]}` }
	for _, tt := range []struct {
		name, document string
		want           []string // below failover
	}{
		{"no models", `{"to":["a/x"]}`, []string{`[0].models: say for which; "*" is all`}},
		{"an empty glob", `{"models":["x",""],"to":["a/x"]}`, []string{"[0].models[1]: it is empty"}},
		{"nothing instead", `{"models":["*"],"instead":true}`, []string{"[0].to: say what serves the calls instead"}},
		{"a model alone", to(`"gpt-4.1"`), []string{`[0].to[0]: want "provider/model", not "gpt-4.1"`}},
		{"a provider alone", to(`"openai/"`), []string{`[0].to[0]: want "provider/model", not "openai/"`}},
		{"a glob", to(`"openai/gpt-4*"`), []string{`[0].to[0]: want "provider/model", not "openai/gpt-4*"`}},
		{"a number", to(`5`), []string{`[0].to[0]: want "provider/model" or an object, not 5`}},
		{"null", to(`null,{"any":[null]}`), []string{"[0].to[0]: is null", "[0].to[1].any[0]: is null"}},
		{"a rank of nothing", to(`{"any":[]},{}`), []string{"[0].to[0].any: needs a target", "[0].to[1].any: needs a target"}},
		{"a weight alone", to(`{"any":["a/x",{"weight":1}]}`), []string{`[0].to[0].any[1]: want "provider/model"`}},
		{"another field of a rank", to(`{"any":["a/x"],"order":"cost"}`), []string{"[0].to[0].order: unknown field"}},
		{"another field of a target", to(`{"any":[{"target":"a/x","wieght":1}]}`), []string{`[0].to[0].any[0].wieght: unknown field; did you mean "weight"?`}},
		{"a target twice", to(`"a/x",{"any":["b/y","a/x"]}`), []string{`[0].to[1].any[1]: "a/x" is there already; say by max_attempts how often it is tried`}},
		{"another choice", to(`{"any":["a/x"],"by":"taste"}`), []string{`[0].to[0].by: "taste" is not known; use "weight", "cost" or "latency"`}},
		{"weights out of bounds", to(`{"any":[{"target":"a/x","weight":-1},{"target":"b/x","weight":1000001}]}`), []string{
			"[0].to[0].any[0].weight: want 1 up to 1000000; leave it out for 1", "[0].to[0].any[1].weight: want 1 up to 1000000; leave it out for 1"}},
		{"weights where the cost counts", to(`{"any":[{"target":"a/x","weight":2},"b/x"],"by":"cost"}`), []string{`[0].to[0].any[0].weight: is for a rank that is "by": "weight"`}},
		{"another translation", `{"models":["*"],"translation":"loose"}`, []string{`[0].translation: "loose" is not known; use "strict", "lenient" or "none"`}},
		{"other faults", `{"models":["*"],"on":["timeout","rejected","429"]}`, []string{`[0].on[1]: "rejected" is not known; ` + faults, `[0].on[2]: "429" is not known; ` + faults}},
		{"what is negative", `{"models":["*"],"max_attempts":-1,"deadline":"-1s","first_byte_timeout":"-1s","answer_timeout":"-1s"}`, []string{
			"[0].max_attempts: is negative", "[0].deadline: is negative", "[0].first_byte_timeout: is negative", "[0].answer_timeout: is negative"}},
		{"a number of seconds", `{"models":["*"],"deadline":30}`, []string{`[0].deadline: want a duration such as "90s" or "1h30m", not a number`}},
		{"everything at once", `{"models":[]},{"models":["*"],"to":["x",{"any":["a/x",5]}],"on":["x"],"max_attempts":1.5}`, []string{
			`[0].models: say for which; "*" is all`, `[1].to[0]: want "provider/model", not "x"`, `[1].to[1].any[1]: want "provider/model" or an object, not 5`,
			`[1].on[0]: "x" is not known; ` + faults, "[1].max_attempts: want a whole number"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := failover(tt.document)
			require.Error(t, err)
			var want []string
			for _, w := range tt.want {
				want = append(want, "failover"+w)
			}
			assert.ElementsMatch(t, want, strings.Split(err.Error(), "\n"))
		})
	}
}

func TestFailoverValidates(t *testing.T) {
	f := policy.Failover{Models: []string{"*"}, To: []policy.Rank{policy.Only(sonnet)}}
	require.NoError(t, f.Validate())
	f.To = append(f.To, policy.Only(policy.Target{Model: "gpt-4.1"}))
	f.MaxAttempts = -1
	assert.EqualError(t, f.Validate(), "to[1]: want \"provider/model\"\nmax_attempts: is negative")
}

// A policy that says nothing of failover has the revision that it always had.
func TestRevisionWithoutFailover(t *testing.T) {
	p := policy.Policy{Name: "p"}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "failover")

	before, err := set(t, p).Bind(t.Context(), "")
	require.NoError(t, err)
	p.Failover = []policy.Failover{{Models: []string{"*"}}}
	after, err := set(t, p).Bind(t.Context(), "")
	require.NoError(t, err)
	assert.NotEqual(t, before.Policy.Revision, after.Policy.Revision)
}

// What is written of a failover is read as the same, but for durations.
func TestFailoverIsWritten(t *testing.T) {
	want, err := failover(`{"models": ["*"], "to": ["anthropic/claude-sonnet-4-5", {"any": ["local/meta/llama-3", {"target": "openai/gpt-4.1", "weight": 3}], "by": "weight"}]}`)
	require.NoError(t, err)
	text, err := json.Marshal(want)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"target":"local/meta/llama-3"`)
	var got []policy.Failover
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, want, got)
}

func TestTargets(t *testing.T) {
	f := policy.Failover{To: []policy.Rank{{Any: []policy.Weighted{{Target: llama}, {Target: gpt}}, By: policy.ByCost}, policy.Only(sonnet)}}
	assert.Equal(t, []policy.Target{llama, gpt, sonnet}, f.Targets())
	assert.Empty(t, (&policy.Failover{}).Targets())
}

func TestGivesUp(t *testing.T) {
	var all, timeouts, denied = policy.Failover{}, policy.Failover{On: []string{"timeout"}}, policy.Failover{On: []string{"denied", "unknown_model", "rejected"}}
	for _, x := range append(provider.Faults[:], provider.Rejected) {
		special := x == provider.Denied || x == provider.UnknownModel
		assert.Equal(t, x != provider.Rejected && !special, all.GivesUp(x), "%v, by default", x)
		assert.Equal(t, x == provider.TimedOut, timeouts.GivesUp(x), "%v, on timeouts", x)
		assert.Equal(t, special, denied.GivesUp(x), "%v, where the target is set up wrong", x)
	}
}

func TestAttempts(t *testing.T) {
	for _, tt := range []struct{ most, targets, want int }{{0, 1, 1}, {0, 2, 2}, {0, 3, 3}, {0, 9, 3}, {1, 9, 1}, {5, 2, 5}, {9, 9, 9}} {
		assert.Equal(t, tt.want, (&policy.Failover{MaxAttempts: tt.most}).Attempts(tt.targets), "%+v", tt)
	}
}

func TestWithin(t *testing.T) {
	assert.Equal(t, 10*time.Minute, (&policy.Failover{}).Within())
	assert.Equal(t, time.Minute, (&policy.Failover{Deadline: time.Minute}).Within())
}

// named is a failover that is told from others by its number of attempts.
func named(n int, models ...string) policy.Failover {
	return policy.Failover{Models: models, MaxAttempts: n}
}

func TestSetRoutes(t *testing.T) {
	s := set(t, policy.Policy{Name: "plain"},
		policy.Policy{Name: "ranked", Failover: []policy.Failover{named(1, "openai/gpt-4*", "claude-*"), named(2, "gpt-4.1", "openai/o3"), named(3, "*/llama*")}},
		policy.Policy{Name: "trial", Mode: policy.Shadowed, Failover: []policy.Failover{named(4, "*")}})
	for _, tt := range []struct {
		policy, provider, model string
		want                    int // 0 is nothing
	}{
		{"plain", "openai", "gpt-4.1", 0},
		{"ranked", "openai", "gpt-4.1", 1},
		{"ranked", "azure", "gpt-4.1", 2},
		{"ranked", "openai", "o3", 2},
		{"ranked", "azure", "o3", 0},
		{"ranked", "openai", "GPT-4.1", 0},
		{"ranked", "anthropic", "claude-sonnet-4-5", 1},
		{"ranked", "", "claude-sonnet-4-5", 1},
		{"ranked", "", "o3", 0},
		{"ranked", "local", "llama-3", 3},
		{"trial", "openai", "gpt-4.1", 4},
	} {
		t.Run(tt.policy+" "+tt.provider+"/"+tt.model, func(t *testing.T) {
			b, err := s.Bind(t.Context(), tt.policy)
			require.NoError(t, err)
			f, err := s.Route(t.Context(), b.Policy, policy.Target{Provider: tt.provider, Model: tt.model})
			require.NoError(t, err)
			if tt.want == 0 {
				assert.Nil(t, f)
				return
			}
			require.NotNil(t, f)
			assert.Equal(t, tt.want, f.MaxAttempts)
		})
	}
	_, err := s.Route(t.Context(), run.PolicyRef{Name: "other"}, gpt)
	assert.ErrorIs(t, err, policy.ErrUnknown)
}

// Runs are served by the revision that they are bound to.
func TestSetRoutesByRevision(t *testing.T) {
	s := set(t, policy.Policy{Name: "p", Failover: []policy.Failover{named(1, "*")}})
	old, err := s.Bind(t.Context(), "")
	require.NoError(t, err)
	require.NoError(t, s.Replace(policy.Policy{Name: "p", Failover: []policy.Failover{named(2, "*")}}))
	now, err := s.Bind(t.Context(), "")
	require.NoError(t, err)
	for ref, want := range map[run.PolicyRef]int{old.Policy: 1, now.Policy: 2} {
		f, err := s.Route(t.Context(), ref, gpt)
		require.NoError(t, err)
		assert.Equal(t, want, f.MaxAttempts)
	}
}

// A router is an engine that says the same of all calls, if anything.
type router struct {
	policy.Engine
	says *policy.Failover
	err  error
}

func (r router) Route(context.Context, run.PolicyRef, policy.Target) (*policy.Failover, error) {
	return r.says, r.err
}

func TestRoutersOfOthers(t *testing.T) {
	lost := errors.New("the map is lost")
	first, second := named(1, "*"), named(2, "*")
	one, two, none, broken := router{says: &first}, router{says: &second}, router{}, router{err: lost}
	for _, tt := range []struct {
		name   string
		engine policy.Router
		want   *policy.Failover
		err    error
	}{
		{"a chain of nothing", policy.Chain{}, nil, nil},
		{"a chain of none", policy.Chain{policy.AllowAll}, nil, nil},
		{"the first in a chain", policy.Chain{policy.AllowAll, one, two, broken}, &first, nil},
		{"the first that has something to say", policy.Chain{none, two, one}, &second, nil},
		{"a chain in a chain", policy.Chain{policy.Chain{policy.AllowAll, none}, policy.Chain{one}}, &first, nil},
		{"one that cannot say", policy.Chain{none, broken, one}, nil, lost},
		{"a shadow", policy.Shadow{Enforced: one, Candidate: two}, &first, nil},
		{"a shadow of one that says nothing", policy.Shadow{Enforced: policy.AllowAll, Candidate: two}, nil, nil},
		{"a chain that has a shadow", policy.Chain{policy.Shadow{Enforced: none, Candidate: one}, two}, &second, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.engine.Route(t.Context(), run.PolicyRef{}, gpt)
			assert.ErrorIs(t, err, tt.err)
			assert.Same(t, tt.want, got)
		})
	}
}

// Most calls are of no policy that says something: to find that out costs nothing.
func TestRouteAllocatesNothing(t *testing.T) {
	s := set(t, policy.Policy{Name: "p", Failover: []policy.Failover{named(1, "openai/o3*"), named(2, "claude*")}})
	b, err := s.Bind(t.Context(), "")
	require.NoError(t, err)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		f, err := s.Route(t.Context(), b.Policy, gpt)
		if f != nil || err != nil {
			t.Fatal(f, err)
		}
	}))
}
