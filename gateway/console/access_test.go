package console_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/console"
	"github.com/rungate/rungate/run"
)

func TestNewRefuses(t *testing.T) {
	gw := newGateway(t)
	anybody := func(*http.Request) (string, error) { return "anybody", nil }
	for name, c := range map[string]struct {
		gateway *gateway.Gateway
		cfg     console.Config
		says    []string
	}{
		"no gateway":               {nil, console.Config{Authenticate: anybody}, []string{"gateway"}},
		"no authentication":        {gw, console.Config{}, []string{"Config.Authenticate"}},
		"a login alone, and no gw": {nil, console.Config{Login: http.NotFoundHandler()}, []string{"gateway", "Config.Authenticate"}},
	} {
		t.Run(name, func(t *testing.T) {
			pages, err := console.New(c.gateway, c.cfg)
			assert.Nil(t, pages)
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
		})
	}
	_, err := console.NewTokenLogin(nil)
	assert.Error(t, err)
}

// requests are one for each thing that the console does.
func requests(gate string) []string {
	return []string{"GET /", "GET /decided", "GET /targets", "GET /gates/" + gate, "GET /gates/" + gate + "?live=x", "POST /gates/" + gate,
		"GET /gates/" + gate + "/arguments/1", "GET /run?team=team:ops&id=nightly", "GET /nowhere", "PUT /gates/" + gate}
}

// Who is nobody sees nothing, and decides nothing.
func TestSignedOut(t *testing.T) {
	for name, c := range map[string]struct {
		authenticate func(*http.Request) (string, error)
		status       int
		says         string
	}{
		"signed out":          {func(*http.Request) (string, error) { return "", console.ErrSignedOut }, 401, "You are not signed in."},
		"a name all the same": {func(*http.Request) (string, error) { return "eve", console.ErrSignedOut }, 401, "You are not signed in."},
		"no name":             {func(*http.Request) (string, error) { return "", nil }, 503, "cannot be found out"},
		"it is not known":     {func(*http.Request) (string, error) { return "eve", errors.New("the directory is away") }, 503, "cannot be found out"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			g := s.Open(s.Run("nightly"), `{"order":"ord_2H4p"}`)
			pages, err := console.New(s.Gateway, console.Config{Authenticate: c.authenticate})
			require.NoError(t, err)
			s.Pages = pages
			for _, request := range requests(g.ID) {
				method, path, _ := strings.Cut(request, " ")
				w := s.Ask(method, path, "verdict=approve")
				assert.Equal(t, c.status, w.Code, request)
				assert.Contains(t, w.Body.String(), c.says)
				for _, secret := range []string{"ord_2H4p", "refund-bot", "eve", "away", "Sign out"} {
					assert.NotContains(t, w.Body.String(), secret, request)
				}
			}
			assert.Equal(t, run.GatePending, s.Gate(g.ID).Status)
		})
	}
}

// A decision is recorded by the name that Authenticate returns, whatever the form
// says.
func TestNameOfHost(t *testing.T) {
	s := newSite(t, "")
	g := s.Open(s.Run("nightly"), `{}`)
	pages, err := console.New(s.Gateway, console.Config{Authenticate: func(r *http.Request) (string, error) { return r.Header.Get("X-User"), nil }})
	require.NoError(t, err)
	s.Pages = pages
	w := s.Ask("POST", "/gates/"+g.ID, "verdict=approve&by=eve", "X-User: Jane Doe <jane@example.com>")
	require.Equal(t, http.StatusSeeOther, w.Code)
	assert.Equal(t, "Jane Doe <jane@example.com>", s.Gate(g.ID).By)
	w = s.Ask("GET", "/", "", "X-User: Jane Doe <jane@example.com>")
	assert.Contains(t, w.Body.String(), "Jane Doe &lt;jane@example.com&gt;")
	assert.NotContains(t, w.Body.String(), "Sign out", "that is the host's")
	assert.Empty(t, s.Ask("POST", "/logout", "", "X-User: jane").Result().Cookies())
}

