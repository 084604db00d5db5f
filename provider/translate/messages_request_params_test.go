package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"
)

// Bug: max_tokens was sent to models that refuse it, a limit was made up that cut
// answers, or it did not arrive (litellm #13381, vercel/ai #9546, hermes-agent #12767,
// bifrost #5606).
func TestMessagesToChatMaxTokens(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"to OpenAI":               {in: `"max_tokens":64000`, want: `"max_completion_tokens":64000`},
		"to its reasoning models": {model: "o3", in: `"max_tokens":64000`, want: `"max_completion_tokens":64000`},
		"to compatible servers":   {model: "qwen3", in: `"max_tokens":64000`, want: `"max_tokens":64000`},
		"another spelling":        {in: `"max_tokens":1e3`, want: `"max_completion_tokens":1000`},
		"beyond the model's":      {limit: 16384, in: `"max_tokens":64000`, want: `"max_completion_tokens":16384`, notes: "max_tokens=clamped to 16384"},
		"as much as the model's":  {limit: 64000, in: `"max_tokens":64000`, want: `"max_completion_tokens":64000`},
		"to warm a cache":         {in: `"max_tokens":0`, refused: "max_tokens: 0 only warms the cache"},
		"none":                    {in: `"max_tokens":null`, refused: "max_tokens: it is missing"},
	})
}

// Bug: temperature and top_p were sent to models that refuse them (litellm #26246).
func TestMessagesToChatSampling(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"they stay":                 {in: `"temperature":0.70,"top_p":0.9`, want: `"temperature":0.70,"top_p":0.9`},
		"reasoning models":          {model: "gpt-5", in: `"temperature":0.7,"top_p":0.9`, notes: "temperature=dropped, top_p=dropped"},
		"which have the default":    {model: "o3", in: `"temperature":1.0,"top_p":1`},
		"top_k":                     {in: `"top_k":40`, notes: "top_k=dropped"},
		"null":                      {in: `"temperature":null,"top_p":null,"top_k":null`},
		"a temperature in words":    {in: `"temperature":"hot"`, refused: "temperature: a number is wanted"},
		"a share that is no number": {model: "gpt-5", in: `"top_p":true`, refused: "top_p: a number is wanted"},
	})
}

func TestMessagesToChatStopSequences(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"some":                    {in: `"stop_sequences":["\n\nHuman:"," "]`, want: `"stop":["\n\nHuman:"," "]`},
		"none":                    {model: "gpt-5", in: `"stop_sequences":[]`},
		"four":                    {in: `"stop_sequences":["a","b","c","d"]`, want: `"stop":["a","b","c","d"]`},
		"five":                    {lenient: true, in: `"stop_sequences":["a","b","c","d","e"]`, refused: "stop_sequences: there are 5, and Chat Completions stops at no more than 4"},
		"to a model without them": {lenient: true, model: "gpt-5", in: `"stop_sequences":["a"]`, refused: `stop_sequences: the model "gpt-5" does not stop`},
		"that are no texts":       {in: `"stop_sequences":[1]`, refused: "stop_sequences: a list of texts is wanted"},
		"that are no list":        {in: `"stop_sequences":"a"`, refused: "stop_sequences: "},
	})
}

func TestMessagesToChatStreams(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"usage is always asked for": {in: `"stream":true`, want: `"stream":true,"stream_options":{"include_usage":true}`},
		"no stream":                 {in: `"stream":false`},
	})
	got, err := asChat(t, askedCase{in: `"stream":true`}.whole(), Options{Model: "gpt-4o"})
	require.NoError(t, err)
	r := checkChat(t, got.Body)
	assert.True(t, r.Stream)
	assert.Zero(t, r.AskUsage, "nothing is left to ask for")
	assert.EqualValues(t, 100, r.MaxOutput, "the limit arrives")
	assert.Positive(t, got.back.(*toMessages).input)
}

func TestMessagesToChatFormats(t *testing.T) {
	const strict = `{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"],"additionalProperties":false}`
	const loose = `{"type":"object","properties":{"a":{"type":"string"}}}`
	format := func(schema string) string { return `{"type":"json_schema","schema":` + schema + `}` }
	want := func(strict, schema string) string {
		return `"response_format":{"type":"json_schema","json_schema":{"name":"output","strict":` + strict + `,"schema":` + schema + `}}`
	}
	checkChats(t, map[string]askedCase{
		"a schema":                  {in: `"output_config":{"format":` + format(strict) + `}`, want: want("true", strict)},
		"in the older place":        {in: `"output_format":` + format(strict), want: want("true", strict)},
		"that cannot be strict":     {in: `"output_config":{"format":` + format(loose) + `}`, want: want("false", loose), notes: "output_config.format=not strict"},
		"null":                      {in: `"output_config":{"format":null,"effort":null,"task_budget":null},"output_format":null`},
		"in both":                   {in: `"output_config":{"format":` + format(strict) + `},"output_format":` + format(strict), refused: "output_config.format: it is there together"},
		"of another type":           {in: `"output_config":{"format":{"type":"xml","schema":{}}}`, refused: `output_config.format.type: "xml" is not known`},
		"without schema":            {in: `"output_config":{"format":{"type":"json_schema"}}`, refused: `output_config.format.schema: an object is wanted`},
		"of a list":                 {in: `"output_config":{"format":` + format(`{"type":"array","items":{"type":"string"}}`) + `}`, refused: `output_config.format.schema.type: it is to be "object"`},
		"to a model that has none":  {model: "gpt-4", lenient: true, in: `"output_config":{"format":` + format(strict) + `}`, refused: `output_config.format: the model "gpt-4" cannot be held`},
		"with a member":             {in: `"output_config":{"format":{"type":"json_schema","schema":` + strict + `,"name":"x"}}`, refused: `output_config.format.name: it is not known`},
		"of a config with a member": {in: `"output_config":{"novel":1}`, refused: `output_config.novel: it is not known`},
		"a budget for a task":       {in: `"output_config":{"task_budget":{"type":"tokens","total":1}}`, refused: `output_config.task_budget: Chat Completions has no budget`},
		"a budget, leniently":       {lenient: true, in: `"output_config":{"task_budget":{"type":"tokens","total":1}}`, notes: "output_config.task_budget=dropped"},
	})
}

