package recordings_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
)

func TestAll(t *testing.T) {
	cases, err := recordings.All()
	require.NoError(t, err)

	seen := map[string]bool{}
	apis := map[string]int{}
	for _, c := range cases {
		assert.False(t, seen[c.Name], "%s is there twice", c.Name)
		seen[c.Name] = true
		apis[c.API]++

		assert.NotEmpty(t, c.Method, c.Name)
		assert.NotEmpty(t, c.Path, c.Name)
		assert.NotZero(t, c.Status, c.Name)
		if c.Method == "POST" && !c.Synthetic {
			assert.NotEmpty(t, c.Request, c.Name)
		}
		if c.Synthetic {
			assert.NotEmpty(t, c.Note, c.Name)
			continue
		}
		assert.NotEmpty(t, c.Origin.Repo, c.Name)
		assert.NotEmpty(t, c.Origin.Commit, c.Name)
		assert.NotEmpty(t, c.Origin.File, c.Name)
		assert.Regexp(t, "MIT|Apache-2.0|BSD-3-Clause", c.Origin.Licence, c.Name)
	}
	for _, api := range []string{
		"anthropic.count_tokens", "anthropic.messages", "anthropic.models",
		"openai.chat", "openai.embeddings", "openai.models", "openai.responses",
	} {
		assert.NotZero(t, apis[api], api)
	}
}

func TestAllOfOneAPI(t *testing.T) {
	cases, err := recordings.All("openai.embeddings")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, c := range cases {
		assert.Equal(t, "openai.embeddings", c.API, c.Name)
	}
}
