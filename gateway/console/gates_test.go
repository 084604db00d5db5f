package console_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// Everything that people do works by links and forms alone, below whatever prefix
// the pages are.
func TestWithoutJavaScript(t *testing.T) {
	for _, prefix := range []string{"", "/console", "/ops/agents/gates"} {
		for verdict, want := range map[string]run.GateStatus{"approve": run.GateApproved, "reject": run.GateRejected} {
			t.Run(prefix+" "+verdict, func(t *testing.T) {
				s := serve(t, prefix)
				g := s.Open(s.Run("nightly"), `{"order":"ord_2H4p","amount_usd":1240.00}`)
				p := s.Person("alice")
				p.Sees("One gate waits", "gates/"+g.ID, "issue_refund", "amount_usd</span> 1240.00", "refund-bot", "nightly")
				p.Go("gates/" + g.ID)
				p.Sees("<strong>refund-bot</strong> wants to call <code>issue_refund</code></h1>", "For <strong>u-7</strong> as it says", "order", "ord_2H4p", "amount_usd", "1240.00",
					"Refunds over $500 need a person.", "refund:over-$500", "Expires", "in 59 min",
					"$0.03", "slack://#customer-ops", g.ID, "usd", "of $1.00 spent", "of 100000 tokens spent")
				p.Submit("gates/"+g.ID, "verdict", verdict, "reason", "Seen it.\r\nTwice.")
				assert.Equal(t, s.URL+"gates/"+g.ID, p.at.String(), "it leads back")
				p.Sees("<strong>refund-bot</strong> wanted to call", "Why a person was asked", "by you", "Seen it.\nTwice.", "Back to pending")
				for _, past := range []string{"<textarea", "wants to", "Approved, the agent gets", "its other calls wait"} {
					assert.NotContains(t, p.Page, past)
				}
				now := s.Gate(g.ID)
				assert.Equal(t, want, now.Status)
				assert.Equal(t, "alice", now.By)
				assert.Equal(t, "Seen it.\nTwice.", now.Comment)
				p.Go("../decided")
				p.Sees("issue_refund", "amount_usd</span> 1240.00", "Seen it.", string(want), "by alice")
				p.Go("run?team=team:ops&id=nightly")
				p.Sees("nightly", "of $1.00 spent", "issue_refund", string(want), "alice", "openai/gpt-4.1", "200")
				p.Submit("logout")
				p.Sees("Sign in")
				p.Go("decided")
				assert.Equal(t, http.StatusUnauthorized, p.Code)
			})
		}
	}
}

// All links lead to pages that there are, and none out of the prefix.
func TestLinks(t *testing.T) {
	s := serve(t, "/a/b")
	r := s.Run("a run/with ?odd& name#1")
	s.Open(r, `{"order":"ord_1"}`)
	g := s.Open(r, `{"order":"ord_2"}`)
	_, err := s.Gateway.Gates().Decide(t.Context(), g.ID, run.Verdict{By: "bob"})
	require.NoError(t, err)
	p := s.Person("alice")
	seen := map[string]bool{}
	todo := []string{s.URL}
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if next, _, _ = strings.Cut(next, "#"); seen[next] {
			continue
		}
		seen[next] = true
		assert.True(t, strings.HasPrefix(next, s.URL), next)
		p.Go(next)
		assert.Equal(t, http.StatusOK, p.Code, next)
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(p.Page, -1) {
			link, err := p.at.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			require.NoError(t, err)
			todo = append(todo, link.String())
		}
	}
	assert.Contains(t, seen, s.URL+"gates/"+g.ID)
	assert.Contains(t, seen, s.URL+"run?team=team%3aops&id=a%20run%2fwith%20%3fodd%26%20name%231")
	assert.Len(t, seen, 9, "the lists, the targets, a run, two gates, and three files: %v", seen)
}

func TestPendingOrder(t *testing.T) {
	s := serve(t, "")
	r := s.Run("nightly")
	late := s.Open(r, `{"n":1}`)
	soon := s.Open(r, `{"n":2}`, func(g *run.Gate) { g.Window = run.DefaultWindow / 10 })
	latest := s.Open(r, `{"n":3}`, func(g *run.Gate) { g.Window = 2 * run.DefaultWindow })
	p := s.Person("alice")
	p.Sees("3 gates wait for a decision, the one that expires soonest first", soon.ID, "in 5 min", late.ID, "in 59 min", latest.ID, "in 1 h 59 min")
	p.Go("gates/" + latest.ID)
	p.Submit("gates/"+latest.ID, "verdict", "approve")
	p.Sees("gates/"+soon.ID, "Next (2 more)")
}

func TestManyPending(t *testing.T) {
	s := serve(t, "")
	r := s.Run("nightly")
	var first, last run.Gate
	for i := range 450 {
		last = s.Open(r, strings.Repeat("1", 1+i))
		if i == 0 {
			first = last
		}
	}
	p := s.Person("alice")
	p.Sees("450 gates wait", first.ID, last.ID)
}

