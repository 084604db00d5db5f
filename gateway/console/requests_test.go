package console_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// A request is called by what is known of it.
func TestRequests(t *testing.T) {
	for name, c := range map[string]struct {
		change              func(g *run.Gate)
		title, listed, wish string
		shows               []string
	}{
		"to a model": {func(*run.Gate) {}, "A request to gpt-4.1", "A request to <code>gpt-4.1</code>", "send a request to <code>gpt-4.1</code></h1>",
			[]string{"<code>POST /v1/chat/completions", "<dt>Model</dt><dd>gpt-4.1", "<dt>Estimated cost</dt><dd>$0.03"}},
		"without a model": {func(g *run.Gate) { g.Model, g.Request, g.Priced = "", "DELETE /v1/responses/resp_1", false },
			"DELETE /v1/responses/resp_1", "<code>DELETE /v1/responses/resp_1</code>", "send <code>DELETE /v1/responses/resp_1</code></h1>",
			[]string{"<dt>Request</dt><dd><code>DELETE /v1/responses/resp_1", "<dt>Estimated cost</dt><dd>not known"}},
		"not known": {func(g *run.Gate) { g.Model, g.Request = "", "" }, "A request", "A request</a>", "send a request</h1>", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "")
			g := s.Open(s.Run("nightly"), "", func(g *run.Gate) {
				g.Kind, g.Proposed = run.CallGate, nil
				c.change(g)
			})
			p := s.Person("alice")
			p.Sees("One gate waits", c.listed, "refund-bot, for u-7 as it says", "run nightly")
			assert.LessOrEqual(t, strings.Count(p.Page, cmp.Or(g.Request, "none")), 1)
			p.Go("gates/" + g.ID)
			p.Sees("<title>"+c.title+" ·", "<strong>refund-bot</strong> wants to "+c.wish, "For <strong>u-7</strong>")
			p.Sees(append(c.shows, "The text of a request is not kept, and so it cannot be shown.", "Refunds over $500 need a person.", "refund:over-$500")...)
		})
	}
}

// What a request declares is not called yet, and has no arguments.
func TestRequestWithTools(t *testing.T) {
	for name, c := range map[string]struct {
		tools []run.Proposal
		title string
		shows []string
	}{
		"one": {[]run.Proposal{{Tool: "web_search", Hosted: true}}, "web_search",
			[]string{"wants to send a request with <code>web_search</code></h1>", "The provider runs this tool itself.</p>"}},
		"several": {[]run.Proposal{{Tool: "web_search", Hosted: true}, {Tool: "issue_refund"}}, "Several tools",
			[]string{"wants to send a request with 2 tools</h1>", "web_search", "The provider runs this tool itself.</p>", "issue_refund"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "")
			g := s.Open(s.Run("nightly"), "", func(g *run.Gate) { g.Kind, g.Proposed = run.CallGate, c.tools })
			p := s.Person("alice")
			p.Sees("web_search", "POST /v1/chat/completions")
			p.Go("gates/" + g.ID)
			p.Sees(append([]string{"<title>" + c.title + " ·"}, append(c.shows, "The text of a request is not kept")...)...)
			assert.NotContains(t, p.Page, "without arguments")
		})
	}
}
