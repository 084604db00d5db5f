package gateway

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/translate"
)

// A listedModel is one that the agent may use.
type listedModel struct {
	name   string // by which it can ask for it
	target policy.Target
	model  translate.Model
}

// listingError says why nothing can be listed.
type listingError struct {
	upstream *upstream
	err      error
}

func (e *listingError) Error() string { return e.upstream.Name() + ": " + e.err.Error() }
func (e *listingError) Unwrap() error { return e.err }

// listers returns the providers whose models the call is to be told of: those at the
// host that the client addresses, if it does not address the gateway; else all.
func (c *call) listers(ctx context.Context) []*upstream {
	if own := slices.DeleteFunc(slices.Clone(c.g.providers), func(u *upstream) bool {
		return u.dialect != c.route.dialect.Name() || !slices.Contains(preferredBy(ctx), u.Name())
	}); len(own) > 0 {
		return own
	}
	return c.g.providers
}

// onlyLister returns the provider whose own list is all that there is, nil if there
// is none.
func (c *call) onlyLister(ctx context.Context) *upstream {
	all := c.listers(ctx)
	u := all[0]
	if len(all) > 1 || u.dialect != c.route.dialect.Name() || len(u.models) > 0 {
		return nil
	}
	for alias := range c.g.cfg.Aliases {
		if to, _ := c.resolveListed(ctx, alias); to == u {
			return nil
		}
	}
	return u
}

// resolveListed returns what a call of the agent would be served by that asks for a
// model of that name.
func (c *call) resolveListed(ctx context.Context, name string) (*upstream, policy.Target) {
	return c.g.resolve(name, conversation(c.route.dialect), c.route.dialect.Name(), preferredBy(ctx))
}

// conversation is the endpoint at which models are talked to.
func conversation(d provider.Dialect) provider.Endpoint {
	if d.Path(provider.Messages) != "" {
		return provider.Messages
	}
	return provider.Chat
}

// nameOf returns a name by which calls of the agent come to the target: if possible
// without that of its provider. It is empty if there is none.
func (c *call) nameOf(ctx context.Context, t policy.Target) string {
	for _, name := range []string{t.Model, t.String()} {
		if _, to := c.resolveListed(ctx, name); to == t {
			return name
		}
	}
	return ""
}

// listed returns the models of some providers that the agent may use: first what they
// list, then aliases. If nothing is known of any, that is an error.
func (c *call) listed(ctx context.Context, sources []*upstream) ([]listedModel, error) {
	catalogues, failures := make([][]translate.Model, len(sources)), make([]error, len(sources))
	var asking sync.WaitGroup
	for i, u := range sources {
		asking.Go(func() { catalogues[i], failures[i] = u.catalogued(ctx) })
	}
	asking.Wait()
	if err := ctx.Err(); err != nil {
		return nil, &goneError{err}
	}
	var all []listedModel
	var failed *listingError
	known := false
	for i, u := range sources {
		if err := failures[i]; err != nil {
			c.g.cfg.Logger.Warn("provider does not list its models", "provider", u.Name(), "error", err)
			if failed == nil {
				failed = &listingError{u, err}
			}
		}
		known = known || failures[i] == nil
		for _, m := range u.offered(catalogues[i]) {
			t := policy.Target{Provider: u.Name(), Model: m.ID}
			all = append(all, listedModel{c.nameOf(ctx, t), t, m})
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(c.g.cfg.Aliases)) {
		u, t := c.resolveListed(ctx, alias)
		if u == nil || !slices.Contains(sources, u) {
			continue
		}
		m := translate.Model{ID: t.Model}
		if i := slices.IndexFunc(all, func(l listedModel) bool { return l.target == t }); i >= 0 {
			m = all[i].model
		}
		all = append(all, listedModel{alias, t, m})
	}
	if failed != nil && !known && len(all) == 0 {
		return nil, failed
	}
	return c.usable(ctx, all)
}

// offered are the models of a provider: of those that it lists, those that it serves
// here, and then what else it is said to serve.
func (u *upstream) offered(catalogue []translate.Model) []translate.Model {
	if len(u.models) == 0 {
		return catalogue
	}
	all := slices.DeleteFunc(slices.Clone(catalogue), func(m translate.Model) bool { return !u.lists(m.ID) })
	for _, name := range u.models {
		if !strings.Contains(name, "*") && !slices.ContainsFunc(all, func(m translate.Model) bool { return m.ID == name }) {
			all = append(all, translate.Model{ID: name})
		}
	}
	return all
}

// usable leaves out what the agent may not use, or cannot ask for, or has been listed
// under that name, and adds what is known of the rest.
func (c *call) usable(ctx context.Context, all []listedModel) ([]listedModel, error) {
	seen := make(map[string]bool, len(all))
	some := all[:0]
	for _, l := range all {
		if l.name == "" || seen[l.name] {
			continue
		}
		seen[l.name] = true
		u := c.g.upstreamOf(l.target.Provider)
		ok, err := c.mayUse(ctx, u, l.target)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if l.model.Owner == "" {
			l.model.Owner = u.Name()
		}
		if l.model.MaxOutput == 0 {
			l.model.MaxInput, l.model.MaxOutput, _ = c.prices.Limits(u.seller, l.target.Model)
		}
		some = append(some, l)
	}
	return some, nil
}

// mayUse reports whether the agent's policy lets it use a model in any way. Nobody is
// told of what it decides, since it is not the agent who asks.
func (c *call) mayUse(ctx context.Context, u *upstream, t policy.Target) (bool, error) {
	endpoints := []provider.Endpoint{conversation(c.route.dialect)}
	if endpoints[0] == provider.Chat && u.dialect == c.route.dialect.Name() {
		endpoints = append(endpoints, provider.Responses, provider.Embeddings)
	}
	in := inputs.borrow()
	defer inputs.giveBack(in)
	in.Policy, in.Agent, in.User, in.Tags = c.run.Policy, c.agent, c.directives.User, c.directives.Tags
	if !c.unattached() {
		in.Run = &c.run
	}
	in.Dialect, in.Target, in.At = c.route.dialect.Name(), t, c.start
	_, in.Priced = c.prices.Lookup(u.seller, t.Model, c.start)
	for _, in.Endpoint = range endpoints {
		d, err := c.g.cfg.Policy.Decide(ctx, in)
		if err != nil {
			return false, err
		}
		if d.Shadow || d.Verdict == policy.Allow || d.Verdict == policy.Approve {
			return true, nil
		}
	}
	return false, nil
}
