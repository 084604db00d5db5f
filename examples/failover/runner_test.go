package failover

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/anthropics/anthropic-sdk-go/v2/toolrunner"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// Anthropic's tool runner does its work, too, when another vendor's model serves it. It
// wants the API to keep the conversation, unless that is switched off, and sends it whole
// once it is told that it is not kept.
func TestToolRunner(t *testing.T) {
	overloaded := &fault{name: "is overloaded", as: provider.Overloaded, reply: always(fake.Overloaded())}
	for _, tt := range []struct {
		name   string
		model  string
		turns  []int // in which Anthropic dies
		alone  bool  // the conversation is not to be kept
		served []string
	}{
		{name: "in all turns, with the whole conversation", model: "claude-sonnet-4-5", turns: []int{0, 1, 2}, alone: true, served: []string{"openai", "openai", "openai"}},
		{name: "in the first turn", model: "claude-sonnet-4-5", turns: []int{0}, served: []string{"openai", "anthropic", "anthropic"}},
		{name: "in a later turn, with the whole conversation", model: "claude-sonnet-4-5", turns: []int{1}, alone: true, served: []string{"anthropic", "openai", "anthropic"}},
		{name: "in a later turn, while Anthropic has the conversation", model: "claude-sonnet-4-5", turns: []int{1}, served: []string{"anthropic", "anthropic", "anthropic"}},
		{name: "a model of OpenAI's", model: "gpt-4.1", served: []string{"openai", "openai", "openai"}},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/streamed=%t", tt.name, streamed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, anthropicVendor, openaiVendor, overloaded, tt.turns, streamed, true)
					last, executed := w.toolRunner(tt.model, tt.alone)
					assert.Equal(t, dialogue[2].text, last)
					want := slices.Concat(dialogue[0].calls, dialogue[1].calls)
					assert.ElementsMatch(t, normalised(want), normalised(executed), "each tool is run once")

					synctest.Wait()
					steps, err := w.gateway.Runs().Steps(t.Context(), run.Key{Team: (&run.Agent{ID: "support"}).TeamKey(), ID: "talk"}, 0, 100)
					require.NoError(t, err)
					var served []string
					for _, s := range steps {
						if s.Status == 200 {
							served = append(served, s.Provider)
						}
					}
					assert.Equal(t, tt.served, served)
					for _, r := range w.models[openaiVendor].Requests() {
						assert.False(t, gjson.GetBytes(r.Body, "thread").Exists())
					}
				})
			})
		}
	}
}

// toolRunner lets Anthropic's tool runner do its work, and returns the last text and what
// was called. It calls tools of one turn at once.
func (w *world) toolRunner(model string, alone bool) (last string, executed []call) {
	t := w.t
	t.Helper()
	calls := make(chan call, 100)
	var tools []anthropic.BetaTool
	for _, name := range []string{"track_parcel", "open_claim"} {
		tool, err := toolrunner.NewBetaToolFromBytes(name, "", []byte(schemas[name]),
			func(_ context.Context, args json.RawMessage) (anthropic.BetaToolResultBlockParamContentUnion, error) {
				c := call{name, strings.Replace(string(args), "9007199254740992", "9007199254740993", 1)} // the runner reads numbers as floats
				calls <- c
				return anthropic.BetaToolResultBlockParamContentUnion{OfText: &anthropic.BetaTextBlockParam{Text: perform(c)}}, nil
			})
		require.NoError(t, err)
		tools = append(tools, tool)
	}
	client := anthropic.NewClient(option.WithHTTPClient(w.place.client), option.WithAPIKey(w.place.token), option.WithHeader("X-Rungate-Run-Id", "talk"))
	params := anthropic.BetaToolRunnerParams{DisableThread: alone, BetaMessageNewParams: anthropic.BetaMessageNewParams{
		Model:     model,
		System:    []anthropic.BetaTextBlockParam{{Text: "You help customers."}},
		Messages:  []anthropic.BetaMessageParam{anthropic.NewBetaUserMessage(anthropic.NewBetaTextBlock(question))},
		MaxTokens: 1000,
	}}
	ctx := run.NewContext(t.Context(), run.Ref{Agent: "support"})
	turns := 0
	text := func(m anthropic.BetaMessage) {
		turns++
		w.comes(turns)
		last = ""
		for _, b := range m.Content {
			last += b.Text
		}
	}
	if w.streamed {
		runner := client.Beta.Messages.NewToolRunnerStreaming(tools, params)
		for events, err := range runner.AllStreaming(ctx) {
			require.NoError(t, err)
			var m anthropic.BetaMessage
			for event, err := range events {
				require.NoError(t, err)
				require.NoError(t, m.Accumulate(event))
			}
			if m.ID != "" { // the last one is none
				text(m)
			}
		}
		require.NoError(t, runner.Err())
	} else {
		for m, err := range client.Beta.Messages.NewToolRunner(tools, params).All(ctx) {
			require.NoError(t, err)
			text(*m)
		}
	}
	close(calls)
	for c := range calls {
		executed = append(executed, c)
	}
	return last, executed
}
