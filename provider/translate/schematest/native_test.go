package schematest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
)

// deviating are the recordings that are not as their API says, by name, and why.
var deviating = map[string]string{
	"openai.chat/logfire-test-litellm-instrumentation-1":                "it sends a message back as it was answered, which the API lets pass",
	"openai.chat/activeagent-test-agent-common-format-multiple-tools-1": "it sends a message back as it was answered, which the API lets pass",
	"openai.chat/dd-trace-py-chat-completion-image-input-0":             "it is of a preview in 2023",
	"openai.chat/genai-genstream-stop-0":                                "it has audio in chunks, and an error in the end",
	"synthetic/openai-sse-filter-chunk-first":                           "Azure's chunk of filter results is its own",
	"synthetic/anthropic-usage-iterations":                              "it has what only the beta is said to have",
	"synthetic/anthropic-502-html":                                      "it comes from a proxy before the API",
	"synthetic/anthropic-sse-unknown-event":                             "it has what is not known yet",
}

// unlike are the faults of recorded answers that the API gives of old or to some.
var unlike = map[string]bool{
	"choices.#: lacks logprobs":        true, // 26 answers of 2024 and of search previews
	"choices.#.message: lacks refusal": true, // 4 answers of 2024
}

// TestRecordings says that the schemas tell what the APIs take and give: what is
// found wrong by them elsewhere is the fault of what it is found in.
func TestRecordings(t *testing.T) {
	cases, err := recordings.All("openai.chat", "openai.models", "anthropic.messages", "anthropic.models")
	require.NoError(t, err)
	checked := map[string]int{}
	for _, c := range cases {
		var faults []string
		if c.Method == "POST" && c.Status < 300 {
			faults = append(faults, requestFaults(c)...)
			checked["request"]++
		}
		for what, n := range answerFaults(c, &faults) {
			checked[what] += n
		}
		if _, ok := deviating[c.Name]; ok {
			assert.NotEmpty(t, faults, "%s is listed, and is as it should be", c.Name)
			continue
		}
		assert.Empty(t, faults, c.Name)
	}
	for what, least := range map[string]int{"request": 241, "answer": 156, "event": 1724, "error": 60, "entry": 10} {
		assert.GreaterOrEqual(t, checked[what], least, what)
	}
}

// setOf returns the schemas of the API that a case is of.
func setOf(c recordings.Case) Set {
	switch {
	case strings.Contains(c.API+c.Name, "openai"):
		return OpenAI
	case c.Query == "beta=true" || c.RequestHeader.Get("Anthropic-Beta") != "":
		return Anthropic2023Beta
	}
	return Anthropic2023
}

func requestFaults(c recordings.Case) []string {
	set := setOf(c)
	if set == OpenAI {
		return Validate(set, ChatRequest, c.Request)
	}
	return Validate(set, MessagesRequest, c.Request)
}

// answerFaults adds those of a recorded answer, and returns how many parts of it
// were looked at.
func answerFaults(c recordings.Case, faults *[]string) map[string]int {
	set := setOf(c)
	whole, event := MessagesAnswer, MessagesEvent
	if set == OpenAI {
		whole, event = ChatAnswer, ChatChunk
	}
	checked := map[string]int{}
	add := func(what, schema string, text []byte) {
		checked[what]++
		for _, f := range Validate(set, schema, text) {
			if !unlike[f] {
				*faults = append(*faults, f)
			}
		}
	}
	switch {
	case c.Status >= 300:
		add("error", ErrorAnswer, c.Response)
	case strings.HasSuffix(c.API, "models"):
		for _, m := range gjson.GetBytes(c.Response, "data").Array() {
			add("entry", ModelsEntry, []byte(m.Raw))
		}
	case c.Stream:
		for _, data := range events(c.Response) {
			if gjson.GetBytes(data, "error").Exists() {
				add("error", ErrorAnswer, data)
				continue
			}
			add("event", event, data)
		}
	default:
		add("answer", whole, c.Response)
	}
	return checked
}

// events returns the data of a stream's events but the last one of OpenAI's.
func events(stream []byte) (all [][]byte) {
	var s sse.Splitter
	if s.Feed(stream) != nil {
		return nil
	}
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		if e.Data != nil && string(e.Data) != "[DONE]" {
			all = append(all, e.Data)
		}
	}
	return all
}
