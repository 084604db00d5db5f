package schematest

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider/translate"
)

// TestModels says of every recorded model that its entry is as either API's schema
// says, in both APIs, under its own name and another one.
func TestModels(t *testing.T) {
	for api, s := range map[string]*side{"openai.models": chat, "anthropic.models": messages} {
		cases, err := recordings.All(api)
		require.NoError(t, err)
		checked := 0
		for _, c := range cases {
			if c.Status != http.StatusOK {
				continue
			}
			page := c.Response
			if !gjson.GetBytes(page, "data").Exists() { // it is one of them
				page = fmt.Appendf(nil, `{"object":"list","data":[%s]}`, page)
			}
			models, _, err := translate.ReadModels(s.dialect, page)
			require.NoError(t, err, c.Name)
			for _, m := range models {
				for _, to := range []*side{chat, messages} {
					for _, name := range []string{m.ID, "prime/" + m.ID} {
						entry := m.AppendTo(nil, to.dialect, name)
						assert.Equal(t, name, gjson.GetBytes(entry, "id").Str)
						for _, set := range to.sets {
							assert.Empty(t, Validate(set, ModelsEntry, entry), "%s: %s", c.Name, entry)
						}
					}
				}
				checked++
			}
		}
		assert.NotZero(t, checked, api)
	}
}
