package translate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A tool, declared and as it is sent.
const (
	lookTool = `{"type":"function","function":{"name":"look","description":"Looks \"there\".","parameters":{"type":"object","properties":{"at":{"type":"integer"}}}}}`
	lookUsed = `{"name":"look","description":"Looks \"there\".","input_schema":{"type":"object","properties":{"at":{"type":"integer"}}}}`
	goTool   = `{"type":"function","function":{"name":"go"}}`
	goUsed   = `{"name":"go","input_schema":{"type":"object","properties":{}}}`
	both     = `"tools":[` + lookTool + `,` + goTool + `]`
	bothUsed = `"tools":[` + lookUsed + `,` + goUsed + `],` + cached
	cached   = `"cache_control":{"type":"ephemeral"}`
)

func TestChatTools(t *testing.T) {
	declares := func(parameters string) string {
		return `"tools":[{"type":"function","function":{"name":"look","parameters":` + parameters + `}}]`
	}
	uses := func(schema string) string {
		return `"tools":[{"name":"look","input_schema":` + schema + `}],` + cached
	}
	runAll(t, []requestCase{
		{name: "are declared in order", in: both, want: bothUsed},
		{name: "none", in: `"tools":[]`},
		{name: "without parameters", in: declares(`null`), want: uses(`{"type":"object","properties":{}}`)},
		{name: "with empty parameters", in: declares(`{ }`), want: uses(`{"type":"object","properties":{}}`)},
		{name: "whose schema does not say that it is an object's", in: declares(`{ "properties":{"a":{}}}`), want: uses(`{"type":"object","properties":{"a":{}}}`)},
		{name: "whose schema is another's", in: declares(`{"type":"array","items":{}}`),
			refusal: `tools.0.function.parameters: the other API takes objects only; let the schema's type be "object"`},
		{name: "whose schema's type is null", in: declares(`{"type":null,"properties":{}}`),
			refusal: `tools.0.function.parameters: the other API takes objects only; let the schema's type be "object"`},
		{name: "whose schema is several at its root", in: declares(`{"type":"object","anyOf":[{}]}`),
			refusal: `tools.0.function.parameters: the other API takes no "anyOf" at the root of a schema; put it into a property`},
		{name: "whose schema is several within", in: declares(`{"type":"object","properties":{"a":{"anyOf":[{}]}}}`), want: uses(`{"type":"object","properties":{"a":{"anyOf":[{}]}}}`)},
		{name: "whose schema says something twice", in: declares(`{"type":"object","properties":{"a":{"type":"string","type":"null"}}}`),
			refusal: `tools.0.function.parameters: a second member "type"`},
		{name: "whose description is empty", in: `"tools":[{"type":"function","function":{"name":"go","description":""}}]`, want: `"tools":[` + goUsed + `],` + cached},
		{name: "whose schema is no object", in: declares(`"a"`), refusal: "tools.0.function.parameters: an object is wanted"},
		{name: "with grammars of their own", in: `"tools":[{"type":"custom","custom":{"name":"look"}}]`,
			refusal: "tools.0: a tool of this type has no like at the other API; declare a function"},
		{name: "that the provider runs, leniently as well (envoy #2124, #2098)", lenient: true, in: `"tools":[` + lookTool + `,{"type":"web_search"}]`,
			refusal: "tools.1: a tool of this type has no like at the other API; declare a function"},
		{name: "without a name", in: `"tools":[{"type":"function","function":{}}]`, refusal: "tools.0.function.name: a name is wanted"},
		{name: "of a name that another one gets", in: `"tools":[{"type":"function","function":{"name":"a.b"}},{"type":"function","function":{"name":"` + fitting("a.b") + `"}}]`,
			refusal: "tools.1.function.name: another tool has the same name; give each its own"},
		{name: "of one name", in: `"tools":[` + goTool + `,` + goTool + `]`, refusal: "tools.1.function.name: another tool has the same name; give each its own"},
		{name: "that search the web", in: `"web_search_options":{}`,
			refusal: "web_search_options: the other API searches in another way and at other prices; search with a tool of your own"},
		{name: "with more to them than is known", in: `"tools":[{"type":"function","function":{"name":"go","examples":[]}}]`,
			refusal: "tools.0.function.examples: it is not known what this would be at the other API; leave it out, or translate leniently"},
	})
}

