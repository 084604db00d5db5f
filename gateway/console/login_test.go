package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/gateway/console"
	"github.com/rungate/rungate/run"
)

// Whatever page somebody wants, they get it after they have signed in there.
func TestLoginLeadsBack(t *testing.T) {
	s := serve(t, "/console")
	g := s.Open(s.Run("nightly"), `{}`)
	for path, says := range map[string]string{
		"": "Waiting for your decision", "decided": "Decided gates", "gates/" + g.ID: "issue_refund", "run?team=team:ops&id=nightly": "nightly",
	} {
		p := s.Stranger()
		p.Go(s.URL + path)
		assert.Equal(t, http.StatusUnauthorized, p.Code)
		p.Sees("Sign in")
		p.Submit("", "token", " "+s.Tokens["alice"].Reveal()+"\n")
		assert.Equal(t, s.URL+path, p.at.String())
		p.Sees(says)
	}
}

// Who was signed out in the meantime is told that nothing was decided.
func TestDecisionOfSignedOut(t *testing.T) {
	s := serve(t, "")
	g := s.Open(s.Run("nightly"), `{}`)
	p := s.Person("alice")
	p.Go("gates/" + g.ID)
	page := p.Page
	p.Submit("logout")
	p.Page = page
	p.Submit("gates/"+g.ID, "verdict", "approve")
	assert.Equal(t, http.StatusUnauthorized, p.Code)
	p.Sees("What you have just sent has had no effect.")
	assert.Equal(t, run.GatePending, s.Gate(g.ID).Status)
	p.Submit("", "token", s.Tokens["alice"].Reveal())
	p.Sees("issue_refund", "Your decision")
}

// Two windows can show the form at once.
func TestSignInTwice(t *testing.T) {
	s := serve(t, "/console")
	s.Run("nightly")
	for _, path := range []string{"", "decided", "run?team=team:ops&id=nightly"} {
		p := s.Stranger()
		p.Go(s.URL + path)
		form := p.Page
		p.Submit("", "token", s.Tokens["alice"].Reveal())
		p.Page = form
		p.Submit("", "token", s.Tokens["bob"].Reveal())
		assert.Equal(t, s.URL+path, p.at.String())
		assert.Equal(t, http.StatusOK, p.Code)
		p.Sees("alice")
	}
}

func TestTokenRefused(t *testing.T) {
	s := newSite(t, "")
	agent, expired := run.NewToken(), admin.NewToken()
	alice := s.Tokens["alice"]
	require.NoError(t, s.Operators.Replace(
		admin.Enrolment{Operator: admin.Operator{Name: "alice"}, Tokens: []run.Digest{run.DigestOf(alice)}},
		admin.Enrolment{Operator: admin.Operator{Name: "gone", Expires: time.Now()}, Tokens: []run.Digest{run.DigestOf(expired)}},
		admin.Enrolment{Operator: admin.Operator{Name: "mistaken"}, Tokens: []run.Digest{run.DigestOf(agent)}},
	))
	first := ""
	for name, token := range map[string]string{
		"unknown": admin.NewToken().Reveal(), "expired": expired.Reveal(), "revoked": s.Tokens["bob"].Reveal(), "of an agent": agent.Reveal(),
		"a letter short": alice.Reveal()[:len(alice.Reveal())-1], "a name": "alice", "markup": "<b>rg_adm_</b>",
	} {
		w := s.Ask("POST", "/", "token="+token)
		assert.Equal(t, http.StatusUnauthorized, w.Code, name)
		assert.Empty(t, w.Result().Cookies(), name)
		if first == "" {
			first = w.Body.String()
		}
		assert.True(t, first == w.Body.String(), "%s: it is not told why", name)
	}
	assert.Contains(t, first, "That token is not valid.")
	assert.Equal(t, http.StatusUnauthorized, s.Ask("POST", "/", "token="+strings.Repeat("x", 1<<20)).Code)
	assert.Equal(t, http.StatusUnauthorized, s.Ask("POST", "/?token="+alice.Reveal(), "other=x").Code, "a form, not a link")
}

func TestSessionEnds(t *testing.T) {
	for name, end := range map[string]func(s *site, cookie string){
		"after a while": func(*site, string) { time.Sleep(console.SessionTime) },
		"with sign out": func(s *site, cookie string) {
			assert.Equal(t, -1, s.Ask("POST", "/logout", "", cookie).Result().Cookies()[0].MaxAge)
		},
		"as the token is revoked": func(s *site, _ string) { require.NoError(t, s.Operators.Replace()) },
		"as the token expires": func(s *site, _ string) {
			require.NoError(t, s.Operators.Replace(admin.Enrolment{
				Operator: admin.Operator{Name: "alice", Expires: time.Now().Add(time.Hour)}, Tokens: []run.Digest{run.DigestOf(s.Tokens["alice"])}}))
			time.Sleep(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, "")
				cookie, other := s.SignIn("alice"), s.SignIn("alice")
				require.NotEqual(t, cookie, other)
				time.Sleep(console.SessionTime - time.Second - time.Hour)
				require.Equal(t, http.StatusOK, s.Ask("GET", "/", "", cookie).Code)
				end(s, cookie)
				assert.Equal(t, http.StatusUnauthorized, s.Ask("GET", "/", "", cookie).Code)
				if name == "with sign out" {
					assert.Equal(t, http.StatusOK, s.Ask("GET", "/", "", other).Code, "another session goes on")
				}
			})
		})
	}
}

