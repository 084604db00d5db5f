package translate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

const (
	toolF       = `{"name":"f","input_schema":{"type":"object"}}`
	toolFInChat = `{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}`
)

func TestMessagesToChatTools(t *testing.T) {
	tool := func(members string) string {
		return `"tools":[{"name":"f","input_schema":{"type":"object"}` + members + `}]`
	}
	want := func(members string) string {
		return `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}` + members + `}}]`
	}
	const closed = `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`
	const open = `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false}`
	checkChats(t, map[string]askedCase{
		"none":          {in: `"tools":[]`},
		"the least":     {in: `"tools":[` + toolF + `]`, want: `"tools":[` + toolFInChat + `]`},
		"of their type": {in: tool(`,"type":"custom","description":"Does \"it\"."`), want: want(`,"description":"Does \"it\"."`)},
		"without type":  {in: tool(`,"type":null`), want: want(``)},
		"a schema stays as it is": {in: `"tools":[{"name":"f","input_schema":{"$schema":"x","type":"object","properties":{"a":{"oneOf":[{"type":"string"},{"$ref":"#/$defs/b"}]}},"$defs":{"b":{"type":"null"}}}}]`,
			want: `"tools":[{"type":"function","function":{"name":"f","parameters":{"$schema":"x","type":"object","properties":{"a":{"oneOf":[{"type":"string"},{"$ref":"#/$defs/b"}]}},"$defs":{"b":{"type":"null"}}}}}]`},
		"strict": {in: `"tools":[{"name":"f","strict":true,"input_schema":` + closed + `}]`,
			want: `"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":` + closed + `}}]`},
		"strict, with a schema that cannot be": {in: `"tools":[{"name":"f","strict":true,"input_schema":` + open + `}]`, notes: "tools.strict=dropped",
			want: `"tools":[{"type":"function","function":{"name":"f","parameters":` + open + `}}]`},
		"strict, for a model that cannot be": {model: "gpt-4", in: `"tools":[{"name":"f","strict":true,"input_schema":` + closed + `}]`, notes: "tools.strict=dropped",
			want: `"tools":[{"type":"function","function":{"name":"f","parameters":` + closed + `}}]`},
		"not strict": {in: tool(`,"strict":false`), want: want(``)},
		"examples": {in: tool(`,"description":"Does it.","input_examples":[{"a": "x y"},{"b":"\"\\"}]`),
			want: want(`,"description":"Does it.\n\nExamples of the input:\n{\"a\":\"x y\"}\n{\"b\":\"\\\"\\\\\"}"`)},
		"what is only Anthropic's": {in: tool(`,"defer_loading":true,"allowed_callers":["direct","code_execution_20260120"],"eager_input_streaming":true`), want: want(``),
			notes: "tools.defer_loading=dropped, tools.allowed_callers=dropped, tools.eager_input_streaming=dropped"},
		"what is usual": {in: tool(`,"defer_loading":false,"allowed_callers":["direct"],"eager_input_streaming":null`), want: want(``)},

		"twice":                 {in: `"tools":[` + toolF + `,` + toolF + `]`, refused: `tools.1.name: "f" is declared already`},
		"without name":          {in: `"tools":[{"input_schema":{"type":"object"}}]`, refused: "tools.0.name: it is missing"},
		"without schema":        {in: `"tools":[{"name":"f"}]`, refused: "tools.0.input_schema: an object is wanted"},
		"of a schema of a text": {in: `"tools":[{"name":"f","input_schema":{"type":"string"}}]`, refused: `tools.0.input_schema.type: it is to be "object"`},
		"of a schema of either": {in: `"tools":[{"name":"f","input_schema":{"type":"object","anyOf":[{},{}]}}]`, refused: `tools.0.input_schema.anyOf: OpenAI does not take it`},
		"described by no text":  {in: tool(`,"description":1`), refused: "tools.0.description: a text is wanted"},
		"servers of them":       {in: `"mcp_servers":[{"type":"url","name":"a","url":"https://a"}]`, refused: "mcp_servers: Chat Completions calls no MCP servers"},
		"no servers":            {in: `"mcp_servers":[]`},
	})
}

// Bug: tools that the provider runs were left out or became others (envoy ai-gateway
// #2124, #2098). They are refused, and so are those that only Claude has learnt.
func TestMessagesToChatRefusesAnthropicsTools(t *testing.T) {
	for _, typ := range []string{
		"web_search_20250305", "web_search_20260318", "web_fetch_20250910", "code_execution_20260521", "computer_20251124", "bash_20250124",
		"text_editor_20250728", "memory_20250818", "tool_search_tool_bm25_20251119", "advisor_20260301", "mcp_toolset", "browser_toolset_20260801", "novel_1",
	} {
		for _, lenient := range []bool{false, true} {
			askedCase{lenient: lenient, in: `"tools":[` + toolF + `,{"type":"` + typ + `","name":"x","model":"m"}]`,
				refused: `tools.1.type: a tool of the type "` + typ + `" is known to Anthropic only`}.check(t)
		}
	}
}