func TestChatModelsThatSearchAreRefused(t *testing.T) {
	requestCase{in: `"model":"gpt-4o-mini-search-preview"`, refusal: "model: it searches the web by itself, which the other API's models do not"}.run(t)
}

// Ids of more than 64 characters, or of other ones, were refused or lost (portkey #1062,
// experiential #801).
func TestChatToolNamesAndIdsFit(t *testing.T) {
	long := strings.Repeat("a", 65)
	fit, id := fitting("files.read"), fitting("call:"+long)
	tr := requestCase{
		in: `"tools":[{"type":"function","function":{"name":"files.read"}},{"type":"function","function":{"name":"` + long + `"}}],
			"tool_choice":{"type":"function","function":{"name":"files.read"}},
			"messages":[` + hi + `,{"role":"assistant","tool_calls":[{"id":"call:` + long + `","type":"function","function":{"name":"files.read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call:` + long + `","content":"1"}]`,
		want: `"tools":[{"name":"` + fit + `","input_schema":{"type":"object","properties":{}}},{"name":"` + fitting(long) + `","input_schema":{"type":"object","properties":{}}}],
			"tool_choice":{"type":"tool","name":"` + fit + `"},` + cached + `,
			"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"tool_use","id":"` + id + `","name":"` + fit + `","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"` + id + `","content":"1"}]}]`,
	}.run(t)
	assert.Equal(t, &toChat{names: names{fit: "files.read", fitting(long): long}}, tr.back)
	assert.LessOrEqual(t, len(id), maxName)
}

