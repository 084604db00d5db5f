package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
)

func TestOnStoreError(t *testing.T) {
	allow, deny, none := only("allows", "a"), only("denies", "a"), only("says-nothing", "a")
	allow.OnStoreError, deny.OnStoreError = policy.AllowUngoverned, policy.DenyUngoverned
	s := set(t, none, allow, deny)
	strict := set(t, only("says-nothing", "a"), only("allows", "a"))
	for name, want := range map[string]policy.StoreErrors{"": "", "says-nothing": "", "allows": policy.AllowUngoverned, "denies": policy.DenyUngoverned} {
		for kind, b := range map[string]policy.Binder{
			"a set": s, "a chain, by the first that binds": policy.Chain{policy.AllowAll, s, strict},
			"a shadow, by what is enforced": policy.Shadow{Enforced: s, Candidate: strict},
		} {
			got, err := b.Bind(t.Context(), name)
			require.NoError(t, err)
			assert.Equal(t, want, got.OnStoreError, "%q, %s", name, kind)
		}
	}

	p, err := policy.Parse([]byte(`{"name":"p","on_store_error":"allow"}`))
	require.NoError(t, err)
	assert.Equal(t, policy.AllowUngoverned, p.OnStoreError)
	p.OnStoreError = "queue"
	assert.EqualError(t, p.Validate(), `on_store_error: "queue" is not known; use "deny" or "allow"`)
}

func TestAllowsUngoverned(t *testing.T) {
	allow := only("allows", "a")
	allow.OnStoreError = policy.AllowUngoverned
	some, no := set(t, only("prod", "a"), allow), set(t, only("prod", "a"))
	for _, tt := range []struct {
		name   string
		engine policy.Engine
		want   bool
	}{
		{"some policy does", some, true},
		{"no policy does", no, false},
		{"a chain, by the first that binds", policy.Chain{policy.AllowAll, some, no}, true},
		{"a chain of which another does", policy.Chain{no, some}, false},
		{"a candidate does", policy.Shadow{Enforced: no, Candidate: some}, false},
		{"no policies", policy.AllowAll, false},
		{"another binder, by its default", struct{ policy.Binder }{some}, false},
		{"another binder whose default does", struct{ policy.Binder }{set(t, allow)}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, policy.AllowsUngoverned(t.Context(), tt.engine))
		})
	}
	require.NoError(t, some.Replace(only("prod", "a")))
	assert.False(t, policy.AllowsUngoverned(t.Context(), some), "no run starts under it any more")
}
