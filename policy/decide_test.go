package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

func TestModels(t *testing.T) {
	gpt := policy.Target{Provider: "openai", Model: "gpt-4.1"}
	llama := policy.Target{Provider: "router", Model: "meta/llama-3"}
	tests := []struct {
		name        string
		allow, deny []string
		target      policy.Target
		want        bool
	}{
		{"no list allows everything", nil, nil, gpt, true},
		{"an empty list as well", []string{}, []string{}, gpt, true},
		{"what is allowed", []string{"claude*", "gpt-4.1"}, nil, gpt, true},
		{"what is not", []string{"claude*", "gpt-4"}, nil, gpt, false},
		{"a glob", []string{"gpt-*"}, nil, gpt, true},
		{"a glob in the middle", []string{"g*.1"}, nil, gpt, true},
		{"everything", []string{"*"}, nil, gpt, true},
		{"letters count as they are", []string{"GPT-4.1"}, nil, gpt, false},
		{"only a star stands for others", []string{"gpt-4?1"}, nil, gpt, false},
		{"a part is not the whole", []string{"gpt-4"}, nil, gpt, false},
		{"what is denied", nil, []string{"gpt-4.1"}, gpt, false},
		{"what is not denied", nil, []string{"gpt-5*"}, gpt, true},
		{"deny wins over allow", []string{"gpt-4.1"}, []string{"gpt-*"}, gpt, false},
		{"deny wins over allow, wherever they look", []string{"gpt-4.1"}, []string{"openai/*"}, gpt, false},

		{"with the provider", []string{"openai/gpt-4*"}, nil, gpt, true},
		{"with another provider", []string{"azure/gpt-4*"}, nil, gpt, false},
		{"with a provider that begins like it", []string{"open/gpt-4*"}, nil, gpt, false},
		{"with a longer provider", []string{"openai-eu/gpt-4*"}, nil, gpt, false},
		{"with any provider", []string{"*/gpt-4*"}, nil, gpt, true},
		{"with some providers", []string{"open*/gpt-4*"}, nil, gpt, true},
		{"with other providers", []string{"az*/gpt-4*"}, nil, gpt, false},
		{"all of a provider", []string{"openai/*"}, nil, gpt, true},
		{"a glob without slash does not look at the provider", []string{"open*"}, nil, gpt, false},

		{"a model with a slash, after its provider", []string{"router/meta/llama-*"}, nil, llama, true},
		{"a model with a slash, without its provider", []string{"meta/llama-*"}, nil, llama, false},
		{"a model with a slash, of any provider", []string{"*/meta/llama-*"}, nil, llama, true},
		{"a glob without slash looks at all of the model", []string{"llama-*"}, nil, llama, false},
		{"a glob without slash and a star that stands for one", []string{"meta*3"}, nil, llama, true},
		{"a model that is called like a provider's", []string{"openai/gpt-4.1"}, nil, policy.Target{Provider: "router", Model: "openai/gpt-4.1"}, false},
		{"a denied model that is called like a provider's", nil, []string{"openai/gpt-4.1"}, policy.Target{Provider: "router", Model: "openai/gpt-4.1"}, true},
		{"a denied model of any provider", nil, []string{"*gpt-4.1"}, policy.Target{Provider: "router", Model: "openai/gpt-4.1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := set(t, policy.Policy{Name: "p", Models: policy.List{Allow: tt.allow, Deny: tt.deny}})
			in := policy.Input{Policy: bind(t, s, "p"), Endpoint: provider.Chat, Target: tt.target}
			d, err := s.Decide(t.Context(), &in)
			require.NoError(t, err)
			if tt.want {
				assert.Equal(t, policy.Decision{Verdict: policy.Allow}, d)
				return
			}
			assert.Equal(t, policy.Decision{Drift: true, Finding: policy.Finding{Rule: "allowed_models", Field: "model", Requested: tt.target.String(), Allowed: tt.allow}}, d)

			// Nor may a call run it beside another.
			in.Target, in.Others = policy.Target{}, []policy.Target{tt.target}
			again, err := s.Decide(t.Context(), &in)
			require.NoError(t, err)
			assert.Equal(t, d, again)
		})
	}
}