func TestMessagesToChatTooManyTools(t *testing.T) {
	var tools []string
	for i := range 129 {
		tools = append(tools, fmt.Sprintf(`{"name":"f%d","input_schema":{"type":"object"}}`, i))
	}
	in := `"tools":[` + strings.Join(tools, ",") + `]`
	askedCase{in: in, refused: "tools: there are 129, and OpenAI takes no more than 128"}.check(t)
	got, err := asChat(t, askedCase{in: in}.whole(), Options{Model: "llama-4"})
	require.NoError(t, err)
	assert.Len(t, gjson.GetBytes(got.Body, "tools").Array(), 129)
}

func TestMessagesToChatToolChoice(t *testing.T) {
	choice := func(choice string) string { return `"tools":[` + toolF + `],"tool_choice":` + choice }
	want := func(members string) string { return `"tools":[` + toolFInChat + `]` + members }
	checkChats(t, map[string]askedCase{
		"auto":           {in: choice(`{"type":"auto"}`), want: want(`,"tool_choice":"auto"`)},
		"any":            {in: choice(`{"type":"any"}`), want: want(`,"tool_choice":"required"`)},
		"none":           {in: choice(`{"type":"none"}`), want: want(`,"tool_choice":"none"`)},
		"one":            {in: choice(`{"type":"tool","name":"f"}`), want: want(`,"tool_choice":{"type":"function","function":{"name":"f"}}`)},
		"one at a time":  {in: choice(`{"type":"auto","disable_parallel_tool_use":true}`), want: want(`,"tool_choice":"auto","parallel_tool_calls":false`)},
		"several":        {in: choice(`{"type":"auto","disable_parallel_tool_use":false}`), want: want(`,"tool_choice":"auto"`)},
		"without tools":  {in: `"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`},
		"none, without":  {in: `"tool_choice":{"type":"none"}`},
		"any, without":   {in: `"tool_choice":{"type":"any"}`, refused: "tool_choice: there is no tool"},
		"one of none":    {in: choice(`{"type":"tool","name":"g"}`), refused: `tool_choice.name: the request declares no tool "g"`},
		"one by no name": {in: choice(`{"type":"tool"}`), refused: `tool_choice.name: it is missing`},
		"another":        {in: choice(`{"type":"novel"}`), refused: `tool_choice.type: "novel" is not known`},
		"a word":         {in: choice(`"auto"`), refused: `tool_choice: `},
		"with a member":  {in: choice(`{"type":"auto","novel":1}`), refused: `tool_choice.novel: it is not known`},
	})
}

// Bug: that tools are called one at a time was thrown away, and side effects happened
// twice (edutelligence #923); or it became a choice that forces a tool (any-llm #1292).
func TestMessagesToChatOneCallAtATime(t *testing.T) {
	const in = `"tools":[` + toolF + `],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`
	checkChats(t, map[string]askedCase{
		"by the model":         {in: in, want: `"tools":[` + toolFInChat + `],"tool_choice":"auto","parallel_tool_calls":false`},
		"the model cannot":     {model: "o3", in: in, want: `"tools":[` + toolFInChat + `],"tool_choice":"auto"`, notes: "tool_choice.disable_parallel_tool_use=dropped"},
		"no choice is made up": {in: `"tools":[` + toolF + `]`, want: `"tools":[` + toolFInChat + `]`},
	})
}

// A name that does not fit is another one there, in definitions, the choice, and the
// history alike, and its own again in the answer.
func TestMessagesToChatToolNamesFit(t *testing.T) {
	long := strings.Repeat("mcp__server__", 8) + "search"
	fits := fitting(long)
	got, err := asChat(t, askedCase{in: `"tools":[{"name":"` + long + `","input_schema":{"type":"object"}},` + toolF + `],"tool_choice":{"type":"tool","name":"` + long + `"},` +
		`"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"` + long + `","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]`,
	}.whole(), Options{Model: "gpt-4o"})
	require.NoError(t, err)
	checkChat(t, got.Body)
	for _, path := range []string{"tools.0.function.name", "tool_choice.function.name", "messages.1.tool_calls.0.function.name"} {
		assert.Equal(t, fits, gjson.GetBytes(got.Body, path).String(), path)
	}
	assert.Equal(t, long, got.back.(*toMessages).names.back(fits))
	assert.Equal(t, "f", got.back.(*toMessages).names.back("f"))

	askedCase{in: `"tools":[{"name":"` + long + `","input_schema":{"type":"object"}},{"name":"` + fits + `","input_schema":{"type":"object"}}]`,
		refused: `tools.1.name: "` + fits + `" is declared already`}.check(t)
}

// A schema is one level deeper there, and is still read.
func TestMessagesToChatDeepSchemas(t *testing.T) {
	tool := func(levels int) string {
		return `"tools":[{"name":"f","input_schema":{"type":"object","x":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}}]`
	}
	got, err := asChat(t, askedCase{in: tool(maxNested - 1)}.whole(), Options{Model: "gpt-4o"})
	require.NoError(t, err)
	require.NoError(t, openai.Dialect{}.Parse(&provider.Request{Endpoint: provider.Chat, Body: got.Body}))
	askedCase{in: tool(maxNested), refused: "tools.0.input_schema: is nested too deep"}.check(t)
}
