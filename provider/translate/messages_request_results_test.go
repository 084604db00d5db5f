package translate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"
)

// called is a conversation with the calls "a" of f and "b" of g, up to their results,
// and the same in Chat.
const (
	called = `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[` +
		`{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"g","input":{}}]},`
	calledInChat = `"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},`
)

func TestMessagesToChatToolResults(t *testing.T) {
	result := func(members string) string {
		return called + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"` + members + `},{"type":"tool_result","tool_use_id":"b","content":"B"}]}]`
	}
	want := func(content string) string {
		return calledInChat + `{"role":"tool","tool_call_id":"a","content":` + content + `},{"role":"tool","tool_call_id":"b","content":"B"}]`
	}
	checkChats(t, map[string]askedCase{
		"a text":             {in: result(`,"content":"\u0041 \"x\""`), want: want(`"A \"x\""`)},
		"texts":              {in: result(`,"content":[{"type":"text","text":"A"},{"type":"text","text":""},{"type":"text","text":"C"}]`), want: want(`"A\nC"`)},
		"nothing":            {in: result(``), want: want(`""`)},
		"null":               {in: result(`,"content":null,"is_error":null,"toolset_name":null`), want: want(`""`)},
		"no blocks":          {in: result(`,"content":[]`), want: want(`""`)},
		"an error":           {in: result(`,"content":"no such file","is_error":true`), want: want(`"Error: no such file"`)},
		"an empty error":     {in: result(`,"is_error":true`), want: want(`"Error: "`)},
		"no error":           {in: result(`,"content":"A","is_error":false`), want: want(`"A"`)},
		"an error in blocks": {in: result(`,"content":[{"type":"text","text":"A"},{"type":"text","text":"C"}],"is_error":true`), want: want(`"Error: A\nC"`)},
		"a search result": {in: result(`,"content":[{"type":"search_result","source":"https://x","title":"T","content":[{"type":"text","text":"A"},{"type":"text","text":"C"}],"citations":{"enabled":false}}]`),
			want: want(`"T\nhttps://x\n\nA\nC"`)},
		"a document": {in: result(`,"content":[{"type":"document","title":"T","context":"of May","source":{"type":"text","media_type":"text/plain","data":"A"}}]`),
			want: want(`"Document: T\nof May\n\nA"`)},
		"a document without text":  {in: result(`,"content":[{"type":"document","source":{"type":"text","media_type":"text/plain"}}]`), refused: "messages.2.content.0.content.0.source.data: a text is wanted"},
		"an error that is neither": {in: result(`,"is_error":"yes"`), refused: "messages.2.content.0.is_error: true or false is wanted"},
		"of a toolset":             {in: result(`,"toolset_name":"browser"`), refused: "messages.2.content.0.toolset_name: a toolset"},
		"a tool that was found":    {in: result(`,"content":[{"type":"tool_reference","tool_name":"h"}]`), refused: "messages.2.content.0.content.0: tools cannot be found"},
		"the state of a browser":   {in: result(`,"content":[{"type":"browser_state","tabs":[]}]`), refused: "messages.2.content.0.content.0: a result cannot hold"},
		"a result in a result":     {in: result(`,"content":[{"type":"tool_result","tool_use_id":"a"}]`), refused: "messages.2.content.0.content.0: a result cannot hold"},
		"a file that is kept":      {in: result(`,"content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]`), refused: "messages.2.content.0.content.0.source: a file that Anthropic keeps"},
		"what is not known":        {in: result(`,"content":[{"type":"novel"}]`), refused: `messages.2.content.0.content.0.type: a block of the type "novel"`},
		"what is no content":       {in: result(`,"content":7`), refused: "messages.2.content.0.content: a text or a list of blocks is wanted"},
	})
}

