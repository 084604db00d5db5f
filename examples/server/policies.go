package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/policytest"
)

// parsePolicies reads a file of one policy, or of an array of them.
func parsePolicies(file string, data []byte) ([]policy.Policy, error) {
	if _, several := outline(file, data).([]any); several {
		var all []policy.Policy
		err := decode(file, data, &all)
		return all, err
	}
	var one policy.Policy
	err := decode(file, data, &one)
	return []policy.Policy{one}, err
}

// isConfiguration reports whether a document is a configuration. One without
// providers, agents and policies is taken for a file of policies.
func isConfiguration(file string, data []byte) bool {
	o, _ := outline(file, data).(map[string]any)
	for _, name := range []string{"providers", "agents", "policies"} {
		if _, ok := o[name]; ok {
			return true
		}
	}
	return false
}

// outline is what of a document can be read, whatever it may be; nil if nothing
// can.
func outline(file string, data []byte) (tree any) {
	_ = decode(file, data, &tree) // what is wrong is said where it is read for good
	return tree
}

// checkPolicies says whether the policies in a file can be used.
func (p *program) checkPolicies(path string, data []byte) error {
	policies, err := parsePolicies(path, data)
	if err != nil {
		return refused(path, err)
	}
	set, err := policy.New(policies...)
	if err != nil {
		return refused(path, err)
	}
	for i := range policies {
		d := &policies[i]
		b, err := set.Bind(context.Background(), d.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "%s is fine: policy %s at revision %s, %s, %s, %s\n",
			path, d.Name, b.Policy.Revision, count(len(d.Rules), "rule"), count(len(d.Budgets), "budget"), count(len(d.RateLimits), "rate limit"))
		for _, w := range untried(d) {
			fmt.Fprintln(p.stdout, "  warning:", w)
		}
	}
	return nil
}

// testPolicies holds the policies of a configuration, or those in a file of
// them, to the cases in another file.
func (p *program) testPolicies(ctx context.Context, path, casesPath string) error {
	set, err := p.policySet(path)
	if err != nil {
		return unreadableError{refused(path, err)}
	}
	cases, err := readCases(casesPath)
	if err != nil {
		return unreadableError{refused(casesPath, err)}
	}
	failures := policytest.Run(ctx, set, cases)
	for i := range failures {
		fmt.Fprintln(p.stdout, failures[i].String())
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d of %s failed", len(failures), count(len(cases), "case"))
	}
	_, err = fmt.Fprintf(p.stdout, "%s passed\n", count(len(cases), "case"))
	return err
}

// An unreadableError ends the program with another status than what it found
// wrong would.
type unreadableError struct{ error }

func (p *program) policySet(path string) (*policy.Set, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if isConfiguration(path, data) {
		s, _, err := load(path, p.env)
		if err != nil {
			return nil, err
		}
		return policy.New(s.policies...)
	}
	policies, err := parsePolicies(path, data)
	if err != nil {
		return nil, err
	}
	return policy.New(policies...)
}

func readCases(path string) ([]policytest.Case, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var cases []policytest.Case
	if err := decode(path, data, &cases); err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		return nil, errors.New("there are no cases in it")
	}
	return cases, nil
}
