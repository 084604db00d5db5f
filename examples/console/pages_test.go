//go:build clients

package console

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// decoys is what nobody should be taken in by.
const decoys = `{"to":"bob@example.com\u202emoc.elpmaxe@evil","amount_usd":12,"amount_usd":1240.00,"note":"<script>alert(1)</script><img src=x onerror=alert(2)>",` +
	`"zero\u200bwidth":"a\u200bb","lines":{"first":[1,2,{"deep":"\u0072\u006d -rf /"}],"ok":true,"none":null}}`

// shown are the pages, with what is needed to see them.
func shown(t *testing.T, s *site) map[string]string {
	t.Helper()
	r := s.call("run_customer_refund_2026_04_26", "gpt-4.1")
	for range 3 {
		s.call(r.ID, "gpt-4.1-mini")
	}
	s.call(r.ID, "no-such-model")
	pending := s.open(r, "issue_refund", `{"order":"ord_2H4p","amount_usd":1240.00,"reason":"The parcel arrived broken, and the customer has sent pictures of it.","notify":["customer","warehouse"]}`)
	decoy := s.open(r, "send_money", decoys, func(g *run.Gate) { g.Window = 4 * time.Minute })
	long := s.open(s.call("run_nightly_report", "gpt-4.1"), "run_query", `{"database":"billing","sql":"SELECT *\nFROM invoices\nWHERE `+strings.Repeat(`amount > 1000 AND customer_id IN (17, 18, 19)\n  OR `, 200)+`1 = 1;"}`,
		func(g *run.Gate) {
			g.Proposed = append(g.Proposed, run.Proposal{Tool: "web_search", Args: []byte(`{"query":"exchange rate"}`), Hosted: true})
			g.Rule, g.Reason, g.User, g.Channel = "sql:write", "", "", ""
		})
	request := s.open(s.call("run_nightly_report", "gpt-4.1"), "", "", func(g *run.Gate) {
		g.Kind, g.Rule, g.Reason, g.Proposed, g.Model = run.CallGate, "models:expensive", "Calls of this model above $0.50 need a person.", nil, "o3-pro"
	})
	deletion := s.open(s.call("run_nightly_report", "gpt-4.1"), "", "delete", func(g *run.Gate) {
		g.Kind, g.Rule, g.Reason, g.Proposed, g.Model, g.Priced = run.CallGate, "responses:delete", "What is stored is deleted by people.", nil, "", false
		g.Request = "DELETE /v1/responses/resp_68af4030592c81938ec0a5fbab4a3e9f"
	})
	huge := s.open(r, "send_mail", `{"to":"all@example.com","text":"`+strings.Repeat("Dear customer, ", 20_000)+`"}`)
	require.Equal(t, 202, s.askForRefund("run_waits", "accepted").Code)
	approved := s.open(r, "issue_refund", `{"order":"ord_9Kx1","amount_usd":702.50}`)
	rejected := s.open(r, "delete_account", `{"customer":"cust_8812"}`)
	decide := func(g run.Gate, approve bool, by, why string) {
		_, err := s.gateway.Gates().Decide(context.Background(), g.ID, run.Verdict{Approve: approve, By: by, Comment: why})
		require.NoError(t, err)
	}
	decide(approved, true, "bob", "")
	decide(rejected, false, "carol (via ops-bot)", "Not without a signed request.\nAsk support first.")
	return map[string]string{
		"pending": "", "decided": "decided", "targets": "targets", "run": "run?team=team:customer-ops&id=" + r.ID, "run-waits": "run?team=team:customer-ops&id=run_waits",
		"gate": "gates/" + pending.ID, "gate-decoys": "gates/" + decoy.ID, "gate-several": "gates/" + long.ID, "gate-request": "gates/" + request.ID,
		"gate-deletion": "gates/" + deletion.ID, "gate-huge": "gates/" + huge.ID,
		"gate-approved": "gates/" + approved.ID, "gate-rejected": "gates/" + rejected.ID, "problem": "gates/gate_none",
	}
}

// Every page can be used by everybody: axe-core finds nothing, and nothing is cut
// off at the side. Pictures of them go to the folder that RUNGATE_PICTURES names.
func TestPages(t *testing.T) {
	s := newSite(t)
	pages := shown(t, s)
	source := axe(t)
	browser := newBrowser(t)
	dir := os.Getenv("RUNGATE_PICTURES")
	if dir == "" {
		dir = t.TempDir()
	}
	check := func(name string, l look) {
		t.Helper()
		for _, v := range violations(t, browser, source) {
			assert.Fail(t, "axe-core: "+v.Help, "%s, %s: %s %s\n%v", name, l.name, v.ID, v.Impact, v.Nodes)
		}
		wide := value[int64](t, browser, `document.documentElement.scrollWidth`)
		assert.LessOrEqual(t, wide, l.width, "%s, %s", name, l.name)
		assert.Less(t, value[float64](t, browser, `document.querySelector("header").getBoundingClientRect().height`), 70.0, "%s, %s: the header is one row", name, l.name)
		screenshot(t, browser, filepath.Join(dir, name+"-"+l.name+".png"))
	}
	for _, l := range looks {
		do(t, browser, l.set(), chromedp.Navigate(s.url), chromedp.WaitVisible("#token"))
		check("login", l)
	}
	s.signIn(t, browser, longName)
	for name, path := range pages {
		for _, l := range looks {
			do(t, browser, l.set(), chromedp.Navigate(s.url+path), chromedp.WaitVisible("h1"))
			check(name, l)
		}
	}
}

// On a phone, what a decision is made by is in view, however long the page is, and
// where it was made, the result.
func TestDecisionInView(t *testing.T) {
	const inView = `(s => { const r = document.querySelector(s).getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight })`
	s := newSite(t)
	g := s.open(s.call("nightly", "gpt-4.1"), "issue_refund", `{"order":"ord_2H4p","amount_usd":1240.00`+strings.Repeat(`,"item":{"id":1,"count":2}`, 20)+`}`)
	browser := newBrowser(t)
	s.signIn(t, browser, "alice")
	do(t, browser, looks[2].set(), chromedp.Navigate(s.url+"gates/"+g.ID), chromedp.WaitVisible("h1"))
	for _, scroll := range []string{"0", "500"} {
		do(t, browser, chromedp.Evaluate[chromedp.Void](`scrollTo(0, `+scroll+`)`))
		for _, part := range []string{"button.approve", "button.reject", "#reason"} {
			assert.True(t, value[bool](t, browser, inView+`("`+part+`")`), "%s, after %s pixels", part, scroll)
		}
	}
	_, err := s.gateway.Gates().Decide(t.Context(), g.ID, run.Verdict{Approve: true, By: "bob"})
	require.NoError(t, err)
	do(t, browser, waitText("#decision", "Approved by bob"))
	assert.True(t, value[bool](t, browser, inView+`("#decision")`))
}

// Who signs in where the browser keeps no cookie is told what to do.
func TestPlainHTTP(t *testing.T) {
	s := newSite(t)
	browser := newBrowser(t)
	do(t, browser, chromedp.Navigate(strings.Replace(s.url, "127.0.0.1", otherHost, 1)),
		chromedp.SendKeys("#token", s.tokens["alice"]+"\r"),
		waitText(".login [role=alert]", "Your browser did not keep the sign-in cookie"))
}