// Wrong tokens are answered ten times at once, and then every ten seconds, for each
// address by itself. Others at that address, who may all come through one proxy, get
// in all the same.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "")
		from := func(address, token string) int {
			r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader("token="+token))
			r.RemoteAddr = address
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			s.Pages.ServeHTTP(w, r)
			if w.Code == http.StatusTooManyRequests {
				assert.Equal(t, "10", w.Header().Get("Retry-After"))
			}
			return w.Code
		}
		for i := range 10 {
			require.Equal(t, http.StatusUnauthorized, from(fmt.Sprintf("192.0.2.1:%d", 1000+i), "rg_adm_guessed"))
		}
		assert.Equal(t, http.StatusTooManyRequests, from("192.0.2.1:2000", "rg_adm_guessed"))
		assert.Equal(t, http.StatusSeeOther, from("192.0.2.1:2000", s.Tokens["alice"].Reveal()))
		assert.Equal(t, http.StatusUnauthorized, from("192.0.2.2:2000", "rg_adm_guessed"))
		time.Sleep(10 * time.Second)
		assert.Equal(t, http.StatusSeeOther, from("192.0.2.1:2000", s.Tokens["alice"].Reveal()))
		assert.Equal(t, http.StatusUnauthorized, from("192.0.2.1:2000", "rg_adm_guessed"), "right ones are not counted")
		assert.Equal(t, http.StatusTooManyRequests, from("192.0.2.1:2000", "rg_adm_guessed"))
		for i := range 3000 {
			from(fmt.Sprintf("[2001:db8::%x]:1", i), "rg_adm_guessed")
		}
		assert.Equal(t, http.StatusSeeOther, from("192.0.2.3:2000", s.Tokens["alice"].Reveal()), "many addresses lock nobody out")
	})
}

// However often somebody signs in, their newest sessions go on, and all of others.
func TestManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, "")
		bob, first := s.SignIn("bob"), s.SignIn("alice")
		time.Sleep(time.Second)
		second := s.SignIn("alice")
		for range 99 {
			time.Sleep(time.Second)
			s.SignIn("alice")
		}
		assert.Equal(t, http.StatusUnauthorized, s.Ask("GET", "/", "", first).Code)
		assert.Equal(t, http.StatusOK, s.Ask("GET", "/", "", second).Code)
		assert.Equal(t, http.StatusOK, s.Ask("GET", "/", "", bob).Code)
	})
}

// A link in a chat leads those who are signed in to its page.
func TestLinkFromElsewhere(t *testing.T) {
	s := newSite(t, "/console")
	g := s.Open(s.Run("nightly"), `{}`)
	login := s.Ask("POST", "/", "token="+s.Tokens["alice"].Reveal()).Result().Cookies()[0]
	require.Equal(t, http.SameSiteLaxMode, login.SameSite, "browsers send it with links from other sites, and not with forms")
	for _, path := range []string{"/", "/gates/" + g.ID, "/run?team=team:ops&id=nightly"} {
		w := s.Ask("GET", path, "", "Cookie: "+login.Name+"="+login.Value, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate")
		assert.Equal(t, http.StatusOK, w.Code, path)
	}
}

// Operators that cannot be asked are no reason to tell one that a token is not
// valid, or to sign them out.
func TestOperatorsUnavailable(t *testing.T) {
	s := newSite(t, "")
	away := &fickleOperators{Operators: s.Operators}
	login, err := console.NewTokenLogin(away)
	require.NoError(t, err)
	s.Pages, err = console.New(s.Gateway, console.Config{Authenticate: login.Authenticate, Login: login})
	require.NoError(t, err)
	cookie := s.SignIn("alice")
	away.err = errors.New("the directory is away")
	w := s.Ask("POST", "/", "token="+s.Tokens["alice"].Reveal())
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotContains(t, w.Body.String(), "directory")
	assert.Equal(t, http.StatusServiceUnavailable, s.Ask("GET", "/", "", cookie).Code)
	away.err = nil
	assert.Equal(t, http.StatusOK, s.Ask("GET", "/", "", cookie).Code)
}

type fickleOperators struct {
	admin.Operators
	err error
}

func (f *fickleOperators) ByToken(ctx context.Context, d run.Digest) (*admin.Operator, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Operators.ByToken(ctx, d)
}