// Results come in the order of the calls, and every call has one.
func TestMessagesToChatResultsBelongToCalls(t *testing.T) {
	const a, b = `{"type":"tool_result","tool_use_id":"a","content":"A"}`, `{"type":"tool_result","tool_use_id":"b","content":"B"}`
	const both = calledInChat + `{"role":"tool","tool_call_id":"a","content":"A"},{"role":"tool","tool_call_id":"b","content":"B"}`
	checkChats(t, map[string]askedCase{
		"in their order":          {in: called + `{"role":"user","content":[` + a + `,` + b + `]}]`, want: both + `]`},
		"in another":              {in: called + `{"role":"user","content":[` + b + `,` + a + `]}]`, want: both + `]`},
		"in turns of their own":   {in: called + `{"role":"user","content":[` + b + `]},{"role":"user","content":[` + a + `]}]`, want: both + `]`},
		"one is missing":          {in: called + `{"role":"user","content":[` + b + `]}]`, refused: `messages.1.content.0: the call "a" has no result`},
		"all are missing":         {in: called + `{"role":"user","content":"go on"}]`, refused: `messages.1.content.0: the call "a" has no result`},
		"the end is missing":      {in: strings.TrimSuffix(called, ",") + `]`, refused: `messages.1.content.0: the call "a" has no result`},
		"instructions come first": {in: called + `{"role":"system","content":"x"},{"role":"user","content":[` + a + `,` + b + `]}]`, refused: `messages.1.content.0: the call "a" has no result`},
		"one comes twice":         {in: called + `{"role":"user","content":[` + a + `,` + b + `,` + a + `]}]`, refused: `messages.2.content.2.tool_use_id: the call "a" has a result`},
		"one of no call":          {in: `"messages":[{"role":"user","content":[` + a + `]}]`, refused: `messages.0.content.0.tool_use_id: the turn before has no call "a"`},
		"one of an earlier call":  {in: called + `{"role":"user","content":[` + a + `,` + b + `]},{"role":"assistant","content":"x"},{"role":"user","content":[` + a + `]}]`, refused: `messages.4.content.0.tool_use_id: the turn before has no call "a"`},
		"one without id":          {in: called + `{"role":"user","content":[{"type":"tool_result"}]}]`, refused: `messages.2.content.0.tool_use_id: it is missing`},
		"calls with the same id": {in: called + `{"role":"user","content":[` + a + `,` + b + `]},{"role":"assistant","content":[{"type":"tool_use","id":"b","name":"f","input":{}}]},{"role":"user","content":[` + b + `]}]`,
			refused: `messages.3.content.0.id: "b" is that of an earlier call`},
		"a call without id":        {in: `"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":{}}]}]`, refused: `messages.0.content.0.id: it is missing`},
		"a call without name":      {in: `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"","input":{}}]}]`, refused: `messages.0.content.0.name: it is missing`},
		"a call without input":     {in: `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f"}]}]`, refused: `messages.0.content.0.input: an object is wanted`},
		"a call whose input is no": {in: `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":"{}"}]}]`, refused: `messages.0.content.0.input: an object is wanted`},
		"a call by code":           {in: `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{},"caller":{"type":"code_execution_20260120","tool_id":"s"}}]}]`, refused: `messages.0.content.0.caller: only the model itself`},
		"a call of a toolset":      {in: `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{},"toolset_name":"browser"}]}]`, refused: `messages.0.content.0.toolset_name: a toolset`},
		"a call by the model": {in: strings.Replace(called, `"name":"f","input":{}`, `"name":"f","input":{},"caller":{"type":"direct"},"toolset_name":null`, 1) + `{"role":"user","content":[` + a + `,` + b + `]}]`,
			want: both + `]`},
	})
}

// Bug: a text before a result came between the calls and their results, which is refused
// (ogx #6367, vllm #46321).
func TestMessagesToChatResultsComeFirst(t *testing.T) {
	checkChats(t, map[string]askedCase{"before any text": {
		in: called + `{"role":"user","content":[{"type":"text","text":"before"},{"type":"tool_result","tool_use_id":"a","content":"A"},{"type":"text","text":"between"},` +
			`{"type":"tool_result","tool_use_id":"b","content":"B"}]},{"role":"user","content":"after"}]`,
		want: calledInChat + `{"role":"tool","tool_call_id":"a","content":"A"},{"role":"tool","tool_call_id":"b","content":"B"},` +
			`{"role":"user","content":[{"type":"text","text":"before"},{"type":"text","text":"between"}]},{"role":"user","content":"after"}]`,
	}})
}