// What an agent or a model wrote is nowhere more than text.
func TestHostile(t *testing.T) {
	const hostile = "</title></pre><script>alert(1)</script>\u202e\" onclick=\"x"
	s := serve(t, "")
	g := s.Open(s.Run("nightly"), `{"</dl><b>\u200b":"</script><!--"}`, func(g *run.Gate) {
		g.Proposed[0].Tool, g.Model, g.User, g.Agent, g.Rule, g.Reason, g.Channel = hostile, hostile, hostile, hostile, hostile, hostile, hostile
		g.Policy.Name, g.Request = hostile, hostile
	})
	p := s.Person("alice")
	for _, page := range []string{s.URL, s.URL + "gates/" + g.ID, s.URL + "?live=x", s.URL + "run?team=team:ops&id=nightly"} {
		p.Go(page)
		require.Equal(t, http.StatusOK, p.Code)
		p.Sees("&lt;script&gt;alert(1)", "U+202E")
		for _, raw := range []string{"<script>alert", "</title></pre>", "\u202e", "\u200b", "<b>", "<!--", `" onclick="`} {
			assert.False(t, strings.Contains(p.Page, raw), "%s has %q", page, raw)
		}
	}
	p.Go(s.URL + "gates/" + g.ID)
	p.Submit("gates/"+g.ID, "verdict", "reject", "reason", hostile)
	p.Go(s.URL + "decided")
	p.Sees("&lt;script&gt;alert(1)", "U+202E")
	assert.False(t, strings.Contains(p.Page, "<script>alert"))
}

// Who comes second learns who was first, and what they did.
func TestTwoDecide(t *testing.T) {
	s := serve(t, "/console")
	g := s.Open(s.Run("nightly"), `{}`)
	alice, bob := s.Person("alice"), s.Person("bob")
	alice.Go("gates/" + g.ID)
	bob.Go("gates/" + g.ID)
	alice.Submit("gates/"+g.ID, "verdict", "reject", "reason", "No such order.")
	bob.Submit("gates/"+g.ID, "verdict", "approve", "reason", "Fine.")
	assert.Equal(t, http.StatusConflict, bob.Code)
	bob.Sees("Your approval was not recorded", "Rejected by alice", "No such order.", `<div id="unsent">`, "What you had written was not recorded", "Fine.")
	assert.NotContains(t, bob.Page, "<textarea")
	now := s.Gate(g.ID)
	assert.Equal(t, run.GateRejected, now.Status)
	assert.Equal(t, "alice", now.By)
	alice.Go(g.ID)
	alice.Sees("Rejected by you", "No such order.")
	assert.Equal(t, version(t, alice.Page), version(t, bob.Page), "what bob is told stays")
}

// A run's policy may be forgotten, as after a restart. What it asked about can be
// decided all the same.
func TestForgottenPolicy(t *testing.T) {
	s := serve(t, "", func(c *gateway.Config) { c.Policy = forgetful{c.Policy.(policy.Binder)} })
	g := s.Open(s.Run("nightly"), `{}`)
	p := s.Person("alice")
	p.Go("run?team=team:ops&id=nightly")
	p.Sees("nightly", "its budgets cannot be told")
	p.Go("gates/" + g.ID)
	p.Sees("issue_refund", "its budgets cannot be told")
	p.Submit("gates/"+g.ID, "verdict", "approve")
	p.Sees("Approved by you")
}

type forgetful struct{ policy.Binder }

func (forgetful) Budgets(context.Context, run.PolicyRef) ([]budget.Budget, error) {
	return nil, policy.ErrUnknown
}

func TestFormsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		form   string
		status int
		says   string
	}{
		"no verdict":        {"reason=x", 400, "Nothing has been decided."},
		"another verdict":   {"verdict=maybe", 400, "Nothing has been decided."},
		"no form":           {"%zz", 400, "Nothing has been decided."},
		"far too large":     {"verdict=approve&reason=" + strings.Repeat("x", 1<<20), 400, "Nothing has been decided."},
		"a reason too long": {"verdict=approve&reason=" + strings.Repeat("é", run.MaxCommentBytes/2) + "x", 400, "longer than 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			g := s.Open(s.Run("nightly"), `{}`)
			w := s.Ask("POST", "/gates/"+g.ID, c.form, s.SignIn("alice"))
			assert.Equal(t, c.status, w.Code)
			assert.Contains(t, w.Body.String(), c.says)
			assert.Equal(t, run.GatePending, s.Gate(g.ID).Status)
			if strings.Contains(c.says, "longer") {
				assert.Contains(t, w.Body.String(), strings.Repeat("é", 10), "what was written is not lost")
			}
		})
	}
}

func TestNotFound(t *testing.T) {
	s := newSite(t, "/console")
	cookie := s.SignIn("alice")
	for path, says := range map[string]string{
		"/gates/gate_none":             "There is no such gate.",
		"/run?team=team:ops&id=none":   "There is no such run.",
		"/run":                         "There is no such run.",
		"/decided?before=gate_none":    "There is no such gate.",
		"/nowhere":                     "There is no such page.",
		"/gates/":                      "There is no such page.",
		"/gates/gate_none/arguments/1": "There is no such gate.",
	} {
		w := s.Ask("GET", path, "", cookie)
		assert.Equal(t, http.StatusNotFound, w.Code, path)
		assert.Contains(t, w.Body.String(), says, path)
	}
	assert.Equal(t, http.StatusNotFound, s.Ask("POST", "/gates/gate_none", "verdict=approve", cookie).Code)
	assert.Empty(t, s.Log.String())
}