// Bug: an answer that was to be JSON came in the envelope of a tool that had been made up
// for it (litellm #35677).
func TestMessagesToChatFormatsAreNoTools(t *testing.T) {
	got, err := asChat(t, askedCase{in: `"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`}.whole(), Options{Model: "gpt-4o"})
	require.NoError(t, err)
	assert.False(t, gjson.GetBytes(got.Body, "tools").Exists())
	assert.False(t, gjson.GetBytes(got.Body, "tool_choice").Exists())
}

// Bug: parameters were left out without a word (langwatch/tasks #465). Each is carried
// along, noted or refused.
func TestMessagesToChatOtherMembers(t *testing.T) {
	long := strings.Repeat("u", 65)
	sum := sha256.Sum256([]byte(long))
	checkChats(t, map[string]askedCase{
		"who asks":                   {in: `"metadata":{"user_id":"u-1"}`, want: `"safety_identifier":"u-1"`},
		"who asks, at length":        {in: `"metadata":{"user_id":"` + long + `"}`, want: `"safety_identifier":"` + hex.EncodeToString(sum[:]) + `"`, notes: "metadata.user_id=hashed"},
		"who asks, elsewhere":        {model: "llama-4", in: `"metadata":{"user_id":"u-1"}`, want: `"user":"u-1"`},
		"nobody":                     {in: `"metadata":{"user_id":null}`},
		"metadata of another kind":   {in: `"metadata":{"team":"x"}`, refused: "metadata.team: it is not known"},
		"who asks is no text":        {in: `"metadata":{"user_id":7}`, refused: "metadata.user_id: a text is wanted"},
		"any tier":                   {in: `"service_tier":"auto"`, want: `"service_tier":"auto"`},
		"the standard tier":          {in: `"service_tier":"standard_only"`, want: `"service_tier":"default"`},
		"the tier, elsewhere":        {model: "llama-4", in: `"service_tier":"standard_only"`},
		"another tier":               {in: `"service_tier":"flex"`, refused: `service_tier: there is no tier like "flex"`},
		"a place":                    {lenient: true, in: `"inference_geo":"eu"`, refused: "inference_geo: where the model runs"},
		"speed":                      {in: `"speed":"fast"`, notes: "speed=dropped"},
		"the usual speed":            {in: `"speed":"standard"`},
		"diagnostics":                {in: `"diagnostics":{"previous_message_id":null}`, notes: "diagnostics=dropped"},
		"a profile":                  {in: `"user_profile_id":"p"`, notes: "user_profile_id=dropped"},
		"fallbacks":                  {in: `"fallbacks":[{"model":"claude-sonnet-5"}]`, notes: "fallbacks=dropped"},
		"edits of the context":       {in: `"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]}`, refused: "context_management: Chat Completions does not edit"},
		"edits, leniently":           {lenient: true, in: `"context_management":{"edits":[{"type":"compact_20260112","trigger":{}}]}`, notes: "context_management=dropped"},
		"no thinking in the end":     {in: `"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}`},
		"no edits":                   {in: `"context_management":{"edits":[]}`},
		"management of another kind": {in: `"context_management":{"novel":1}`, refused: "context_management.novel: it is not known"},
		"a container":                {lenient: true, in: `"container":"c_1"`, refused: "container: a container is kept by Anthropic"},
		"no container":               {in: `"container":null`},
		"a thread":                   {lenient: true, in: `"thread":{"type":"continue","previous_message_id":"msg_1"}`, refused: "thread: a thread is kept by Anthropic"},
		"a thread that begins":       {in: `"thread":{"type":"create"}`, notes: "thread=dropped"},
		"a thread of another kind":   {lenient: true, in: `"thread":{"type":"create","of":1}`, refused: "thread: a thread is kept by Anthropic"},
		"a compaction":               {lenient: true, in: `"compaction":{"type":"summarize"}`, refused: "compaction: a conversation cannot be compacted"},
		"who pays":                   {in: `"billing_policy":{"type":"billing_policy"}`, refused: "billing_policy: who pays"},
		"one answer":                 {in: `"n":1`},
		"two answers":                {lenient: true, in: `"n":2`, refused: "n: a Messages request has one answer"},
	})
}

// The members of the API's versions are those of either: 2026-10-21 has no sampling
// parameters, and takes no documents of an assistant and no citations of a user.
func TestMessagesToChatVersions(t *testing.T) {
	const both = `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b","citations":[{"type":"char_location","cited_text":"x","document_index":0,"document_title":null,"start_char_index":0,"end_char_index":1}]}]},{"role":"user","content":"c"}]`
	const want = `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]`
	checkChats(t, map[string]askedCase{
		"2023-06-01": {in: both + `,"temperature":0.5,"top_k":5,"thinking":{"type":"disabled"},"output_format":null`, want: want + `,"temperature":0.5`,
			notes: "messages.text.citations=dropped, top_k=dropped"},
		"2026-10-21": {in: both + `,"thinking":{"type":"between_tools"},"speed":"standard","diagnostics":null`, want: want,
			notes: "messages.text.citations=dropped, thinking=dropped"},
	})
}