// Bug: images in results were lost, and the model made up what it saw (litellm #20403,
// #34462, #23712; claude-code-router #1678).
func TestMessagesToChatMediaOfResultsFollowThem(t *testing.T) {
	const image = `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}`
	const imageInChat = `{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}`
	const pdf = `{"type":"document","title":"Bill","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}`
	const pdfInChat = `{"type":"file","file":{"filename":"Bill.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}`
	checkChats(t, map[string]askedCase{
		"behind the last": {
			in: called + `{"role":"user","content":[{"type":"text","text":"And?"},{"type":"tool_result","tool_use_id":"b","content":[` + image + `]},` +
				`{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"two pages"},` + image + `,` + pdf + `],"is_error":true}]}]`,
			want: calledInChat +
				`{"role":"tool","tool_call_id":"a","content":"Error: two pages\n[Image 1 of this result is in the next message of the user]\n[Document 2 of this result is in the next message of the user]"},` +
				`{"role":"tool","tool_call_id":"b","content":"[Image 1 of this result is in the next message of the user]"},` +
				`{"role":"user","content":[{"type":"text","text":"[Image 1 of the result of the call a of f]"},` + imageInChat + `,` +
				`{"type":"text","text":"[Document 2 of the result of the call a of f]"},` + pdfInChat + `,` +
				`{"type":"text","text":"[Image 1 of the result of the call b of g]"},` + imageInChat + `]},` +
				`{"role":"user","content":"And?"}]`},
		"from within a document": {
			in: called + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"See:"},` + image + `]}}]},{"type":"tool_result","tool_use_id":"b"}]}]`,
			want: calledInChat +
				`{"role":"tool","tool_call_id":"a","content":"See:\n[Image 1 of this result is in the next message of the user]"},{"role":"tool","tool_call_id":"b","content":""},` +
				`{"role":"user","content":[{"type":"text","text":"[Image 1 of the result of the call a of f]"},` + imageInChat + `]}]`},
		"refused where the model sees none": {model: "gpt-4", in: called + `{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[` + image + `]},{"type":"tool_result","tool_use_id":"b"}]}]`,
			refused: `messages.2.content.0.content.0: the model "gpt-4" sees no images`},
	})
}

// Bug: the history of tool calls was lost, and the agent made them for ever
// (litellm #25669, aisix #170).
func TestMessagesToChatKeepsTheHistoryOfCalls(t *testing.T) {
	got, err := asChat(t, agentBody(20, 40, 500), Options{Model: "gpt-4o"})
	require.NoError(t, err)
	checkChat(t, got.Body)
	calls, results := 0, map[string]int{}
	gjson.GetBytes(got.Body, "messages").ForEach(func(_, m gjson.Result) bool {
		for _, k := range m.Get("tool_calls").Array() {
			calls++
			results[k.Get("id").String()]++
			assert.True(t, gjson.Valid(k.Get("function.arguments").String()))
		}
		if m.Get("role").String() == "tool" {
			results[m.Get("tool_call_id").String()]++
		}
		return true
	})
	assert.Equal(t, 40, calls)
	for id, n := range results {
		assert.Equal(t, 2, n, id)
	}
}

// Bug: ids that one API takes were refused by the other: longer than 64 characters, or
// with others in them (portkey #1062, experiential #801).
func TestMessagesToChatIDsFit(t *testing.T) {
	long := "toolu_" + strings.Repeat("x", 100)
	in := strings.ReplaceAll(called, `"id":"a"`, `"id":"`+long+`"`)
	in = strings.ReplaceAll(in, `"id":"b"`, `"id":"call.1|\u00e4"`) +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"call.1|\u00e4"},{"type":"tool_result","tool_use_id":"` + long + `"}]}]`
	got, err := asChat(t, askedCase{in: in}.whole(), Options{Model: "gpt-4o"})
	require.NoError(t, err)
	for i, want := range []string{fitting(long), fitting("call.1|ä")} {
		call := gjson.GetBytes(got.Body, "messages.1.tool_calls").Array()[i].Get("id").String()
		result := gjson.GetBytes(got.Body, "messages").Array()[2+i].Get("tool_call_id").String()
		assert.Equal(t, want, call)
		assert.Equal(t, want, result)
		assert.LessOrEqual(t, len(call), maxName)
	}
}
