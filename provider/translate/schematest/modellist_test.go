package schematest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/provider/translate"
)

// TestModelEntries says that an entry in a list of models is one of the other API's in
// its list, whatever is known of the model.
func TestModelEntries(t *testing.T) {
	dialects := map[string]provider.Dialect{"openai.models": openai.Dialect{}, "anthropic.models": anthropic.Dialect{}}
	models := []translate.Model{
		{ID: "a"},
		{ID: "b", Label: "B", Owner: "me", Created: time.Unix(1_700_000_000, 0), MaxInput: 1000, MaxOutput: 100},
	}
	cases, err := recordings.All("openai.models", "anthropic.models")
	require.NoError(t, err)
	for _, c := range cases {
		if c.Status != 200 {
			continue
		}
		list := c.Response
		if c.Path != "/v1/models" {
			list = append(append([]byte("["), list...), ']')
		}
		read, _, err := translate.ReadModels(dialects[c.API], list)
		require.NoError(t, err, c.Name)
		models = append(models, read...)
	}
	require.Greater(t, len(models), 10)
	for _, m := range models {
		for _, name := range []string{m.ID, "p/" + m.ID} {
			assert.Empty(t, Validate(OpenAI, ModelsEntry, m.AppendTo(nil, openai.Dialect{}, name)), name)
			for _, set := range []Set{Anthropic2023, Anthropic2026} {
				assert.Empty(t, Validate(set, ModelsEntry, m.AppendTo(nil, anthropic.Dialect{}, name)), name)
			}
		}
	}
}
