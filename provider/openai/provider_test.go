package openai_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

var _ provider.Provider = (*openai.Provider)(nil)

func TestZeroProvider(t *testing.T) {
	p := new(openai.Provider)
	assert.NoError(t, p.Check())
	assert.Equal(t, "openai", p.Name())
	assert.Equal(t, "https://api.openai.com/v1", p.BaseURL().String())
	assert.Same(t, p.BaseURL(), p.BaseURL())
	assert.Empty(t, p.Models())
	assert.Equal(t, openai.Dialect{}, p.Dialect())
}

func TestSign(t *testing.T) {
	ask := func(key provider.Secret, err error) func(context.Context) (provider.Secret, error) {
		return func(context.Context) (provider.Secret, error) { return key, err }
	}
	for name, c := range map[string]struct {
		provider *openai.Provider
		want     http.Header
		err      string
	}{
		"a bearer token":        {&openai.Provider{APIKey: "sk-1"}, http.Header{"Authorization": {"Bearer sk-1"}}, ""},
		"a bare key":            {&openai.Provider{APIKey: "sk-1", Header: "api-key"}, http.Header{"Api-Key": {"sk-1"}}, ""},
		"a key that is rotated": {&openai.Provider{Key: ask("sk-2", nil)}, http.Header{"Authorization": {"Bearer sk-2"}}, ""},
		"no key":                {&openai.Provider{}, http.Header{}, ""},
		"who pays": {
			&openai.Provider{APIKey: "sk-1", Organization: "org-1", Project: "proj-1"},
			http.Header{"Authorization": {"Bearer sk-1"}, "Openai-Organization": {"org-1"}, "Openai-Project": {"proj-1"}}, "",
		},
		"no key to be had": {&openai.Provider{ID: "mine", Key: ask("", errors.New("the vault is sealed"))}, nil, "provider mine: looking up the key: the vault is sealed"},
		"an empty key":     {&openai.Provider{Key: ask("", nil)}, nil, "provider openai: looking up the key: it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Openai-Organization": {"the agent's"}}
			for range 2 {
				err := c.provider.Sign(t.Context(), h)
				if c.err != "" {
					assert.EqualError(t, err, c.err)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, c.want, h)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		provider *openai.Provider
		err      string // empty is none
	}{
		"a local server":     {&openai.Provider{ID: "local", URL: "http://localhost:8000/v1/", Serves: []string{"llama*"}}, ""},
		"no URL":             {&openai.Provider{URL: "://"}, "URL cannot be parsed"},
		"another scheme":     {&openai.Provider{URL: "ftp://host/v1"}, "neither http nor https"},
		"no scheme":          {&openai.Provider{URL: "localhost/v1"}, "neither http nor https"},
		"no host":            {&openai.Provider{URL: "https:///v1"}, "no host"},
		"a password":         {&openai.Provider{URL: "https://user:secret@host/v1"}, "belongs into APIKey"},
		"a query":            {&openai.Provider{URL: "https://host/v1?a=b"}, "query"},
		"two sorts of key":   {&openai.Provider{APIKey: "a", Key: func(context.Context) (provider.Secret, error) { return "", nil }}, "both"},
		"a key with its end": {&openai.Provider{APIKey: "secret\n"}, "line end"},
		"no header":          {&openai.Provider{Header: "a b"}, "no name of a header"},
		"a slash":            {&openai.Provider{ID: "a/b"}, "slash"},
		"no model":           {&openai.Provider{Serves: []string{"a", ""}}, "Serves[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.provider.Check()
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.err)
			assert.ErrorContains(t, err, "provider "+c.provider.Name())
			assert.NotContains(t, err.Error(), "secret")
			assert.NotNil(t, c.provider.BaseURL())
		})
	}
	t.Run("every mistake at once", func(t *testing.T) {
		err := (&openai.Provider{ID: "a/b", URL: "ftp://host", Header: " "}).Check()
		for _, part := range []string{"ID", "URL", "Header"} {
			assert.ErrorContains(t, err, part)
		}
	})
}
