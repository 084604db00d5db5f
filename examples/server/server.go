package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A server is a gateway whose settings can be exchanged while it serves.
type server struct {
	log       *slog.Logger
	gw        *gateway.Gateway
	admin     http.Handler // for operators; nil if they are not served
	agents    run.AgentTable
	operators admin.OperatorTable
	policies  *policy.Set
	keys      keyring
	hooks     hooks
	backend   *backend
	stopping  atomic.Bool
	settings  *settings // that it began with
}

// newServer returns a server with settings. Transport carries the calls to the
// providers; nil is the network.
func newServer(s *settings, transport http.RoundTripper, log *slog.Logger) (*server, error) {
	srv := &server{log: log, policies: &policy.Set{}, hooks: hooks{}, settings: s}
	cfg := s.config(&srv.keys)
	cfg.Agents = &srv.agents
	cfg.Policy = srv.policies
	var err error
	if srv.backend, err = s.openBackend(); err != nil {
		return nil, err
	}
	cfg.Store, cfg.Outbox = srv.backend.store, srv.backend.outbox
	if cfg.Trail == nil {
		cfg.Trail = srv.backend.trail
	}
	cfg.Observer = observer{log: log}
	cfg.Notifiers = srv.notifiers(s)
	cfg.Logger = log
	cfg.Transport = transport
	if err = srv.open(cfg, s); err != nil {
		return nil, errors.Join(err, srv.backend.Close())
	}
	return srv, nil
}

// open makes the gateway, and what operators are served.
func (srv *server) open(cfg gateway.Config, s *settings) (err error) {
	if srv.gw, err = gateway.New(cfg); err != nil {
		return err
	}
	if s.Admin != nil {
		if srv.admin, err = srv.adminHandler(); err != nil {
			return err
		}
	}
	return srv.exchange(s)
}

// exchange puts policies, agents, operators, prices, keys and webhooks in force.
// Calls under way go on with the former ones.
func (srv *server) exchange(s *settings) error {
	if err := srv.policies.Replace(s.policies...); err != nil {
		return err
	}
	if err := srv.agents.Replace(s.agents...); err != nil {
		return err
	}
	if err := srv.operators.Replace(s.operators...); err != nil {
		return err
	}
	srv.gw.SetPrices(s.prices)
	srv.keys.replace(s.keys)
	srv.hooks.replace(s.Webhooks)
	return nil
}

// reload puts next in force, or logs why it was refused: err, if there is one.
func (srv *server) reload(next *settings, err error) {
	if err == nil {
		err = srv.exchange(next)
	}
	if err != nil {
		srv.log.Error("configuration refused; the former one stays in force", "errors", strings.Split(err.Error(), "\n"))
		return
	}
	if names := srv.settings.restarts(next); len(names) > 0 {
		srv.log.Warn("configuration holds changes that need a restart", "of", strings.Join(names, ", "))
	}
	if srv.admin == nil && next.asks() {
		srv.log.Warn(nobodyDecides)
	}
	srv.log.Info("configuration loaded", "agents", len(next.agents), "policies", len(next.policies), "prices", next.prices.ID())
}

// ServeHTTP answers the probes, and leaves everything else to the gateway.
func (srv *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		answer(w, http.StatusOK, "ok")
	case "/readyz":
		switch err := srv.gw.Ready(r.Context()); {
		case srv.stopping.Load():
			answer(w, http.StatusServiceUnavailable, "shutting down")
		case err != nil: // which may name what nobody here is to know; the log does
			answer(w, http.StatusServiceUnavailable, "not ready: the store cannot be asked")
		default:
			answer(w, http.StatusOK, "ready")
		}
	default:
		srv.gw.ServeHTTP(w, r)
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}

// A keyring holds the providers' keys.
type keyring struct {
	keys atomic.Pointer[map[string]provider.Secret]
}

// replace takes over keys. A provider without a new one keeps the one that it
// has.
func (k *keyring) replace(keys map[string]provider.Secret) {
	next := map[string]provider.Secret{}
	if old := k.keys.Load(); old != nil {
		maps.Copy(next, *old)
	}
	maps.Copy(next, keys)
	k.keys.Store(&next)
}

// of returns what tells the key that a provider has at the time.
func (k *keyring) of(name string) func(context.Context) (provider.Secret, error) {
	return func(context.Context) (provider.Secret, error) {
		if key := (*k.keys.Load())[name]; key != "" {
			return key, nil
		}
		return "", errors.New("the configuration holds none")
	}
}
