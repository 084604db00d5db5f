package main

import (
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
