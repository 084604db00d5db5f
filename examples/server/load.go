package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A loader reads a configuration with all files that it refers to.
type loader struct {
	env  func(name string) (string, bool)
	dir  string // of the configuration: relative names begin there
	sum  hash.Hash
	dirs []string // where a change of a file matters
	errs strict.Errors

	tokens map[run.Digest]string // where they stand
}

// Sources say where settings came from.
type sources struct {
	digest string   // of everything that was read
	dirs   []string // of the files
}

// load reads the configuration at path. What is wrong with it, the error names
// all at once. The sources are known in any case.
func load(path string, env func(string) (string, bool)) (*settings, sources, error) {
	l := &loader{env: env, dir: filepath.Dir(path), sum: sha256.New(), tokens: map[run.Digest]string{}}
	s := l.settings(path)
	src := sources{digest: hex.EncodeToString(l.sum.Sum(nil)), dirs: l.dirs}
	if len(l.errs) > 0 {
		return nil, src, l.errs
	}
	return s, src, nil
}

func (l *loader) settings(path string) *settings {
	s := &settings{keys: map[string]provider.Secret{}}
	l.document(path, &s.document)
	l.store(&s.Store)
	for i := range s.Providers {
		p := &s.Providers[i]
		if l.secret(fmt.Sprintf("providers[%d].api_key", i), &p.APIKey); p.APIKey != "" {
			s.keys[p.Name] = p.APIKey
		}
	}
	for i := range s.Agents {
		s.agents = append(s.agents, l.agent(fmt.Sprintf("agents[%d]", i), &s.Agents[i]))
	}
	if s.Admin != nil {
		s.operators = l.operators(s.Admin)
	}
	if s.Audit != nil {
		s.Audit.File = l.file(s.Audit.File)
	}
	for i := range s.Webhooks {
		l.webhook(fmt.Sprintf("webhooks[%d]", i), &s.Webhooks[i])
	}
	for i := range s.Slack {
		l.slack(fmt.Sprintf("slack[%d]", i), &s.Slack[i])
	}
	for i, pattern := range s.Policies {
		s.policies = append(s.policies, l.policies(fmt.Sprintf("policies[%d]", i), pattern)...)
	}
	s.prices = l.prices(&s.document)
	if len(l.errs) == 0 { // what is left can be judged only where the parts are right
		l.together(s)
	}
	return s
}

// minSecret is how long a webhook's secret must be, and a token after its prefix:
// 96 bits in the shortest of the usual spellings. Tokens that are made here are
// longer.
const minSecret = 16

// token reads a token that begins with a prefix, as a command makes them, and that
// stands nowhere else.
func (l *loader) token(path, prefix, command string, s *provider.Secret) run.Digest {
	l.secret(path, s)
	rest, ok := strings.CutPrefix(s.Reveal(), prefix)
	if !ok || len(rest) < minSecret {
		l.fail(path, "want %s and at least %d random characters, as the command %s makes them", prefix, minSecret, command)
		return run.Digest{}
	}
	d := run.DigestOf(*s)
	if other := l.tokens[d]; other != "" {
		l.fail(path, "is the same as %s", other)
	}
	l.tokens[d] = path
	return d
}

func (l *loader) agent(path string, a *agentDoc) run.Enrolment {
	return run.Enrolment{
		Agent:  run.Agent{ID: a.ID, Team: a.Team, Policy: a.Policy, MayChoose: a.MayChoose, Approval: a.Approval},
		Tokens: []run.Digest{l.token(path+".token", run.TokenPrefix, "token", &a.Token)},
	}
}

// policies reads the files that a pattern matches. Nothing in them is replaced by
// the environment: a policy is the same everywhere.
func (l *loader) policies(path, pattern string) (all []policy.Policy) {
	pattern = l.file(pattern)
	l.dirs = append(l.dirs, filepath.Dir(pattern))
	files, err := filepath.Glob(pattern)
	if err != nil {
		l.add(path, err)
		return nil
	}
	if len(files) == 0 {
		l.fail(path, "there is no such file")
	}
	for _, f := range files {
		data, err := l.read(f)
		if err != nil {
			l.add(path, err)
			continue
		}
		some, err := parsePolicies(f, data)
		l.in(f, err)
		all = append(all, some...)
	}
	return all
}

// prices are the list prices, below the overlay, below those that providers
// state themselves.
func (l *loader) prices(d *document) *budget.Prices {
	prices := budget.DefaultPrices()
	if d.Prices.Overlay != "" {
		const path = "prices.overlay"
		data, err := l.read(l.file(d.Prices.Overlay))
		if err != nil {
			l.add(path, err)
			return prices
		}
		overlay, err := budget.ParseOverlay(data)
		if err != nil {
			l.in(l.file(d.Prices.Overlay), err)
			return prices
		}
		for _, name := range slices.Sorted(maps.Keys(overlay)) {
			if !slices.ContainsFunc(d.Providers, func(p providerDoc) bool { return p.Name == name }) {
				l.fail(path, "has prices of %q, but there is no such provider", name)
			}
		}
		if prices, err = prices.WithOverlay(overlay); err != nil {
			l.add(path, err)
		}
	}
	own := budget.Overlay{}
	for _, p := range d.Providers {
		for model, price := range p.Prices {
			if own[p.Name] == nil {
				own[p.Name] = map[string]budget.OverlayPrice{}
			}
			if price.Input != nil && price.Output != nil {
				price.OverlayPrice.Input, price.OverlayPrice.Output = *price.Input, *price.Output
			}
			own[p.Name][model] = price.OverlayPrice
		}
	}
	with, err := prices.WithOverlay(own)
	if err != nil {
		l.add("providers", err)
		return prices
	}
	return with
}

// together checks what the parts say of each other.
func (l *loader) together(s *settings) {
	if _, err := policy.New(s.policies...); err != nil {
		l.add("policies", err)
	}
	for _, p := range s.policies {
		for _, e := range s.nowhere(p.Failover) {
			l.fail("policies", "policy %q: failover%v", p.Name, e)
		}
	}
	for i, a := range s.Agents {
		known := func(p policy.Policy) bool { return p.Name == a.Policy || p.ID == a.Policy }
		if a.Policy != "" && !slices.ContainsFunc(s.policies, known) {
			l.fail(fmt.Sprintf("agents[%d].policy", i), "there is no policy %q", a.Policy)
		}
	}
}
