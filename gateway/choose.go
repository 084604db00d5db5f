package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/policy"
)

// choose finds out which provider serves the call, and under what name it knows
// the model.
func (c *call) choose(ctx context.Context) error {
	preferred, _ := ctx.Value(providersKey{}).([]string)
	u, t := c.g.resolve(c.req.Model, c.route.dialect.Name(), preferred)
	if u == nil {
		return &refusal{code: codeUnknownModel, message: fmt.Sprintf(
			"Rungate: no provider here serves the model %q to calls in the %s format.", c.req.Model, c.route.dialect.Name())}
	}
	c.upstream, c.target = u, t
	return nil
}

// resolve returns the provider for a model as agents name it, nil if there is
// none: the one that the name says; else one that lists the model; else one that
// lists none. Among equals the preferred ones are first, then the order of the
// configuration.
func (g *Gateway) resolve(model, dialect string, preferred []string) (*upstream, policy.Target) {
	if to, ok := g.cfg.Aliases[model]; ok {
		model = to
	}
	if name, rest, ok := strings.Cut(model, "/"); ok && rest != "" {
		if u := g.upstreamOf(name); u != nil {
			if u.dialect != dialect {
				return nil, policy.Target{}
			}
			return u, policy.Target{Provider: name, Model: rest}
		}
	}
	var best *upstream
	rank, tier := 0, len(preferred)+1
	for _, u := range g.providers {
		var r int
		switch {
		case u.dialect != dialect:
			continue
		case u.lists(model):
			r = 2 * tier
		case len(u.models) == 0 || model == "":
			r = tier
		default:
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

// lists reports whether the provider says that it serves the model.
func (u *upstream) lists(model string) bool {
	for _, m := range u.models {
		if glob.Match(m, model) {
			return true
		}
	}
	return false
}

// other returns the target that a further model of the call stands for. The
// provider runs it itself, so it is one of the provider's own.
func (c *call) other(model string) policy.Target {
	model = strings.TrimPrefix(model, c.target.Provider+"/")
	return policy.Target{Provider: c.target.Provider, Model: model}
}