func TestChatCalls(t *testing.T) {
	calls := func(call string) string {
		return `"messages":[` + hi + `,{"role":"assistant","tool_calls":[` + call + `]},{"role":"tool","tool_call_id":"call_a","content":"1"}]`
	}
	function := func(arguments string) string {
		return calls(`{"id":"call_a","type":"function","function":{"name":"look","arguments":` + arguments + `}}`)
	}
	uses := func(input string) string {
		return cached + `,"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"tool_use","id":"call_a","name":"look","input":` + input + `}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":"1"}]}]`
	}
	const bad = "messages.1.tool_calls.0.function.arguments: a JSON object is wanted, since the other API takes nothing else; mend the arguments"
	runAll(t, []requestCase{
		{name: "arguments are an object", in: function(`" {\"a\": [1.50, \"\\u00e4\\n\"]}\n"`), want: uses(`{"a":[1.50,"ä\n"]}`)},
		{name: "no arguments are an empty one", in: function(`""`), want: uses(`{}`)},
		{name: "arguments that are missing are an empty one", in: function(`null`), want: uses(`{}`)},
		{name: "arguments that are cut off", in: function(`"{\"a\": [1"`), refusal: bad},
		{name: "arguments that are no object", in: function(`"[1]"`), refusal: bad},
		{name: "arguments that are no JSON", in: function(`"look there"`), refusal: bad},
		{name: "arguments with a member twice", in: function(`"{\"a\":1,\"a\":2}"`), refusal: `messages.1.tool_calls.0.function.arguments: a second member "a"`},
		{name: "arguments with a member twice within", in: function(`"{\"a\":[{\"b\":1,\"b\":2}]}"`), refusal: `messages.1.tool_calls.0.function.arguments: a second member "b"`},
		{name: "arguments that are no text", in: function(`{"a":1}`), refusal: bad},
		{name: "of a type that is not known", in: calls(`{"id":"call_a","type":"custom","custom":{"name":"look","input":"x"}}`),
			refusal: "messages.1.tool_calls.0: a call of this type has no like at the other API"},
		{name: "whose function is nothing", in: calls(`{"id":"call_a","type":"function"}`), refusal: "messages.1.tool_calls.0.function: an object is wanted"},
		{name: "without an id", in: calls(`{"type":"function","function":{"name":"look","arguments":"{}"}}`), refusal: "messages.1.tool_calls.0.id: an id is wanted"},
		{name: "without a name", in: calls(`{"id":"call_a","type":"function","function":{"arguments":"{}"}}`), refusal: "messages.1.tool_calls.0.function.name: a name is wanted"},
		{name: "of servers that write null for none", in: calls(`{"id":"call_a","type":"function","function":{"name":"look","arguments":"null"}}`), want: uses(`{}`)},
		{name: "as an SDK has parsed them", in: calls(`{"id":"call_a","type":"function","function":{"name":"look","arguments":"{\"a\":1}","parsed_arguments":{"a":1}}}`), want: uses(`{"a":1}`)},
		{name: "as Gemini has signed them", in: calls(`{"id":"call_a","type":"function","function":{"name":"look","arguments":"{}"},"extra_content":{"google":{"thought_signature":"x"}}}`), want: uses(`{}`),
			notes: "messages.tool_calls.extra_content=dropped"},
		{name: "as they are put together from a stream", in: calls(`{"index":0,"id":"call_a","type":"function","function":{"name":"look","arguments":"{}"}}`), want: uses(`{}`)},
		{name: "an empty list is none", in: `"messages":[` + hi + `,{"role":"assistant","content":"A","tool_calls":[]},` + hi + `]`,
			want: cached + `,"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"A"}]},` + hiTurn + `]`},
		{name: "follow the text of their turn (bifrost #3688)", in: `"messages":[` + hi + `,{"tool_calls":[{"id":"call_a","type":"function","function":{"name":"look","arguments":"{}"}}],"content":"First.","reasoning_content":"Hm","role":"assistant"},{"role":"tool","tool_call_id":"call_a","content":"1"}]`,
			want:  cached + `,"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"First."},{"type":"tool_use","id":"call_a","name":"look","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":"1"}]}]`,
			notes: "messages.reasoning_content=dropped"},
		{name: "that share an id", in: calls(`{"id":"call_a","type":"function","function":{"name":"look","arguments":"{}"}},{"id":"call_a","type":"function","function":{"name":"look","arguments":"{}"}}`),
			refusal: `messages.1.tool_calls.1.function: another call has the same id, "call_a"; give each its own`},
		{name: "that share an id with an earlier turn's", in: `"messages":[` + hi + `,` + oneCall + `,{"role":"tool","tool_call_id":"call_a","content":"1"},` + oneCall + `,{"role":"tool","tool_call_id":"call_a","content":"1"}]`,
			refusal: `messages.3.tool_calls.0.function: another call has the same id, "call_a"; give each its own`},
		{name: "that are no list", in: `"messages":[` + hi + `,{"role":"assistant","tool_calls":{}}]`, refusal: "messages.1.tool_calls: a list is wanted"},
	})
}

