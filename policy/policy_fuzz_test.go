package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
)

// Whatever is read can be used.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"name":"p"}`, `{}`, `null`, `[]`, `{"name":"p","models":{"allow":["openai/gpt-4*"],"deny":[]},"run":{"idle_timeout":"15m"}}`,
		`{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":"1.00","alert_at":[0.8],"expected_output_tokens":1e3}]}`,
		`{"name":"p","budgets":[{"name":"b","per":"run","limit_tokens":-1},null]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := policy.Parse(document)
		if err != nil {
			return
		}
		s, err := policy.New(p)
		require.NoError(t, err)
		b, err := s.Bind(t.Context(), p.Name)
		require.NoError(t, err)
		budgets, err := s.Budgets(t.Context(), b.Policy)
		require.NoError(t, err)
		for i := range budgets {
			require.NoError(t, budgets[i].Validate())
		}
	})
}
