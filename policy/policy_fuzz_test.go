package policy_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
)

// Whatever is read can be used.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"name":"p"}`, `{}`, `null`, `[]`, `{"name":"p","models":{"allow":["openai/gpt-4*"],"deny":[]},"run":{"idle_timeout":"15m"}}`,
		`{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":"1.00","alert_at":[0.8],"expected_output_tokens":1e3}]}`,
		`{"name":"p","budgets":[{"name":"b","per":"run","limit_tokens":-1},null]}`, documented,
		`{"name":"p","rate_limits":[{"name":"r","per":"tag","requests":5,"tokens":0,"window":"1ns","burst":5},{"name":"s","per":"","concurrent":-1}]}`,
		`{"name":"p","failover":[{"models":["a/*"],"to":["b/y",{"any":["c/z",{"target":"d/w","weight":2}],"by":"latency"},5,{"any":null}],"on":["x"],"deadline":"-1s"}]}`,
		`{"name":"p","failover":[{"models":["*"],"to":["b/y",{"any":["c/z",{"target":"d/w/","weight":2}]}],"on":["timeout"],"deadline":"1s"}]}`,
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
		d, err := s.Decide(t.Context(), &policy.Input{Policy: b.Policy})
		require.NoError(t, err)
		for i := range d.Rates {
			require.NoError(t, d.Rates[i].Validate())
		}
		for i := range p.Failover {
			require.NoError(t, p.Failover[i].Validate())
			for _, r := range p.Failover[i].To {
				for _, w := range r.Any {
					text, err := w.Target.MarshalText()
					require.NoError(t, err)
					var read policy.Target
					require.NoError(t, read.UnmarshalText(text))
					require.Equal(t, w.Target, read)
				}
			}
		}
	})
}

// Whatever a condition makes of arguments, it does not panic; and where it is
// sure enough to allow, it is sure enough to deny.
func FuzzRules(f *testing.F) {
	f.Add("a.b", ">", []byte(`5`), []byte(`{"a":{"b":6}}`))
	f.Add("a", "in", []byte(`["x",1]`), []byte(`{"a":"x"}`))
	f.Add("a", "contains", []byte(`1`), []byte(`{"a":[1,"1"]}`))
	f.Add("a", "matches", []byte(`"(x+)+$"`), []byte(`{"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxy"}`))
	f.Add("a", "exists", []byte(`false`), []byte(`{"A":null}`))
	f.Fuzz(func(t *testing.T, arg, op string, value, args []byte) {
		if !json.Valid(value) {
			return
		}
		d := json.NewDecoder(bytes.NewReader(value))
		d.UseNumber()
		c := policy.Condition{Arg: arg, Op: op}
		require.NoError(t, d.Decode(&c.Value))
		p := policy.Policy{Name: "p", Rules: []policy.Rule{{Name: "r", Tool: "t", Then: policy.ThenDeny, When: []policy.Condition{c}}}}
		if p.Validate() != nil {
			return
		}
		if fires(t, policy.ThenAllow, policy.Input{}, string(args), c) {
			require.True(t, fires(t, policy.ThenDeny, policy.Input{}, string(args), c))
		}
	})
}
