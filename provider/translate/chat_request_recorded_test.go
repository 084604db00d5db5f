package translate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// refusedRecordings are the recorded Chat requests that are not translated, and because
// of what.
var refusedRecordings = map[string]string{
	"activeagent-prompt-0":                                                          "audio",
	"activeagent-test-agent-logprobs-0":                                             "logprobs",
	"activeagent-test-agent-web-search-0":                                           "web_search_options",
	"dd-apm-test-ag-openai-chat-completions-post-6df851cc-0":                        "n",
	"dd-trace-py-chat-completion-audio-output-0":                                    "modalities",
	"dd-trace-py-chat-completion-custom-tool-call-0":                                "tools.0",
	"dd-trace-py-chat-completion-error-0":                                           "n",
	"dd-trace-py-completion-stream-multiple-choices-with-tools-0":                   "n",
	"genai-genstream-stop-0":                                                        "modalities",
	"genai-genstream-toplogprobs-0":                                                 "logprobs",
	"genai-genstream-toplogprobs-0-2":                                               "modalities",
	"genai-genstreammultimodal-audio-mp3-inline-0":                                  "messages.0.content.1",
	"genai-genstreammultimodal-audio-ogg-inline-0":                                  "messages.0.content.1.file.file_data",
	"genai-genstreammultimodal-image-jpg-url-0":                                     "modalities",
	"genai-gensync-json-0":                                                          "modalities",
	"genai-gensync-maxtokens-0-2":                                                   "modalities",
	"genai-gensync-seed-0-2":                                                        "modalities",
	"genai-gensync-tools-squareroot-1-0-2":                                          "modalities",
	"genai-gensync-toplogprobs-0":                                                   "logprobs",
	"genai-gensync-toplogprobs-0-2":                                                 "logprobs",
	"genai-gensyncmultimodal-audio-mp3-inline-0":                                    "messages.0.content.1",
	"genai-gensyncmultimodal-audio-ogg-inline-0":                                    "messages.0.content.1.file.file_data",
	"genai-gensyncmultimodal-document-pdf-inline-0":                                 "modalities",
	"langchaingo-testopenaifunctionsagentwithhttprr-1":                              "messages.2.tool_calls.0.function.arguments",
	"logfire-test-chat-completions-with-audio-input-0":                              "messages.0.content.1",
	"openllmetry-js-should-emit-logprobs-span-event-for-chat-completion-10288266-0": "logprobs",
	"openllmetry-js-should-emit-logprobs-span-event-for-stream-chat-completion-2-0": "logprobs",
	"openllmetry-test-vision-base64-3":                                              "messages.0.content.1.image_url",
	"opentelemetry--test-async-chat-completion-multiple-choices-0":                  "n",
	"opentelemetry--test-async-chat-completion-multiple-choices-streaming-0":        "n",
	"ruby_llm-chat-citations-with-openai-gpt-4o-mini-search-preview-return-0":       "web_search_options",
}

// prefilledRecordings are those that newer models refuse besides.
var prefilledRecordings = map[string]string{
	"dd-trace-py-test-crew-with-async-tasks-1": "messages",
	"dd-trace-py-test-crew-with-tool-1":        "messages",
	"dd-trace-py-test-hierarchical-crew-4":     "messages",
}

func TestRecordedChatRequestsAreTranslatedOrRefused(t *testing.T) {
	cases, err := recordings.All("openai.chat")
	require.NoError(t, err)
	translated := 0
	for _, c := range cases {
		r := &provider.Request{Endpoint: provider.Chat, Body: c.Request}
		if len(c.Request) == 0 || openai.Dialect.Parse(openai.Dialect{}, r) != nil {
			continue // there is none, or the gateway does not take it
		}
		name := strings.TrimPrefix(c.Name, "openai.chat/")
		for _, model := range []string{"claude-opus-4-8", "claude-haiku-4-5-20251001"} {
			want := refusedRecordings[name]
			if want == "" && model == "claude-opus-4-8" {
				want = prefilledRecordings[name]
			}
			tr, err := Request(r, anthropic.Dialect{}, Options{Model: model, MaxOutput: 64_000})
			if want != "" {
				var refused *RefusedError
				if assert.ErrorAs(t, err, &refused, "%s, for %s", name, model) {
					assert.Equal(t, want, refused.Path, "%s: %v", name, err)
				}
				continue
			}
			if !assert.NoError(t, err, "%s, for %s", name, model) {
				continue
			}
			translated++
			sent := &provider.Request{Endpoint: provider.Messages, Body: tr.Body}
			require.NoError(t, anthropic.Dialect{}.Parse(sent), "%s: %s", name, tr.Body)
			assert.Equal(t, r.Stream, sent.Stream, name)
			assert.Len(t, sent.Tools, len(r.Tools), name)
			if r.MaxOutput > 0 {
				assert.Equal(t, min(r.MaxOutput, 64_000), sent.MaxOutput, name)
			}
		}
	}
	assert.Greater(t, translated, 200)
}
