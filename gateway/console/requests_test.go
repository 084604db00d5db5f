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
		change       func(g *run.Gate)
		title, shows string
	}{
		"to a model":      {func(*run.Gate) {}, "A request to gpt-4.1", "A request to <code>gpt-4.1</code>"},
		"without a model": {func(g *run.Gate) { g.Model, g.Request = "", "DELETE /v1/responses/resp_1" }, "DELETE /v1/responses/resp_1", "<code>DELETE /v1/responses/resp_1</code>"},
		"not known":       {func(g *run.Gate) { g.Model, g.Request = "", "" }, "A request", "A request</a>"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "")
			g := s.Open(s.Run("nightly"), "", func(g *run.Gate) {
				g.Kind, g.Proposed = run.CallGate, nil
				c.change(g)
			})
			p := s.Person("alice")
			p.Sees("One gate waits", c.shows, "refund-bot, for u-7 as it says", "run nightly")
			assert.LessOrEqual(t, strings.Count(p.Page, cmp.Or(g.Request, "none")), 1)
			p.Go("gates/" + g.ID)
			p.Sees("<title>"+c.title+" ·", "The agent wants to send</p>", strings.TrimSuffix(c.shows, "</a>"), "</h1>", "About it")
			if g.Request != "" {
				p.Sees("About it", "<dt>Request</dt><dd><code>"+g.Request)
			}
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
		"one":     {[]run.Proposal{{Tool: "web_search", Hosted: true}}, "web_search", []string{"<code>web_search</code></h1>", "The provider runs this tool itself.</p>"}},
		"several": {[]run.Proposal{{Tool: "web_search", Hosted: true}, {Tool: "issue_refund"}}, "Several tools", []string{"2 tools</h1>", "web_search", "The provider runs this tool itself.</p>", "issue_refund"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, "")
			g := s.Open(s.Run("nightly"), "", func(g *run.Gate) { g.Kind, g.Proposed = run.CallGate, c.tools })
			p := s.Person("alice")
			p.Sees("web_search", "POST /v1/chat/completions")
			p.Go("gates/" + g.ID)
			p.Sees(append([]string{"<title>" + c.title + " ·", "The agent wants to send a request with</p>"}, c.shows...)...)
			assert.NotContains(t, p.Page, "without arguments")
		})
	}
}
