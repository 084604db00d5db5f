package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
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
		"POST /v1/runs/{id}/raise":                   a.raiseLimit,
		"POST /v1/runs/{id}/unblock":                 a.unblock,
		"POST /v1/runs/{id}/complete":                a.complete,
		"GET /v1/audit":                              a.listTrails,
		"GET /v1/audit/verify":                       a.verifyTrail,
		"GET /v1/targets":                            a.listTargets,
		"GET /v1/webhooks/dead-letters":              a.listDeadLetters,
		"POST /v1/webhooks/dead-letters/{id}/resend": a.resend,
		"/": unknown,
	} {
		a.mux.Handle(pattern, a.serve(serve))
	}
	a.mux.HandleFunc("GET /v1/audit/export", a.exportTrail)
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
			answer, err = e(o, r.WithContext(run.WithOperator(r.Context(), o.Name)))
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

// read reads the body of a request, of so many bytes at most, into *v. An empty one
// leaves it as it is.
func read(r *http.Request, most int64, v any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	if err != nil {
		return invalid("body", "it cannot be read to its end")
	}
	if len(body) > 0 {
		if err := strict.JSON(body, v); err != nil {
			return invalid("body", "%v", err)
		}
	}
	return nil
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
