package anthropic_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

var _ provider.Provider = (*anthropic.Provider)(nil)

func TestZeroProvider(t *testing.T) {
	p := new(anthropic.Provider)
	assert.NoError(t, p.Check())
	assert.Equal(t, "anthropic", p.Name())
	assert.Equal(t, "https://api.anthropic.com", p.BaseURL().String())
	assert.Equal(t, anthropic.Dialect{}, p.Dialect())
}

func TestBaseURL(t *testing.T) {
	for url, want := range map[string]string{
		"https://host":              "https://host",
		"https://host/":             "https://host",
		"https://host/v1":           "https://host",
		"https://host/v1/":          "https://host",
		"https://host/anthropic":    "https://host/anthropic",
		"https://host/anthropic/v1": "https://host/anthropic",
		"https://host/v11":          "https://host/v11",
	} {
		p := &anthropic.Provider{URL: url}
		require.NoError(t, p.Check())
		assert.Equal(t, want, p.BaseURL().String(), url)
	}
}

// The version of the API is the agent's to say.
func TestSign(t *testing.T) {
	for name, c := range map[string]struct {
		provider *anthropic.Provider
		want     http.Header
	}{
		"a key":          {&anthropic.Provider{APIKey: "sk-1"}, http.Header{"X-Api-Key": {"sk-1"}}},
		"a bearer token": {&anthropic.Provider{APIKey: "sk-1", Header: "authorization"}, http.Header{"Authorization": {"Bearer sk-1"}}},
		"no key":         {&anthropic.Provider{}, http.Header{}},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Anthropic-Version": {"2026-10-21"}}
			c.want.Set("Anthropic-Version", "2026-10-21")
			require.NoError(t, c.provider.Sign(t.Context(), h))
			assert.Equal(t, c.want, h)
		})
	}
}

func TestCheck(t *testing.T) {
	err := (&anthropic.Provider{ID: "a b", URL: "host", APIKey: "secret\r\n"}).Check()
	for _, part := range []string{"provider a b", "ID", "URL", "APIKey"} {
		require.ErrorContains(t, err, part)
	}
	assert.NotContains(t, err.Error(), "secret")
}
