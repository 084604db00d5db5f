package console

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/provider"
)

// SessionTime is how long an operator stays signed in.
const SessionTime = 12 * time.Hour

// maxLoginBytes bounds the form with a token.
const maxLoginBytes = 4 << 10

// A TokenLogin signs operators in by their tokens. Its Authenticate and itself are
// for a [Config]. Who has signed in has a cookie of random bits, which only this
// site is sent, and no script can read. It is good for SessionTime, as long as the
// token is, and in this process. Over a network it takes HTTPS: browsers keep the
// cookie without it only for a host that is their own, such as localhost.
type TokenLogin struct {
	operators admin.Operators
	sessions  sessions
	guesses   guesses
}

// NewTokenLogin returns a login for those operators, which have to be given.
func NewTokenLogin(operators admin.Operators) (*TokenLogin, error) {
	if operators == nil {
		return nil, errors.New("console: a login needs operators")
	}
	return &TokenLogin{operators: operators}, nil
}

// Authenticate returns the name of the operator who has signed in. The error is
// ErrSignedOut where nobody has, or the token is not valid any more.
func (l *TokenLogin) Authenticate(r *http.Request) (operator string, err error) {
	d, ok := l.sessions.token(sessionOf(r), time.Now())
	if !ok {
		return "", ErrSignedOut
	}
	o, err := l.operators.ByToken(r.Context(), d)
	switch {
	case errors.Is(err, admin.ErrUnknownOperator):
		return "", ErrSignedOut
	case err != nil:
		return "", err
	case !o.Valid(time.Now()):
		return "", ErrSignedOut
	}
	return o.Name, nil
}

// loginBody is what the login form shows.
type loginBody struct {
	Problem string
}

// ServeHTTP shows the form at whatever path, takes a token from it, and leads back
// there. At /logout it ends the session.
func (l *TokenLogin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		problem := ""
		if lost(r) {
			problem = "Your browser did not keep the sign-in cookie: open this page by HTTPS or as localhost."
		}
		l.show(w, r, http.StatusUnauthorized, problem)
		return
	}
	if r.URL.Path == "/logout" {
		l.sessions.end(sessionOf(r))
		setCookie(w, r, "", -time.Second)
		setMarker(w, r, -time.Second)
		w.Header().Set("Location", "./")
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginBytes)
	token := provider.Secret(strings.TrimSpace(r.PostFormValue("token")))
	if token == "" {
		l.show(w, r, http.StatusUnauthorized, "You are not signed in any more. What you have just sent has had no effect.")
		return
	}
	o, err := admin.Lookup(r.Context(), l.operators, token)
	switch {
	case errors.Is(err, admin.ErrUnknownOperator) && !l.guesses.another(address(r)):
		w.Header().Set("Retry-After", "10")
		l.show(w, r, http.StatusTooManyRequests, "There were too many wrong tokens from your address. Wait for some seconds.")
	case errors.Is(err, admin.ErrUnknownOperator):
		l.show(w, r, http.StatusUnauthorized, "That token is not valid.")
	case err != nil:
		l.show(w, r, http.StatusServiceUnavailable, "It cannot be found out now whether this is a valid token. Try again in a moment.")
	default:
		setCookie(w, r, l.sessions.begin(o.Name, token, time.Now()), SessionTime)
		setMarker(w, r, markerTime)
		reload(w, r)
	}
}

func (l *TokenLogin) show(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p := &page{Root: root(r), Here: "login", Title: "Sign in", Body: loginBody{problem}}
	if err := p.write(w, status, "page"); err != nil {
		http.Error(w, "the form cannot be shown", http.StatusInternalServerError)
	}
}

// address is where a request comes from, as far as guesses are counted.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
