package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
)

// Config says who may use the API of a gateway.
type Config struct {
	// Operators looks up who calls. It has to be given.
	Operators Operators

	Logger *slog.Logger // of what goes wrong; nil discards
}

// api is the operator's API of a gateway.
type api struct {
	gw  *gateway.Gateway
	cfg Config
	mux http.ServeMux
}

// New returns the operator's API of gw, to be mounted at the root or under any
// prefix with http.StripPrefix. The error names every mistake.
func New(gw *gateway.Gateway, cfg Config) (http.Handler, error) {
	var errs []error
	if gw == nil {
		errs = append(errs, errors.New("admin: the gateway is nil"))
	}
	if cfg.Operators == nil {
		errs = append(errs, errors.New("admin: Config.Operators: is nil; without operators there is nobody to use it"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	a := &api{gw: gw, cfg: cfg}
	for pattern, serve := range map[string]endpoint{
		"GET /v1/gates":                              a.listGates,
		"GET /v1/gates/{id}":                         a.showGate,
		"POST /v1/gates/{id}/approve":                a.decide(true),
		"POST /v1/gates/{id}/reject":                 a.decide(false),
		"GET /v1/runs/{id}":                          a.showRun,
		"GET /v1/webhooks/dead-letters":              a.listDeadLetters,
		"POST /v1/webhooks/dead-letters/{id}/resend": a.resend,
		"/": unknown,
	} {
		a.mux.Handle(pattern, a.serve(serve))
	}
	return &a.mux, nil
}

// An endpoint answers an operator with a value that is made into JSON, or an
// error.
type endpoint func(o *Operator, r *http.Request) (any, error)

// serve answers by e those who have an operator's token.
func (a *api) serve(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		o, err := Lookup(r.Context(), a.cfg.Operators, bearer(r.Header))
		if err == nil {
			answer, err = e(o, r)
		}
		if err != nil {
			a.refuse(r.Context(), w, err)
			return
		}
		write(w, http.StatusOK, answer)
	})
}

// bearer returns the token that came with a request, empty if none did.
func bearer(h http.Header) provider.Secret {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return provider.Secret(strings.TrimSpace(token))
}

func unknown(_ *Operator, r *http.Request) (any, error) {
	return nil, &refusal{code: codeUnknownEndpoint, message: fmt.Sprintf("there is no %s %s here", r.Method, r.URL.Path)}
}

// refuse answers with err.
func (a *api) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	f := refusalOf(err)
	status := statuses[f.code]
	if status >= http.StatusInternalServerError {
		a.cfg.Logger.ErrorContext(ctx, "operator's request refused", "code", f.code, "error", err)
	}
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Context any    `json:"context,omitempty"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message, body.Error.Context = f.code, "Rungate: "+f.message+".", f.context
	write(w, status, &body)
}

func write(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil { // of our own structs, whose raw parts were checked
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}
