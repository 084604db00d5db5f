package console

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/rungate/rungate/gateway"
)

// ErrSignedOut says that a request is of nobody who is signed in.
var ErrSignedOut = errors.New("nobody is signed in")

// Config says who may use the console of a gateway.
type Config struct {
	// Authenticate returns the name of the operator whose request it is, by which
	// decisions are recorded, see [run.ValidID]. The error is ErrSignedOut for a
	// request of nobody; any other means that it could not be found out. It has to
	// be given.
	Authenticate func(*http.Request) (operator string, err error)

	// Login answers those who are not signed in, at whatever path: it shows a form
	// there, and leads back there. It also answers POST /logout. Nil is a page that
	// says that they are not signed in; and pages have no button to sign out.
	Login http.Handler

	Logger *slog.Logger // of what goes wrong; nil discards
}

// A Console is an http.Handler that serves the pages. It is safe for concurrent
// use.
type Console struct {
	gw      *gateway.Gateway
	cfg     Config
	mux     http.ServeMux
	handler http.Handler // mux, guarded
}

// New returns the console of gw. The error names every mistake.
func New(gw *gateway.Gateway, cfg Config) (*Console, error) {
	var errs []error
	if gw == nil {
		errs = append(errs, errors.New("console: the gateway is nil"))
	}
	if cfg.Authenticate == nil {
		errs = append(errs, errors.New("console: Config.Authenticate: is nil; nobody would be kept out"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Console{gw: gw, cfg: cfg}
	c.mux.HandleFunc("GET /static/{name}", serveStatic)
	for pattern, show := range map[string]func(*request) error{
		"GET /{$}":                      c.showPending,
		"GET /decided":                  c.showDecided,
		"GET /gates/{id}":               c.showGate,
		"POST /gates/{id}":              c.decide,
		"GET /gates/{id}/arguments/{n}": c.showArguments,
		"GET /run":                      c.showRun,
		"GET /targets":                  c.showTargets,
		"/":                             elsewhere,
	} {
		c.mux.Handle(pattern, c.signedIn(show))
	}
	if cfg.Login != nil {
		c.mux.Handle("POST /logout", cfg.Login)
	}
	c.handler = http.NewCrossOriginProtection().Handler(&c.mux)
	return c, nil
}

// elsewhere answers what there is no page for.
func elsewhere(q *request) error {
	if q.r.Method == http.MethodPost { // the form to sign in, where another window has done so in the meantime
		reload(q.w, q.r)
		return nil
	}
	return errNoPage
}

// contentPolicy is the Content-Security-Policy of all pages.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP serves a page, or takes a decision.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // with less, forms are sent without their origin
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	c.handler.ServeHTTP(w, r)
}

// signedIn lets operators see what show shows, and others what Login does.
func (c *Console) signedIn(show func(*request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{c: c, w: w, r: r}
		name, err := c.cfg.Authenticate(r)
		switch {
		case err == nil && name == "":
			err = errors.New("console: Authenticate returned no name")
		case err == nil:
			q.operator = name
			err = show(q)
		case errors.Is(err, ErrSignedOut) && c.cfg.Login != nil:
			c.cfg.Login.ServeHTTP(w, r)
			return
		}
		if err != nil {
			q.fail(err)
		}
	})
}
