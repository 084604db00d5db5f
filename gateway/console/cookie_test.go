package console_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/console"
)

func TestCookie(t *testing.T) {
	for name, c := range map[string]struct {
		url, cookie string
		secure      bool
	}{
		"over TLS":                    {"https://gate.example/", "__Host-rungate-console", true},
		"behind something with TLS":   {"http://gate.example/", "__Host-rungate-console", true},
		"localhost":                   {"http://localhost:8081/", "rungate-console", false},
		"a loopback address":          {"http://127.0.0.1:8081/", "rungate-console", false},
		"a loopback address of v6":    {"http://[::1]:8081/", "rungate-console", false},
		"localhost over TLS":          {"https://localhost/", "__Host-rungate-console", true},
		"a name that begins like one": {"http://localhost.evil.example/", "__Host-rungate-console", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			r := httptest.NewRequest("POST", c.url, strings.NewReader("token="+s.Tokens["alice"].Reveal()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.Pages.ServeHTTP(w, r)
			require.Len(t, w.Result().Cookies(), map[bool]int{true: 2, false: 1}[c.secure])
			got := w.Result().Cookies()[0]
			assert.Equal(t, c.cookie, got.Name)
			assert.Equal(t, c.secure, got.Secure)
			assert.True(t, got.HttpOnly)
			assert.Equal(t, http.SameSiteLaxMode, got.SameSite)
			assert.Equal(t, "/", got.Path)
			assert.Equal(t, int(console.SessionTime.Seconds()), got.MaxAge)
			assert.Regexp(t, `^[A-Z2-7]{26}$`, got.Value, "random, and nothing else")
			assert.NotContains(t, w.Body.String()+fmt.Sprint(w.Header()), s.Tokens["alice"].Reveal())
		})
	}
}

// A browser that has not kept the cookie, which takes HTTPS, shows the form again.
// There it says why.
func TestCookieNotKept(t *testing.T) {
	const why = "Your browser did not keep the sign-in cookie: open this page by HTTPS or as localhost."
	s := newSite(t, "")
	ask := func(method, path, form string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://gate.example"+path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.Pages.ServeHTTP(w, r)
		return w
	}
	signedIn := ask("POST", "/", "token="+s.Tokens["alice"].Reveal())
	require.Equal(t, http.StatusSeeOther, signedIn.Code)
	session, marker := signedIn.Result().Cookies()[0], signedIn.Result().Cookies()[1]
	assert.False(t, marker.Secure, "a browser keeps it anyway")
	assert.Equal(t, "1", marker.Value, "it tells nothing")
	assert.Equal(t, 60, marker.MaxAge)

	w := ask("GET", "/", "", marker)
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Contains(t, w.Body.String(), why)
	for name, w := range map[string]*httptest.ResponseRecorder{
		"at first":            ask("GET", "/", ""),
		"later":               ask("GET", "/", "", session, marker),
		"of a session's end":  ask("GET", "/", "", &http.Cookie{Name: session.Name, Value: "ended"}, marker),
		"after a wrong token": ask("POST", "/", "token=x", marker),
	} {
		assert.NotContains(t, w.Body.String(), why, name)
	}
	for _, c := range ask("POST", "/logout", "", session, marker).Result().Cookies() {
		assert.Equal(t, -1, c.MaxAge, c.Name)
	}
}

func TestCookieThatIsNone(t *testing.T) {
	s := newSite(t, "")
	cookie := s.SignIn("alice")
	for name, c := range map[string]string{
		"none":           "Cookie: ",
		"empty":          "Cookie: rungate-console=",
		"a letter less":  cookie[:len(cookie)-1],
		"in lower case":  "Cookie: " + strings.ToLower(cookie[len("Cookie: "):]),
		"of other name":  strings.Replace(cookie, "rungate-console", "__Host-rungate-console", 1),
		"the token":      "Cookie: rungate-console=" + s.Tokens["alice"].Reveal(),
		"as a bearer":    "Authorization: Bearer " + s.Tokens["alice"].Reveal(),
		"a long one":     "Cookie: rungate-console=" + strings.Repeat("A", 8000),
		"of another one": "Cookie: rungate-console=ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	} {
		assert.Equal(t, http.StatusUnauthorized, s.Ask("GET", "/", "", c).Code, name)
	}
	assert.Equal(t, http.StatusOK, s.Ask("GET", "/", "", cookie).Code)
}
