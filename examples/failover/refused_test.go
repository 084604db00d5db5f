package failover

import (
	"testing"
	"testing/synctest"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// What the other vendor's model cannot do is refused before anybody is asked, and the SDK
// raises why. Where that model would only have stood in, the SDK raises what the first
// provider has said.
func TestUntranslatable(t *testing.T) {
	overloaded := &fault{name: "is overloaded", as: provider.Overloaded, reply: always(fake.Overloaded())}
	for _, tt := range []struct {
		name        string
		first, next *vendor
		change      func(agent)
		why         string
		status      int // of the first provider
	}{
		{"two answers", openaiVendor, anthropicVendor, func(a agent) { a.(*openaiAgent).params.N = openai.Int(2) }, "n: the other API gives one answer", 503},
		{"sound", openaiVendor, anthropicVendor, func(a agent) { a.(*openaiAgent).params.Modalities = []string{"text", "audio"} }, "modalities: the other API answers with text only", 503},
		{"a place", anthropicVendor, openaiVendor, func(a agent) { a.(*anthropicAgent).params.InferenceGeo = anthropic.String("eu") }, "inference_geo: where the model runs cannot be asked for", 529},
	} {
		for _, streamed := range []bool{false, true} {
			for _, standsIn := range []bool{false, true} {
				name := tt.name + "/whole"
				if streamed {
					name = tt.name + "/streamed"
				}
				if standsIn {
					name += "/in place of another"
				}
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, tt.first, tt.next, overloaded, nil, streamed, true)
						w.both = true
						model := tt.next.target()
						if standsIn {
							model = tt.first.target()
						}
						a := tt.first.agent(w.place, model, streamed)
						tt.change(a)
						_, err := a.ask(run.NewContext(t.Context(), run.Ref{Agent: "support"}))
						status, message := raised(t, err)
						assert.Empty(t, w.models[tt.next].Requests())
						if standsIn {
							assert.Equal(t, tt.status, status)
							assert.NotContains(t, message, "Rungate")
							require.NotEmpty(t, w.models[tt.first].Requests())
							return
						}
						assert.Equal(t, 400, status)
						assert.Contains(t, message, tt.why)
						assert.Empty(t, w.models[tt.first].Requests())
					})
				})
			}
		}
	}
}