func TestFurtherModels(t *testing.T) {
	s := set(t, policy.Policy{Name: "p", Models: policy.List{Allow: []string{"cheap*"}}})
	at := func(model string) policy.Target { return policy.Target{Provider: "anthropic", Model: model} }
	for _, tt := range []struct {
		name   string
		others []policy.Target
		want   string // that is denied
	}{
		{"none", nil, ""},
		{"all allowed", []policy.Target{at("cheap-2"), at("cheap-3")}, ""},
		{"the last is not", []policy.Target{at("cheap-2"), at("dear")}, "anthropic/dear"},
		{"one without a name is not", []policy.Target{at("")}, "anthropic/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := s.Decide(t.Context(), &policy.Input{Policy: bind(t, s, "p"), Endpoint: provider.Messages, Target: at("cheap-1"), Others: tt.others})
			require.NoError(t, err)
			assert.Equal(t, tt.want == "", d.Verdict == policy.Allow)
			assert.Equal(t, tt.want, d.Requested)
		})
	}
}

func TestEndpoints(t *testing.T) {
	tests := []struct {
		name        string
		allow, deny []string
		endpoint    provider.Endpoint
		want        bool
	}{
		{"no list allows everything", nil, nil, provider.Responses, true},
		{"what is allowed", []string{"chat", "messages"}, nil, provider.Messages, true},
		{"what is not", []string{"chat", "messages"}, nil, provider.Embeddings, false},
		{"a glob", []string{"m*"}, nil, provider.Models, true},
		{"what is denied", []string{"*"}, []string{"embeddings"}, provider.Embeddings, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := set(t, policy.Policy{Name: "p", Endpoints: policy.List{Allow: tt.allow, Deny: tt.deny}, Models: policy.List{Deny: []string{"x"}}})
			d, err := s.Decide(t.Context(), &policy.Input{Policy: bind(t, s, "p"), Endpoint: tt.endpoint})
			require.NoError(t, err)
			if tt.want {
				assert.Equal(t, policy.Decision{Verdict: policy.Allow}, d)
				return
			}
			assert.Equal(t, policy.Decision{Drift: true, Finding: policy.Finding{Rule: "allowed_endpoints", Field: "endpoint", Requested: string(tt.endpoint), Allowed: tt.allow}}, d)
		})
	}
}

func TestCallsWithoutAModel(t *testing.T) {
	s := set(t, policy.Policy{Name: "p", Models: policy.List{Allow: []string{"gpt-4*"}}})
	d, err := s.Decide(t.Context(), &policy.Input{Policy: bind(t, s, "p"), Endpoint: provider.Models})
	require.NoError(t, err)
	assert.Equal(t, policy.Allow, d.Verdict, "lists of models do not restrict what takes none")
}

func BenchmarkDecide(b *testing.B) {
	one := to[int64](1)
	s := set(b, policy.Policy{
		Name:      "prod-agents/v4",
		Models:    policy.List{Allow: []string{"anthropic/claude-sonnet-4*", "openai/gpt-4*", "*-mini"}, Deny: []string{"*-preview", "azure-west-europe/*"}},
		Endpoints: policy.List{Allow: []string{"messages", "chat"}},
		Budgets:   []policy.Budget{{Name: "tokens", Per: "run", LimitTokens: one}},
	})
	for name, in := range map[string]policy.Input{
		"allow": {Target: policy.Target{Provider: "openai", Model: "gpt-4.1-with-a-name-that-is-rather-long"}},
		"deny":  {Target: policy.Target{Provider: "openai", Model: "gpt-5"}},
	} {
		in.Policy, in.Endpoint = bind(b, s, ""), provider.Chat
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Decide(ctx, &in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
