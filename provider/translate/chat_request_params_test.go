package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestChatMaxTokens(t *testing.T) {
	runAll(t, []requestCase{
		{name: "the new name", in: `"max_completion_tokens":5`, want: `"max_tokens":5`},
		{name: "the old name", in: `"max_tokens":5`, want: `"max_tokens":5`},
		{name: "both: the new one counts", in: `"max_tokens":7,"max_completion_tokens":5`, want: `"max_tokens":5`},
		{name: "more than the model has", in: `"max_tokens":70000`, want: `"max_tokens":64000`, notes: "max_tokens=clamped to 64000"},
		{name: "more than is known", in: `"max_tokens":70000`, max: -1, want: `"max_tokens":70000`},
		{name: "written another way", in: `"max_tokens":1e3`, want: `"max_tokens":1000`},
		{name: "none at all: not 4096 (vercel/ai #9546, hermes-agent #12767)", want: `"max_tokens":32000`},
		{name: "none at all of a smaller model", max: 8192, want: `"max_tokens":8192`},
		{name: "none at all of a stream is what the model has", in: `"stream":true`, want: `"stream":true,"max_tokens":64000`},
		{name: "none at all of a model that is not known", in: `"stream":true`, max: -1, want: `"stream":true,"max_tokens":32000`},
		{name: "nothing", in: `"max_tokens":0`, refusal: "max_tokens: a whole number above 0 is wanted"},
	})
}

func TestChatSampling(t *testing.T) {
	runAll(t, []requestCase{
		{name: "a temperature both take", in: `"temperature":0.30`, want: `"temperature":0.3`},
		{name: "a temperature Claude does not take", in: `"temperature":1.7`, want: `"temperature":1`, notes: "temperature=clamped to 1"},
		{name: "a share", in: `"top_p":0.9`, want: `"top_p":0.9`},
		{name: "both: one is enough (OpenHands #12909)", in: `"temperature":0,"top_p":0.9`, want: `"temperature":0`, notes: "top_p=dropped"},
		{name: "both, of which one is the usual", in: `"temperature":1,"top_p":0.9`, want: `"top_p":0.9`},
		{name: "both, of which the other one is the usual", in: `"temperature":0.2,"top_p":1`, want: `"temperature":0.2`},
		{name: "both, as usual", in: `"temperature":1.0,"top_p":1.0`, want: `"temperature":1`},
		{name: "models that take neither (litellm #26246)", model: "claude-opus-4-8", in: `"temperature":0.5,"top_p":0.9`, notes: "temperature=dropped, top_p=dropped"},
		{name: "models that take neither, told the usual", model: "claude-opus-4-7", in: `"temperature":1,"top_p":1`},
		{name: "models that are not known", model: "claude-next", in: `"temperature":0`, notes: "temperature=dropped"},
		{name: "servers of others", model: "glm-4.6", in: `"temperature":0.5`, want: `"temperature":0.5`},
		{name: "while it thinks, by effort", model: "claude-sonnet-4-6", in: `"temperature":0.5,"reasoning_effort":"low"`,
			want: `"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}`, notes: "temperature=dropped"},
		{name: "while it thinks, a small share", in: `"top_p":0.5,"reasoning_effort":"low"`, want: `"thinking":{"type":"enabled","budget_tokens":1024}`, notes: "top_p=dropped"},
		{name: "while it thinks, a large share", in: `"top_p":0.97,"reasoning_effort":"low"`, want: `"thinking":{"type":"enabled","budget_tokens":1024},"top_p":0.97`},
		{name: "no number", in: `"temperature":"hot"`, refusal: "temperature: a number is wanted"},
		{name: "no share", in: `"top_p":"most"`, refusal: "top_p: a number is wanted"},
		{name: "a text", in: `"stop":"END"`, want: `"stop_sequences":["END"]`},
		{name: "texts", in: `"stop":["\n\n","END"," "]`, want: `"stop_sequences":["END"]`, notes: "stop=white space dropped"},
		{name: "white space alone", in: `"stop":["\n"]`, notes: "stop=white space dropped"},
		{name: "stop at a number", in: `"stop":[1]`, refusal: "stop: a text or a list of texts is wanted"},
	})
}

