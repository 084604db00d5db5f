package policy

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/policytest"
)

// officeHours is an engine that is asked before the documents are.
func officeHours(_ context.Context, in *policy.Input) (policy.Decision, error) {
	if in.At.UTC().Hour() < 6 {
		return policy.Decision{Finding: policy.Finding{Rule: "office-hours", Reason: "agents sleep until six."}}, nil
	}
	return policy.Decision{Verdict: policy.Allow}, nil // the zero Decision denies
}

// Engines are combined, and tested by cases, in code as by the server.
func TestPolicies(t *testing.T) {
	read := func(name string) []byte {
		document, err := os.ReadFile("testdata/" + name)
		require.NoError(t, err)
		return document
	}
	set := func(name string) *policy.Set {
		p, err := policy.Parse(read(name))
		require.NoError(t, err)
		s, err := policy.New(p)
		require.NoError(t, err)
		return s
	}
	documents, next := set("research.json"), set("research-next.json")
	cases, err := policytest.ParseCases(read("cases.json"))
	require.NoError(t, err)

	engine := policy.Chain{
		policy.EngineFunc(officeHours),
		policy.Shadow{Enforced: documents, Candidate: next},
	}
	policytest.Test(t, engine, cases)
}
