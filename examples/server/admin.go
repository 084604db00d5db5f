package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/gateway/console"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// An adminDoc says where operators are served, and who they are.
type adminDoc struct {
	Listen string        `json:"listen"`
	Tokens []operatorDoc `json:"tokens"`
}

const defaultAdminListen = "127.0.0.1:8081"

// An operatorDoc is a token of an operator. Tokens of the same name are those of
// one operator, and so are those without a name.
type operatorDoc struct {
	Name  string          `json:"name"` // empty is "operator"
	Token provider.Secret `json:"token"`

	alone bool // Token stands in the place of the object
}

// UnmarshalText takes a token that stands alone.
func (o *operatorDoc) UnmarshalText(token []byte) error { //nolint:unparam // what encoding.TextUnmarshaler asks for
	o.Token, o.alone = provider.Secret(token), true
	return nil
}

func (a *adminDoc) Validate() error {
	var c complaint
	c.address("listen", a.Listen, defaultAdminListen)
	if len(a.Tokens) == 0 {
		c.add("tokens", "give at least one, or nobody can decide")
	}
	return c.err()
}

func (o *operatorDoc) Validate() error {
	var c complaint
	if o.Name != "" && (!run.ValidID(o.Name) || strings.ContainsAny(o.Name, "()")) {
		c.add("name", "want 1 to %d printable characters without parentheses", run.MaxIDBytes)
	}
	return c.err()
}

// operators are those of the configuration.
func (l *loader) operators(a *adminDoc) (all []admin.Enrolment) {
	for i := range a.Tokens {
		o := &a.Tokens[i]
		name, path := o.Name, fmt.Sprintf("admin.tokens[%d]", i)
		if name == "" {
			name = "operator"
		}
		if !o.alone {
			path += ".token"
		}
		d := l.token(path, admin.TokenPrefix, "token admin", &o.Token)
		known := slices.IndexFunc(all, func(e admin.Enrolment) bool { return e.Name == name })
		if known < 0 {
			known, all = len(all), append(all, admin.Enrolment{Operator: admin.Operator{Name: name}})
		}
		all[known].Tokens = append(all[known].Tokens, d)
	}
	return all
}

// adminHandler is what operators are served: their API below /v1/, and the console.
func (srv *server) adminHandler() (http.Handler, error) {
	api, err := admin.New(srv.gw, admin.Config{Operators: &srv.operators, Logger: srv.log})
	if err != nil {
		return nil, err
	}
	login, err := console.NewTokenLogin(&srv.operators)
	if err != nil {
		return nil, err
	}
	pages, err := console.New(srv.gw, console.Config{Authenticate: login.Authenticate, Login: login, Logger: srv.log})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.Handle("/", pages)
	return mux, nil
}
