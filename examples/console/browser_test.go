//go:build clients

package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what a page should come to show.
const patience = 15 * time.Second

// otherHost is a host that is not the browser's own, though all are on this one.
const otherHost = "gate.example"

// newBrowser starts a browser that knows nothing yet.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		program, err = exec.LookPath("google-chrome")
	}
	require.NoError(t, err, "install chromium, such as Debian's package of that name")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("host-resolver-rules", "MAP "+otherHost+" 127.0.0.1"))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	do(t, ctx)
	return ctx
}

// do does some things in a browser, one after the other.
func do(t *testing.T, browser context.Context, actions ...action) {
	t.Helper()
	require.NoError(t, chromedp.Do(browser, actions...))
}

// An action is something that is done in a browser.
type action = chromedp.Action[chromedp.Void]

// look is how a person sees a page.
type look struct {
	name          string
	width, height int64
	scheme        string
}

var looks = []look{
	{"wide-light", 1280, 900, "light"},
	{"wide-dark", 1280, 900, "dark"},
	{"narrow-light", 390, 844, "light"},
	{"narrow-dark", 390, 844, "dark"},
}

// set makes a browser show pages in that way.
func (l look) set() action {
	return chromedp.Steps(chromedp.EmulateViewport(l.width, l.height), func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}}
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, scheme)
		return chromedp.Void{}, err
	})
}

// signIn signs an operator in, as people do.
func (s *site) signIn(t *testing.T, browser context.Context, name string) {
	t.Helper()
	do(t, browser,
		chromedp.Navigate(s.url),
		chromedp.SendKeys("#token", s.tokens[name]+"\r"),
		chromedp.WaitVisible(`nav[aria-label="Console"]`),
	)
}

// waitText waits until the text that is to be seen in an element contains text,
// on whatever page the browser is by then.
func waitText(selector, text string) action {
	seen := chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector))
	return func(ctx context.Context, tab *chromedp.Target) (done chromedp.Void, err error) {
		var last string
		for began := time.Now(); time.Since(began) < patience; time.Sleep(20 * time.Millisecond) {
			if last, err = seen(ctx, tab); err == nil && strings.Contains(last, text) {
				return done, nil
			}
		}
		return done, errors.Join(err, fmt.Errorf("%s does not show %q, but %q", selector, text, last))
	}
}

// lookTwice waits until the page has asked for news twice more.
func lookTwice() action {
	const asked = `performance.getEntriesByType("resource").filter(e => e.name.includes("live=")).length`
	return chromedp.Steps(
		chromedp.Evaluate[chromedp.Void](`window.askedBefore = `+asked),
		chromedp.Poll[chromedp.Void](asked+` >= window.askedBefore + 2`, chromedp.WithPollingTimeout(patience)))
}

// value returns the value of a JavaScript expression.
func value[T any](t *testing.T, browser context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(browser, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return v
}

// axe returns the source of axe-core, which setup.sh of the integrations installs.
func axe(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("RUNGATE_CLIENTS_CACHE")
	if cache == "" {
		cache = filepath.Join("..", "integrations", ".cache")
	}
	source, err := os.ReadFile(filepath.Join(cache, "node", "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err, "run integrations/setup.sh")
	return string(source)
}

// violation is what axe-core finds fault with.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// violations are all that axe-core finds on the page that a browser shows.
func violations(t *testing.T, browser context.Context, source string) []violation {
	t.Helper()
	do(t, browser, chromedp.Evaluate[chromedp.Void](source))
	return value[[]violation](t, browser, `axe.run().then(r => r.violations)`)
}

// screenshot writes a picture of the whole page to a file.
func screenshot(t *testing.T, browser context.Context, file string) {
	t.Helper()
	png, err := chromedp.Run(browser, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, png, 0o600))
}
