//go:build clients

package console

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A person finds a gate that opens while they look, reads it and decides it, by
// mouse.
func TestByMouse(t *testing.T) {
	for verdict, want := range map[string]run.GateStatus{"approve": run.GateApproved, "reject": run.GateRejected} {
		t.Run(verdict, func(t *testing.T) {
			s := newSite(t)
			browser := newBrowser(t)
			s.signIn(t, browser, "alice")
			do(t, browser, waitText("main", "Nothing waits for a decision."))
			g := s.refund()
			do(t, browser, waitText("#live", "One gate waits"), waitText("#live", "issue_refund"))
			title, err := chromedp.Run(browser, chromedp.Title())
			require.NoError(t, err)
			assert.Equal(t, "(1) Waiting for your decision · Rungate", title)
			do(t, browser,
				chromedp.Click("#"+g.ID),
				waitText("h1", "issue_refund"), waitText(".args", "1240.00"),
				chromedp.SendKeys("#reason", "Seen the order.\nAsked the customer."),
				chromedp.Click("button."+verdict),
				waitText("#decision", "by you"), waitText("#live", "Back to pending"),
			)
			now := s.gate(g)
			assert.Equal(t, want, now.Status)
			assert.Equal(t, "alice", now.By)
			assert.Equal(t, "Seen the order.\nAsked the customer.", now.Comment)
			do(t, browser, chromedp.Click(".decision .button"), waitText("main", "Nothing waits for a decision."))
			do(t, browser, chromedp.Click(`nav a[href$="decided"]`), waitText("main", "Asked the customer."))
		})
	}
}

// An agent that waits gets its answer as soon as a person has approved it, and not
// before; or learns who has said no, and why.
func TestAgentWaits(t *testing.T) {
	for verdict, want := range map[string]struct {
		status int
		has    string
	}{
		"approve": {200, `"name":"issue_refund"`},
		"reject":  {403, `"decided_by":"alice","reason":"Too much."`},
	} {
		t.Run(verdict, func(t *testing.T) {
			s := newSite(t)
			browser := newBrowser(t)
			s.signIn(t, browser, "alice")
			answer := make(chan *httptest.ResponseRecorder, 1)
			go func() { answer <- s.askForRefund("nightly", "wait") }()
			do(t, browser, waitText("#live", "issue_refund"), chromedp.Click(".gate"), waitText(".args", "1240.00"),
				chromedp.SendKeys("#reason", "Too much."))
			assert.Empty(t, answer, "nobody has decided")
			do(t, browser, chromedp.Click("button."+verdict), waitText("#decision", "by you"))
			select {
			case w := <-answer:
				assert.Equal(t, want.status, w.Code)
				assert.Contains(t, w.Body.String(), want.has)
			case <-time.After(patience):
				t.Fatal("the agent still waits")
			}
			if verdict == "approve" {
				do(t, browser, waitText("#live", "The answer was sent to the agent"))
			}
		})
	}
}

// tabTo presses the tabulator until what has the focus matches a selector, as a
// person does who cannot see where it is otherwise.
func tabTo(t *testing.T, browser context.Context, selector string) {
	t.Helper()
	do(t, browser, chromedp.Poll[chromedp.Void](`document.readyState === "complete"`))
	for range 40 {
		do(t, browser, chromedp.KeyEvent(kb.Tab))
		if !value[bool](t, browser, `document.activeElement.matches(":focus-visible")`) {
			continue
		}
		outline := value[string](t, browser, `getComputedStyle(document.activeElement).outlineStyle`)
		require.Equal(t, "solid", outline, "the focus is visible")
		if value[bool](t, browser, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			return
		}
	}
	require.Fail(t, "the keyboard does not get there", selector)
}

