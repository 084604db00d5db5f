package gateway

import (
	"context"
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// preferredBy are the providers that PreferProviders has put into a context.
func preferredBy(ctx context.Context) []string {
	names, _ := ctx.Value(providersKey{}).([]string)
	return names
}

// resolve returns the provider for a model as agents name it, nil if there is none
// that can serve calls of the endpoint in that dialect: the one that the name says;
// else the one that it fits best, see fit. Among equals the preferred ones are first,
// then the order of the configuration.
func (g *Gateway) resolve(model string, e provider.Endpoint, dialect string, preferred []string) (*upstream, policy.Target) {
	if to, ok := g.cfg.Aliases[model]; ok {
		model = to
	}
	if name, rest, ok := strings.Cut(model, "/"); ok && rest != "" {
		if u := g.upstreamOf(name); u != nil {
			if u.dialect != dialect && !g.translates(e) {
				return nil, policy.Target{}
			}
			return u, policy.Target{Provider: name, Model: rest}
		}
	}
	var best *upstream
	rank, tier := 0, len(preferred)+1
	for _, u := range g.providers {
		r := u.fit(model, dialect, g.translates(e)) * tier
		if r == 0 {
			continue
		}
		if i := slices.Index(preferred, u.Name()); i >= 0 {
			r += len(preferred) - i
		}
		if r > rank {
			best, rank = u, r
		}
	}
	if best == nil {
		return nil, policy.Target{}
	}
	return best, policy.Target{Provider: best.Name(), Model: model}
}

// fit says how well the provider fits a model that is named without one: 0 is not at
// all. One that lists the model comes before those that list none; among these it
// matters more whose model it is than what dialect the agent speaks, if the call can be
// translated.
func (u *upstream) fit(model, dialect string, translated bool) int {
	same := 0
	if u.dialect == dialect {
		same = 1
	}
	switch {
	case same == 0 && !translated:
		return 0
	case model == "":
		return same
	case u.lists(model):
		return 4 + same
	case len(u.models) > 0:
		return 0
	case u.Dialect().Native(model):
		return 2 + same
	}
	return same
}

// translates reports whether calls of the endpoint may go to a provider of another
// dialect for no other reason than that they ask for its model.
func (g *Gateway) translates(e provider.Endpoint) bool {
	return translatable(e) && g.cfg.Translation != policy.NoTranslation
}

// translatable reports whether calls of the endpoint can be served in another dialect
// than their own.
func translatable(e provider.Endpoint) bool { return e == provider.Chat || e == provider.Messages }

// lists reports whether the provider says that it serves the model.
func (u *upstream) lists(model string) bool {
	for _, m := range u.models {
		if glob.Match(m, model) {
			return true
		}
	}
	return false
}
