package console_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// allocated returns how many MiB f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

// Pages with many gates are asked for every few seconds by each operator's browser.
// What that takes does not grow with the arguments.
func TestListsOfLargeGates(t *testing.T) {
	s := newSite(t, "")
	r := s.Run("nightly")
	for i := range 100 {
		s.Open(r, fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, strings.Repeat("x", 1<<20)))
	}
	cookie := s.SignIn("alice")
	for _, path := range []string{"/", "/?live=x", "/decided", "/run?team=team:ops&id=nightly", "/run?team=team:ops&id=nightly&live=x"} {
		mib := allocated(func() {
			w := s.Ask("GET", path, "", cookie)
			assert.Equal(t, http.StatusOK, w.Code)
			assert.Less(t, w.Body.Len(), 200<<10, path)
		})
		assert.Less(t, mib, uint64(20), path)
	}
}

// The page of a gate does not grow without bounds, whatever the model wrote.
func TestPageOfHostileArguments(t *testing.T) {
	many := func(n int, p run.Proposal) []run.Proposal {
		all := make([]run.Proposal, n)
		for i := range all {
			all[i] = p
		}
		return all
	}
	for name, proposed := range map[string][]run.Proposal{
		"hidden characters": {{Tool: "t", Args: []byte(`{"text":"` + strings.Repeat("\u202e\u200b", 8<<20/6) + `"}`)}},
		"members":           many(4, run.Proposal{Tool: "t", Args: []byte("{" + strings.TrimSuffix(strings.Repeat(`"":1,`, 13_000), ",") + "}")}),
		"items":             many(4, run.Proposal{Tool: "t", Args: []byte("[" + strings.TrimSuffix(strings.Repeat(`0,`, 32_000), ",") + "]")}),
		"many calls":        many(100_000, run.Proposal{Tool: "t", Args: []byte(`{"a":1}`)}),
		"names":             many(1000, run.Proposal{Tool: strings.Repeat("\u202e\u200b", 10_000)}),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			g := s.Open(s.Run("nightly"), "", func(g *run.Gate) { g.Proposed = proposed })
			cookie := s.SignIn("alice")
			for path, most := range map[string]int{"/gates/" + g.ID: 16 << 20, "/": 100 << 10} {
				mib := allocated(func() {
					w := s.Ask("GET", path, "", cookie)
					assert.Equal(t, http.StatusOK, w.Code)
					assert.Less(t, w.Body.Len(), most, path)
				})
				assert.Less(t, mib, uint64(300), path)
			}
		})
	}
}

// Who decides cannot miss that a page does not show all, and can read the rest.
func TestCutArguments(t *testing.T) {
	s := serve(t, "/console")
	long := `{"to":"bob","note":"` + strings.Repeat("x", 1<<20) + `","to":"mallory"}`
	g := s.Open(s.Run("nightly"), long, func(g *run.Gate) {
		g.Proposed = append(g.Proposed, run.Proposal{Tool: "look_up", Args: []byte(`{"q":"<b>"}`)})
	})
	p := s.Person("alice")
	p.Go("gates/" + g.ID)
	p.Sees("issue_refund", "Only the first 131072 of 1048613 bytes are shown here.", "gates/"+g.ID+"/arguments/1", "Get all of them as text",
		"to", "bob", "It goes on: 917541 bytes more are not shown here.", "look_up", "&lt;b&gt;",
		"Your decision", "917541 bytes of arguments are not shown on this page. Read them before you approve.", "Approve")
	assert.NotContains(t, p.Page, "mallory")
	for n, want := range map[string]string{"1": long, "2": `{"q":"<b>"}`} {
		w := s.Ask("GET", "/gates/"+g.ID+"/arguments/"+n, "", s.SignIn("alice"))
		require.Equal(t, http.StatusOK, w.Code)
		assert.True(t, want == w.Body.String(), n)
		h := w.Header()
		assert.Equal(t, "text/plain; charset=utf-8", h.Get("Content-Type"))
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		assert.Equal(t, `attachment; filename="`+g.ID+"-"+n+`.txt"`, h.Get("Content-Disposition"))
		assert.Contains(t, h.Get("Content-Security-Policy"), "default-src 'none'")
		assert.Contains(t, h.Get("Content-Security-Policy"), "; sandbox")
	}
	for _, n := range []string{"0", "3", "-1", "x", ""} {
		assert.Equal(t, http.StatusNotFound, s.Ask("GET", "/gates/"+g.ID+"/arguments/"+n, "", s.SignIn("alice")).Code, n)
	}
	p.Submit("gates/"+g.ID, "verdict", "reject")
	p.Sees("Only the first", "Rejected by you")
	assert.NotContains(t, p.Page, "Read them before you approve.")
}

func TestManyCalls(t *testing.T) {
	s := serve(t, "")
	g := s.Open(s.Run("nightly"), `{"n":0}`, func(g *run.Gate) {
		for i := range 300 {
			g.Proposed = append(g.Proposed, run.Proposal{Tool: fmt.Sprintf("tool%d", i), Args: fmt.Appendf(nil, `{"n":"arg%d"}`, i)})
		}
	})
	p := s.Person("alice")
	p.Sees("issue_refund", "and 300 more", "arg0", "arg1")
	assert.NotContains(t, p.Page, "arg2")
	p.Go("gates/" + g.ID)
	p.Sees("make 301 calls at once", "issue_refund", "tool0", "arg0", "tool198", "arg198", "101 calls more are not shown here.",
		"Your decision", "101 calls are not shown on this page. Read them before you approve.")
	assert.NotContains(t, p.Page, "tool199")
}

// Long texts that are no arguments are cut as well, and say so.
func TestLongTexts(t *testing.T) {
	s := serve(t, "")
	long := strings.Repeat("x", 5000)
	g := s.Open(s.Run("nightly"), `{}`, func(g *run.Gate) { g.Proposed[0].Tool, g.Reason, g.Model = long, long, long })
	p := s.Person("alice")
	p.Sees("xxx", "… 4744 bytes more")
	p.Go("gates/" + g.ID)
	p.Sees("<h1", "… 4744 bytes more", "Why a person is asked", "… 904 bytes more", "Model", "… 904 bytes more")
}