// All of it works by keyboard alone.
func TestByKeyboard(t *testing.T) {
	for verdict, want := range map[string]run.GateStatus{"approve": run.GateApproved, "reject": run.GateRejected} {
		t.Run(verdict, func(t *testing.T) {
			s := newSite(t)
			g := s.refund()
			browser := newBrowser(t)
			do(t, browser, chromedp.Navigate(s.url), chromedp.WaitVisible("#token"))
			tabTo(t, browser, ".skip")
			tabTo(t, browser, "#token")
			do(t, browser, chromedp.KeyEvent(s.tokens["bob"]+kb.Enter), waitText("#live", "issue_refund"))
			tabTo(t, browser, ".skip")
			do(t, browser, chromedp.KeyEvent(kb.Enter))
			tabTo(t, browser, "#"+g.ID)
			do(t, browser, chromedp.KeyEvent(kb.Enter), waitText("h1", "issue_refund"))
			tabTo(t, browser, "#reason")
			do(t, browser, chromedp.KeyEvent("By keyboard"))
			tabTo(t, browser, "button."+verdict)
			do(t, browser, chromedp.KeyEvent(kb.Enter), waitText("#decision", "by you"))
			now := s.gate(g)
			assert.Equal(t, want, now.Status)
			assert.Equal(t, "bob", now.By)
			assert.Equal(t, "By keyboard", now.Comment)
			tabTo(t, browser, `form[action$="logout"] button`)
			do(t, browser, chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#token"))
		})
	}
}

// A browser that runs no scripts does as well.
func TestWithoutScripts(t *testing.T) {
	s := newSite(t)
	g := s.refund()
	browser := newBrowser(t)
	do(t, browser, func(ctx context.Context, tab *chromedp.Target) (done chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return done, err
	})
	s.signIn(t, browser, "alice")
	do(t, browser, waitText("noscript", "Without JavaScript this page does not update by itself."),
		chromedp.Click("#"+g.ID), waitText("h1", "issue_refund"),
		chromedp.Click("button.approve"), waitText("#decision", "Approved by you"))
	assert.Equal(t, run.GateApproved, s.gate(g).Status)
}

// Two look at the same gate. What one decides the other is shown, without having
// to ask, and without what they were writing being taken from them.
func TestTwoPeople(t *testing.T) {
	s := newSite(t)
	g := s.refund()
	alice, bob := newBrowser(t), newBrowser(t)
	for name, browser := range map[string]context.Context{"alice": alice, "bob": bob} {
		s.signIn(t, browser, name)
		do(t, browser, chromedp.Click("#"+g.ID), chromedp.SendKeys("#reason", "This is what "+name+" thinks"))
	}
	do(t, bob, lookTwice())
	assert.Equal(t, "This is what bob thinks", value[string](t, bob, `document.getElementById("reason").value`))
	do(t, alice, chromedp.Click("button.approve"), waitText("#decision", "Approved by you"))
	do(t, bob, waitText("#decision", "Approved by alice"), waitText("#live", "This is what alice thinks"),
		waitText("#unsent", "alice has decided while you were writing."), waitText("#unsent blockquote", "This is what bob thinks"))
	assert.Zero(t, value[int](t, bob, `document.querySelectorAll("#live form").length`))
	assert.Equal(t, "decision", value[string](t, bob, `document.activeElement.id`), "the focus is not lost")
	assert.Equal(t, "The gate is approved by alice", value[string](t, bob, `document.getElementById("news").textContent`))
}

// Who comes second is told so, and by whom it was decided.
func TestSecondOfTwo(t *testing.T) {
	s := newSite(t)
	g := s.refund()
	browser := newBrowser(t)
	s.signIn(t, browser, "bob")
	do(t, browser, chromedp.Click("#"+g.ID), chromedp.WaitVisible("button.reject"))
	// The page waits for news that do not come, as where the gateway is slow.
	do(t, browser,
		chromedp.Evaluate[chromedp.Void](`window.fetch = () => { document.body.dataset.waits = ""; return new Promise(() => {}) }`),
		chromedp.WaitVisible("body[data-waits]"))
	_, err := s.gateway.Gates().Decide(t.Context(), g.ID, run.Verdict{Approve: true, By: "alice"})
	require.NoError(t, err)
	do(t, browser, chromedp.Click("button.reject"),
		waitText("#live [role=alert]", "Your rejection was not recorded"), waitText("#decision", "Approved by alice"),
		lookTwice())
	assert.Contains(t, value[string](t, browser, `document.getElementById("live").innerText`), "Your rejection was not recorded")
	assert.Equal(t, "alice", s.gate(g).By)
}

// A page says so when it does not know what is going on, and goes on when it does.
func TestUnreachable(t *testing.T) {
	s := newSite(t)
	browser := newBrowser(t)
	s.signIn(t, browser, "alice")
	do(t, browser, waitText("main", "Nothing waits"),
		chromedp.Evaluate[chromedp.Void](`window.kept = window.fetch; window.fetch = () => Promise.reject(new Error("down"))`),
		waitText("#stale", "not up to date"),
		chromedp.Evaluate[chromedp.Void](`window.fetch = window.kept`),
		chromedp.WaitNotVisible("#stale"))
	s.refund()
	do(t, browser, waitText("#live", "issue_refund"))
}

// A link in a chat leads to its page those who are signed in. A form there decides
// nothing.
func TestFromElsewhere(t *testing.T) {
	s := newSite(t)
	g := s.refund()
	page := s.url + "gates/" + g.ID
	chat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<a href=%q>Open in the console</a><form method="post" action=%[1]q><button name="verdict" value="approve">Win</button></form>`, page)
	}))
	t.Cleanup(chat.Close)
	elsewhere := strings.Replace(chat.URL, "127.0.0.1", "localhost", 1) // another site than the console's
	browser := newBrowser(t)
	s.signIn(t, browser, "alice")
	do(t, browser, chromedp.Navigate(elsewhere),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("a").click()`), waitText("h1", "issue_refund"), waitText("#decision", "Your decision"))
	do(t, browser, chromedp.Navigate(elsewhere),
		chromedp.Evaluate[chromedp.Void](`document.querySelector("button").click()`), waitText("body", "cross-origin request detected"))
	assert.Equal(t, run.GatePending, s.gate(g).Status)
}