func TestChatReasoningEffort(t *testing.T) {
	adaptive := func(effort string) string {
		return `"thinking":{"type":"adaptive"},"output_config":{"effort":"` + effort + `"}`
	}
	budget := func(tokens string) string { return `"thinking":{"type":"enabled","budget_tokens":` + tokens + `}` }
	asks := func(effort string) string { return `"reasoning_effort":"` + effort + `"` }
	runAll(t, []requestCase{
		{name: "none said, by effort", model: "claude-opus-4-8"},
		{name: "none said, by budget"},
		{name: "none, by effort", model: "claude-opus-4-8", in: asks("none"), want: `"thinking":{"type":"disabled"}`},
		{name: "none, of a model that always thinks", model: "claude-fable-5", in: asks("none"), want: `"output_config":{"effort":"low"}`, notes: "reasoning_effort=low"},
		{name: "none, by budget", in: asks("none")},
		{name: "minimal, by effort", model: "claude-opus-4-8", in: asks("minimal"), want: adaptive("low"), notes: "reasoning_effort=low"},
		{name: "low, by effort", model: "claude-opus-4-8", in: asks("low"), want: adaptive("low")},
		{name: "medium, by effort", model: "claude-opus-4-8", in: asks("medium"), want: adaptive("medium")},
		{name: "high, by effort", model: "claude-opus-4-8", in: asks("high"), want: adaptive("high")},
		{name: "xhigh, by effort", model: "claude-opus-4-8", in: asks("xhigh"), want: adaptive("xhigh")},
		{name: "xhigh, where it is not known", model: "claude-opus-4-6", in: asks("xhigh"), want: adaptive("high"), notes: "reasoning_effort=high"},
		{name: "max, by effort", model: "claude-opus-4-6", in: asks("max"), want: adaptive("max")},
		{name: "minimal, by budget", in: asks("minimal"), want: budget("1024")},
		{name: "low, by budget", in: asks("low"), want: budget("1024")},
		{name: "medium, by budget", in: asks("medium"), want: budget("4096")},
		{name: "high, by budget", model: "claude-opus-4-5", in: asks("high") + `,"stream":true`, want: budget("16384") + `,"stream":true,"max_tokens":64000`},
		{name: "xhigh, by budget", in: asks("xhigh") + `,"stream":true`, want: budget("32000") + `,"stream":true,"max_tokens":64000`, notes: "reasoning_effort=budget of 32000 tokens"},
		{name: "a limit of the answer stays what it is (bifrost #5606)", in: asks("high") + `,"max_completion_tokens":4000`,
			want: budget("2000") + `,"max_tokens":4000`, notes: "reasoning_effort=budget of 2000 tokens"},
		{name: "a limit that leaves no room", in: asks("low") + `,"max_completion_tokens":2000`, want: `"max_tokens":2000`, notes: "reasoning_effort=dropped for the limit of the answer"},
		{name: "with a call that is forced, by budget", in: both + `,"tool_choice":"required",` + asks("low"), want: bothUsed + `,"tool_choice":{"type":"any"}`, notes: "reasoning_effort=dropped for tool_choice"},
		{name: "with a call that is forced, by effort", model: "claude-opus-4-6", in: both + `,"tool_choice":"required",` + asks("low"), want: bothUsed + `,"tool_choice":{"type":"any"},` + adaptive("low")},
		{name: "after calls that came without thinking, by budget (opencode #3077)",
			in:    asks("low") + `,"messages":[` + hi + `,` + oneCall + `,{"role":"tool","tool_call_id":"call_a","content":"1"}]`,
			want:  cached + `,"messages":[` + hiTurn + `,` + oneUse + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":"1"}]}]`,
			notes: "reasoning_effort=dropped after tool calls"},
		{name: "after calls of an earlier turn, by budget",
			in:   asks("low") + `,"messages":[` + hi + `,` + oneCall + `,{"role":"tool","tool_call_id":"call_a","content":"1"},{"role":"assistant","content":"A"},` + hi + `]`,
			want: budget("1024") + `,` + cached + `,"messages":[` + hiTurn + `,` + oneUse + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":"1"}]},{"role":"assistant","content":[{"type":"text","text":"A"}]},` + hiTurn + `]`},
		{name: "with an answer that goes on, by budget", in: asks("low") + `,"messages":[` + hi + `,{"role":"assistant","content":"A"}]`,
			want: cached + `,"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"A"}]}]`, notes: "reasoning_effort=dropped for the assistant message at the end"},
		{name: "of a model that does not think", model: "claude-3-5-haiku-20241022", in: asks("high"), notes: "reasoning_effort=dropped"},
		{name: "of servers of others", model: "glm-4.6", in: asks("high"), notes: "reasoning_effort=dropped"},
		{name: "a word that is not known", in: asks("extreme"),
			refusal: "reasoning_effort: this effort is not known; it is one of none, minimal, low, medium, high, xhigh and max"},
	})
}

func TestChatWhatTheOtherAPIHasNot(t *testing.T) {
	const likely = "the other API does not tell how likely tokens were; do without"
	runAll(t, []requestCase{
		{name: "several answers", in: `"n":2`, refusal: "n: the other API gives one answer to a call; make several calls"},
		{name: "several answers, leniently as well", lenient: true, in: `"n":2`, refusal: "n: the other API gives one answer to a call; make several calls"},
		{name: "one answer", in: `"n":1`},
		{name: "likelihoods", in: `"logprobs":true`, refusal: "logprobs: " + likely},
		{name: "no likelihoods", in: `"logprobs":false,"top_logprobs":0`},
		{name: "likelihoods of others", in: `"top_logprobs":3`, refusal: "top_logprobs: " + likely},
		{name: "sound", in: `"modalities":["text","audio"]`, refusal: "modalities: the other API answers with text only"},
		{name: "a voice", in: `"audio":{"voice":"alloy","format":"wav"}`, refusal: "audio: the other API answers with text only"},
		{name: "text", in: `"modalities":["text"]`},
		{name: "moderation", in: `"moderation":{"model":"omni-moderation-latest"}`,
			refusal: "moderation: the other API does not moderate what it reads and writes; do it in a call of its own"},
		{name: "what is said of each thing that is left out (langwatch #465)",
			in:    `"frequency_penalty":0.5,"presence_penalty":1,"logit_bias":{"1":2},"seed":0,"verbosity":"low","prediction":{"type":"content","content":"a"},"metadata":{"a":"b"},"store":true`,
			notes: "frequency_penalty=dropped, presence_penalty=dropped, logit_bias=dropped, seed=dropped, verbosity=dropped, prediction=dropped, metadata=dropped, store=dropped"},
		{name: "what is as usual", in: `"frequency_penalty":0.0,"presence_penalty":0,"logit_bias":{},"seed":null,"verbosity":"medium","metadata":{},"store":false`},
	})
}

func TestChatStreamOptions(t *testing.T) {
	tr := requestCase{in: `"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}`, want: `"stream":true,"max_tokens":64000`}.run(t)
	assert.Equal(t, &toChat{usage: true}, tr.back)
	tr = requestCase{in: `"stream":true,"stream_options":{"include_usage":false}`, want: `"stream":true,"max_tokens":64000`}.run(t)
	assert.Equal(t, &toChat{}, tr.back)
	requestCase{in: `"stream":false`}.run(t)
	requestCase{in: `"stream":true,"stream_options":{"pace":1}`,
		refusal: "stream_options.pace: it is not known what this would be at the other API; leave it out, or translate leniently"}.run(t)
}

func TestChatWhoAndHow(t *testing.T) {
	hashed := func(id string) string {
		sum := sha256.Sum256([]byte(id))
		return `"metadata":{"user_id":"` + hex.EncodeToString(sum[:]) + `"}`
	}
	const uuid = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
	runAll(t, []requestCase{
		{name: "a UUID", in: `"safety_identifier":"` + uuid + `"`, want: `"metadata":{"user_id":"` + uuid + `"}`},
		{name: "by the old name", in: `"user":"` + uuid + `"`, want: `"metadata":{"user_id":"` + uuid + `"}`},
		{name: "by both names", in: `"user":"ann","safety_identifier":"` + uuid + `"`, want: `"metadata":{"user_id":"` + uuid + `"}`, notes: "user=dropped"},
		{name: "by both names, the same", in: `"user":"` + uuid + `","safety_identifier":"` + uuid + `"`, want: `"metadata":{"user_id":"` + uuid + `"}`},
		{name: "a name", in: `"user":"ann"`, want: hashed("ann"), notes: "user=hashed"},
		{name: "an address", in: `"safety_identifier":"ann@example.org"`, want: hashed("ann@example.org"), notes: "safety_identifier=hashed"},
		{name: "a telephone number", in: `"user":"+49 170 1234567"`, want: hashed("+49 170 1234567"), notes: "user=hashed"},
		{name: "a telephone number in digits", in: `"user":"00491701234567"`, want: hashed("00491701234567"), notes: "user=hashed"},
		{name: "a name with its birthday", in: `"user":"ann-smith-19790304"`, want: hashed("ann-smith-19790304"), notes: "user=hashed"},
		{name: "nobody", in: `"user":""`},
		{name: "auto", in: `"service_tier":"auto"`, want: `"service_tier":"auto"`},
		{name: "default", in: `"service_tier":"default"`, want: `"service_tier":"standard_only"`},
		{name: "flex", in: `"service_tier":"flex"`, notes: "service_tier=dropped"},
		{name: "priority", in: `"service_tier":"priority"`, notes: "service_tier=dropped"},
	})
}
