package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIsConfiguration(t *testing.T) {
	for _, tt := range []struct {
		name, file, document string
		want                 bool
	}{
		{"a policy", "x.json", `{"name":"p","models":{}}`, false},
		{"a policy without a name", "x.json", `{"models":{}}`, false},
		{"policies", "x.json", `[{"name":"p"},{"name":"q"}]`, false},
		{"policies in YAML", "x.yaml", "# all of them\n- name: p\n- name: q", false},
		{"a configuration", "x.yaml", "listen: 127.0.0.1:0\nproviders: []", true},
		{"one without providers", "x.yaml", "policies: [p.json]", true},
		{"one with mistakes", "x.json", `{"agents":[],"agents":[],"name":5}`, true},
		{"nothing", "x.yaml", "", false},
		{"no YAML", "x.yaml", "providers: {", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, isConfiguration(tt.file, []byte(tt.document)))
		})
	}
}

// Whatever is read can be used, in either format.
func FuzzParsePolicies(f *testing.F) {
	for _, file := range []string{"policies/prod-agents.json", "testdata/policies/more.json", "testdata/policy-wrong.yaml", "prod-agents.cases.yaml"} {
		document, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(document)
	}
	f.Add([]byte("name: p\nrules: [{name: r, tool: \"*\", then: deny, when: [{arg: a, op: \">\", value: 1e9}]}]\nbudgets:\n- {name: b, per: tag, limit_usd: 0x10, window: 36h}"))
	f.Fuzz(func(t *testing.T, document []byte) {
		for _, file := range []string{"x.json", "x.yaml"} {
			policies, err := parsePolicies(file, document)
			if err != nil {
				continue
			}
			for i := range policies {
				require.NoError(t, policies[i].Validate())
			}
		}
	})
}