// What is not on the page is to be had as text, which the browser shows nowhere.
func TestLongArguments(t *testing.T) {
	s := newSite(t)
	g := s.open(s.call("nightly", "gpt-4.1"), "send_mail", `{"text":"`+strings.Repeat("<script>alert(1)</script>", 20_000)+`","to":"mallory"}`)
	browser := newBrowser(t)
	s.signIn(t, browser, "alice")
	do(t, browser, chromedp.Click("#"+g.ID), waitText("h1", "send_mail"),
		waitText(".call .warning", "Only the first 262144 of 500026 bytes are shown here."),
		waitText(".decision .warning", "237882 bytes of arguments are not shown on this page."))
	got := value[string](t, browser, `fetch(document.querySelector(".call .warning a").href).then(r => r.text())`)
	assert.True(t, string(g.Proposed[0].Args) == got)
}

// Nothing that an agent wrote is run, or breaks the page, and nothing is refused
// by the page's own policy.
func TestDecoys(t *testing.T) {
	s := newSite(t)
	g := s.open(s.call("nightly", "gpt-4.1"), `<img src=x onerror="document.title='taken'">`, decoys)
	browser := newBrowser(t)
	s.signIn(t, browser, "alice")
	messages := make(chan chromedp.ConsoleMessage, 100)
	ctx, stop := context.WithCancel(browser)
	go func() {
		for m, err := range chromedp.Console(ctx) {
			if err != nil {
				return
			}
			messages <- m
		}
	}()
	do(t, browser, chromedp.Click("#"+g.ID), waitText("h1", "<img src=x"),
		waitText(".args", "<script>alert(1)</script><img src=x onerror=alert(2)>"), lookTwice())
	stop()
	assert.Empty(t, messages)
	assert.Zero(t, value[int](t, browser, `document.querySelectorAll("main img, main script").length`))
	text := value[string](t, browser, `document.querySelector(".args").innerText`)
	for _, part := range []string{"bob@example.comU+202Emoc.elpmaxe@evil", "zeroU+200Bwidth", `"rm -rf /"`, "more than once"} {
		assert.Contains(t, text, part)
	}
}