// Another site cannot have a decision made by the browser of who is signed in.
func TestCrossOrigin(t *testing.T) {
	s := newSite(t, "/console")
	cookie := s.SignIn("alice")
	for name, c := range map[string]struct {
		headers []string
		passes  bool
	}{
		"the same origin":             {[]string{"Sec-Fetch-Site: same-origin"}, true},
		"by hand":                     {[]string{"Sec-Fetch-Site: none"}, true},
		"an old browser, same origin": {[]string{"Origin: http://localhost"}, true},
		"no browser":                  {nil, true},
		"another site":                {[]string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false},
		"another host of the site":    {[]string{"Sec-Fetch-Site: same-site", "Origin: http://api.localhost"}, false},
		"an old browser, other site":  {[]string{"Origin: https://evil.example"}, false},
		"an old browser, other port":  {[]string{"Origin: http://localhost:8080"}, false},
		"a sandboxed frame":           {[]string{"Origin: null"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := s.Open(s.Run("nightly"), `{"of":"`+name+`"}`)
			decided := s.Ask("POST", "/gates/"+g.ID, "verdict=approve", append(c.headers, cookie)...)
			login := s.Ask("POST", "/", "token="+s.Tokens["bob"].Reveal(), c.headers...)
			logout := s.Ask("POST", "/logout", "", append(c.headers, s.SignIn("bob"))...)
			if c.passes {
				assert.Equal(t, http.StatusSeeOther, decided.Code)
				assert.Equal(t, http.StatusSeeOther, login.Code)
				assert.Equal(t, http.StatusSeeOther, logout.Code)
				assert.Equal(t, run.GateApproved, s.Gate(g.ID).Status)
				return
			}
			for _, w := range []*httptest.ResponseRecorder{decided, login, logout} {
				assert.Equal(t, http.StatusForbidden, w.Code)
				assert.Empty(t, w.Result().Cookies())
			}
			assert.Equal(t, run.GatePending, s.Gate(g.ID).Status)
		})
	}
}

// Reading never decides.
func TestGetDoesNotDecide(t *testing.T) {
	s := newSite(t, "")
	g := s.Open(s.Run("nightly"), `{}`)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		s.Ask(method, "/gates/"+g.ID+"?verdict=approve", "verdict=approve", s.SignIn("alice"))
		assert.Equal(t, run.GatePending, s.Gate(g.ID).Status, method)
	}
	s.Ask("POST", "/gates/"+g.ID+"?verdict=approve", "", s.SignIn("alice"))
	assert.Equal(t, run.GatePending, s.Gate(g.ID).Status, "a form, not a link")
}

func TestSecurityHeaders(t *testing.T) {
	s := newSite(t, "/console")
	g := s.Open(s.Run("nightly"), `{"order":"<b>"}`)
	cookie := s.SignIn("alice")
	for _, request := range append(requests(g.ID), "GET /static/style.css", "GET /static/none", "POST /logout") {
		for _, headers := range [][]string{nil, {cookie}, {"Sec-Fetch-Site: cross-site"}} {
			method, path, _ := strings.Cut(request, " ")
			h := s.Ask(method, path, "verdict=approve", headers...).Result().Header
			csp := h.Get("Content-Security-Policy")
			assert.Contains(t, csp, "default-src 'none'; script-src 'self'; style-src 'self'", request)
			for _, part := range []string{"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
				assert.Contains(t, csp, part)
			}
			assert.NotContains(t, csp, "unsafe")
			assert.Equal(t, "DENY", h.Get("X-Frame-Options"))
			assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
			assert.Equal(t, "same-origin", h.Get("Referrer-Policy"))
			assert.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
			if !strings.Contains(request, "static/style") {
				assert.Equal(t, "no-store", h.Get("Cache-Control"), request)
			}
		}
	}
	page := s.Ask("GET", "/gates/"+g.ID, "", cookie).Body.String()
	for _, inline := range []string{"<style", "style=", "onclick", "<script>", "javascript:"} {
		assert.NotContains(t, page, inline, "the policy would stop it")
	}
}

func TestStatic(t *testing.T) {
	s := newSite(t, "")
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		w := s.Ask("GET", "/static/"+name, "")
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Equal(t, kind, w.Header().Get("Content-Type"))
		again := s.Ask("GET", "/static/"+name, "", "If-None-Match: "+w.Header().Get("ETag"))
		assert.Equal(t, http.StatusNotModified, again.Code)
	}
	for _, path := range []string{"/static/none.css", "/static/", "/static/..%2fconsole.go"} {
		assert.NotEqual(t, http.StatusOK, s.Ask("GET", path, "", s.SignIn("alice")).Code, path)
	}
}