func TestChatToolChoice(t *testing.T) {
	runAll(t, []requestCase{
		{name: "none keeps the tools, which the history may use", in: both + `,"tool_choice":"none"`, want: bothUsed + `,"tool_choice":{"type":"none"}`},
		{name: "auto", in: both + `,"tool_choice":"auto"`, want: bothUsed + `,"tool_choice":{"type":"auto"}`},
		{name: "required", in: both + `,"tool_choice":"required"`, want: bothUsed + `,"tool_choice":{"type":"any"}`},
		{name: "a function", in: both + `,"tool_choice":{"type":"function","function":{"name":"go"}}`, want: bothUsed + `,"tool_choice":{"type":"tool","name":"go"}`},
		{name: "a function that there is not", in: both + `,"tool_choice":{"type":"function","function":{"name":"fly"}}`, refusal: `tool_choice: the request declares no tool "fly"`},
		{name: "a custom tool", in: both + `,"tool_choice":{"type":"custom","custom":{"name":"go"}}`,
			refusal: "tool_choice: a choice of this type has no like at the other API; it is none, auto, required or a function"},
		{name: "some of the tools", in: both + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"go"}}]}}`,
			want: `"tools":[` + goUsed + `],` + cached + `,"tool_choice":{"type":"any"}`, notes: "tools=only those that are allowed"},
		{name: "some of the tools, or none of them", in: both + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"go"}}]}}`,
			want: `"tools":[` + goUsed + `],` + cached + `,"tool_choice":{"type":"auto"}`, notes: "tools=only those that are allowed"},
		{name: "some tools that are not functions", in: both + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"mcp","server_label":"a"}]}}`,
			refusal: "tool_choice.allowed_tools.tools: a tool of this type has no like at the other API; declare a function"},
		{name: "some tools that are no list", in: both + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto"}}`,
			refusal: "tool_choice.allowed_tools.tools: a list is wanted"},
		{name: "a word that is not known", in: both + `,"tool_choice":"some"`,
			refusal: "tool_choice: a choice of this type has no like at the other API; it is none, auto, required or a function"},
		{name: "one at a time, where nothing else is chosen (edutelligence #923)", in: both + `,"parallel_tool_calls":false`,
			want: bothUsed + `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`},
		{name: "one at a time of those that are required", in: both + `,"tool_choice":"required","parallel_tool_calls":false`,
			want: bothUsed + `,"tool_choice":{"type":"any","disable_parallel_tool_use":true}`},
		{name: "one at a time of none", in: both + `,"tool_choice":"none","parallel_tool_calls":false`, want: bothUsed + `,"tool_choice":{"type":"none"}`},
		{name: "one at a time without tools", in: `"parallel_tool_calls":false`},
		{name: "several at a time force none (any-llm #1292)", in: both + `,"parallel_tool_calls":true`, want: bothUsed},
		{name: "without tools", in: `"tool_choice":"auto"`},
		{name: "required without tools", in: `"tool_choice":"required"`, refusal: "tool_choice: there is no tool that could be called; declare it"},
		{name: "of functions without any", in: both + `,"function_call":"auto"`,
			refusal: "function_call: there are no functions that it could be about; use tool_choice"},
	})
}

func TestChatFunctions(t *testing.T) {
	const (
		declared = `"functions":[{"name":"look","parameters":{}},{"name":"go"}]`
		used     = `"tools":[{"name":"look","input_schema":{"type":"object","properties":{}}},` + goUsed + `],` + cached
		single   = `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`
	)
	called := func(function string) string {
		return `{"role":"assistant","content":null,"function_call":{"name":"` + function + `","arguments":"{\"at\":1}"}}`
	}
	runAll(t, []requestCase{
		{name: "are tools, of which one is called at a time", in: declared, want: used + single},
		{name: "none is called", in: declared + `,"function_call":"none"`, want: used + `,"tool_choice":{"type":"none"}`},
		{name: "one is called", in: declared + `,"function_call":{"name":"go"}`, want: used + `,"tool_choice":{"type":"tool","name":"go","disable_parallel_tool_use":true}`},
		{name: "beside tools", in: declared + `,` + both, refusal: "functions: there are tools as well; declare all as tools"},
		{name: "their calls get ids by their places", in: declared + `,"messages":[` + hi + `,` + called("look") + `,{"role":"function","name":"look","content":"1"},` + called("go") + `,{"role":"function","name":"go","content":"2"}]`,
			want: used + single + `,"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"look","input":{"at":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"1"}]},` +
				`{"role":"assistant","content":[{"type":"tool_use","id":"call_3","name":"go","input":{"at":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_3","content":"2"}]}]`},
		{name: "an answer of another function", in: declared + `,"messages":[` + hi + `,` + called("look") + `,{"role":"function","name":"go","content":"1"}]`,
			refusal: "messages.2.name: this answers no call of the assistant message before it; send the call as well, or leave the answer out"},
		{name: "an answer to a call of a tool's", in: both + `,"messages":[` + hi + `,` + oneCall + `,{"role":"function","name":"look","content":"1"}]`,
			refusal: "messages.2.name: this answers no call of the assistant message before it; send the call as well, or leave the answer out"},
	})
	tr := requestCase{in: declared, want: used + single}.run(t)
	assert.Equal(t, &toChat{legacy: true}, tr.back)
}
