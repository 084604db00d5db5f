package main

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/rungate/rungate/policy"
)

const nobodyDecides = "policies have people asked, and there is no admin: nobody can decide, and what they ask about expires"

// warnings are of what can be used, but is hardly meant. Operators are served at an
// address; empty is nowhere.
func (s *settings) warnings(operators string) (all []string) {
	if operators == "" && s.asks() {
		all = append(all, nobodyDecides)
	}
	if operators != "" && !isLocal(operators) {
		all = append(all, fmt.Sprintf("operators are served at %s over plain HTTP: browsers on other machines cannot sign in to the console, and tokens can be read on the way; "+
			"unless HTTPS is in front of it, listen on 127.0.0.1", operators))
	}
	for i := range s.policies {
		all = append(all, untried(&s.policies[i])...)
	}
	return all
}

// untried finds the targets in a policy's failover that its own list of models does
// not allow.
func untried(p *policy.Policy) (all []string) {
	set, err := policy.New(*p)
	if err != nil || p.Mode == policy.Shadowed {
		return nil
	}
	ctx := context.Background()
	bound, err := set.Bind(ctx, "")
	if err != nil {
		return nil
	}
	for i := range p.Failover {
		for _, t := range p.Failover[i].Targets() {
			d, err := set.Decide(ctx, &policy.Input{Policy: bound.Policy, Target: t})
			if err == nil && d.Drift && d.Field == "model" {
				all = append(all, fmt.Sprintf("policy %q: failover[%d] is to %s, which the models of the policy do not allow: it is never tried", p.Name, i, t))
			}
		}
	}
	return all
}

// asks reports whether a person may be asked by a policy.
func (s *settings) asks() bool {
	return slices.ContainsFunc(s.policies, func(p policy.Policy) bool {
		return p.Mode != policy.Shadowed && slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return r.Then == policy.ThenApprove })
	})
}

// isLocal reports whether only this machine reaches an address.
func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
