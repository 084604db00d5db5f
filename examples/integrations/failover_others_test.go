//go:build clients

package integrations

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// TestServedByTheOther lets the clients do what their agents have not done while the
// vendor that they ask is down.
func TestServedByTheOther(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		for _, s := range c.scenarios {
			if s == text || c.helper != "" && (s == stream || s == tool) || s == tool && c.plays(loop) {
				continue // another one holds it
			}
			t.Run(c.name+", "+string(s), func(t *testing.T) {
				t.Parallel()
				st := newSite(t, &c, served, func(cfg *gateway.Config) {
					const nobody = "http://127.0.0.1:1"
					switch p := cfg.Providers[slices.Index([]string{gpt, claude}, c.model)].(type) {
					case *openai.Provider:
						p.URL = nobody + "/v1"
					case *anthropic.Provider:
						p.URL = nobody
					}
					cfg.Policy = failoverPolicy(t, &fault{})
				})
				out := play(t, &c, st, served, c.paths[0], s)
				require.Nil(t, out.Error)
				requireScenario(t, &c, st, s, &out)
				st.requireClean(t)
				for _, r := range st.providers.Requests() {
					assert.Equal(t, map[string]string{gpt: "/v1/messages", claude: "/v1/chat/completions"}[c.model], r.Path)
				}
				require.Len(t, st.runs(), 1, "all calls are in one run")
				st.requireMetered(t, st.calls[0].run)
			})
		}
	}
}
