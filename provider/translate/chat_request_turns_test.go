package translate

import "testing"

// Calls and answers of a history: one call, and two.
const (
	oneCall  = `{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}]}`
	oneUse   = `{"role":"assistant","content":[{"type":"tool_use","id":"call_a","name":"look","input":{"at":1}}]}`
	twoCalls = `{"role":"assistant","content":"Two.","tool_calls":[{"id":"call_a","type":"function","function":{"name":"look","arguments":"{}"}},{"id":"call_b","type":"function","function":{"name":"look","arguments":"{}"}}]}`
	twoUses  = `{"role":"assistant","content":[{"type":"text","text":"Two."},{"type":"tool_use","id":"call_a","name":"look","input":{}},{"type":"tool_use","id":"call_b","name":"look","input":{}}]}`
	hi       = `{"role":"user","content":"Hi"}`
	hiTurn   = `{"role":"user","content":[{"type":"text","text":"Hi"}]}`
)

func TestChatSystemMessages(t *testing.T) {
	runAll(t, []requestCase{
		{name: "each that comes first is a block of the system prompt, in order",
			in:   `"messages":[{"role":"system","content":"A"},{"role":"developer","content":[{"type":"text","text":"B"},{"type":"text","text":"C"}]},` + hi + `]`,
			want: `"system":[{"type":"text","text":"A"},{"type":"text","text":"B"},{"type":"text","text":"C"}]`},
		{name: "empty ones are left out", in: `"messages":[{"role":"system","content":""},{"role":"system","content":null},` + hi + `]`},
		{name: "a breakpoint of the cache stays with its block",
			in:   `"messages":[{"role":"system","content":[{"type":"text","text":"A","prompt_cache_breakpoint":{"mode":"explicit"}}]},` + hi + `]`,
			want: `"system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}}]`},
		{name: "an image is nothing for the system", in: `"messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]},` + hi + `]`,
			refusal: "messages.0.content.0: the other API takes nothing but text here; send it in a user message"},
		{name: "alone they ask for nothing", in: `"messages":[{"role":"system","content":"A"}]`,
			refusal: "messages: there is no message that the model could answer; send one of a user's"},
		{name: "later, but empty, it is nothing", model: "claude-sonnet-5", in: `"messages":[` + hi + `,{"role":"system","content":""}]`},
		{name: "later, after a user's, where the model takes it", model: "claude-opus-4-8",
			in:   `"messages":[` + hi + `,{"role":"system","content":"Be brief."},{"role":"developer","content":"Be kind."}]`,
			want: `"messages":[` + hiTurn + `,{"role":"system","content":[{"type":"text","text":"Be brief."},{"type":"text","text":"Be kind."}]}]`},
		{name: "later, after the answers of tools, where the model takes it", model: "claude-opus-4-8",
			in:   `"messages":[` + hi + `,` + oneCall + `,{"role":"tool","tool_call_id":"call_a","content":"1"},{"role":"system","content":"Be brief."}]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + oneUse + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":"1"}]},{"role":"system","content":[{"type":"text","text":"Be brief."}]}]`},
		{name: "later, before a user's, it is told in his turn", model: "claude-opus-4-8",
			in:    `"messages":[` + hi + `,{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"Now"}]`,
			want:  `"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"<system>\nBe \"brief\".\n</system>"},{"type":"text","text":"Now"}]}]`,
			notes: "messages.system=in a user turn"},
		{name: "later, after an assistant's, it is told in a user's turn", model: "claude-opus-4-8",
			in:    `"messages":[` + hi + `,{"role":"assistant","content":"Ho"},{"role":"system","content":"Be brief."}]`,
			want:  `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"Ho"}]},{"role":"user","content":[{"type":"text","text":"<system>\nBe brief.\n</system>"}]}]`,
			notes: "messages.system=in a user turn"},
		{name: "later, where the model does not take it, it is told in a user's turn", model: "claude-sonnet-5",
			in:    `"messages":[` + hi + `,{"role":"system","content":[{"type":"text","text":"Be brief.","prompt_cache_breakpoint":{"mode":"explicit"}}]}]`,
			want:  `"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","cache_control":{"type":"ephemeral"},"text":"<system>\nBe brief.\n</system>"}]}]`,
			notes: "messages.system=in a user turn"},
	})
}

func TestChatTurns(t *testing.T) {
	runAll(t, []requestCase{
		{name: "messages of a user's in a row are one turn", in: `"messages":[` + hi + `,{"role":"user","content":"there"}]`,
			want: `"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"there"}]}]`},
		{name: "messages of an assistant's in a row are one turn",
			in:   `"messages":[` + hi + `,{"role":"assistant","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"there"}]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},{"role":"user","content":[{"type":"text","text":"there"}]}]`},
		{name: "an assistant that says nothing has no turn (hermes-agent #31583, bifrost #1189)",
			in:   `"messages":[` + hi + `,{"role":"assistant","content":""},{"role":"assistant","content":null},{"role":"assistant","content":[{"type":"text","text":""}]},{"role":"user","content":"there"}]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"there"}]}]`},
		{name: "white space is no text", in: `"messages":[` + hi + `,{"role":"user","content":" \n\u00a0\t"}]`, notes: "messages=white space dropped"},
		{name: "a user that says nothing leaves nothing", in: `"messages":[{"role":"user","content":""}]`,
			refusal: "messages: there is no message that the model could answer; send one of a user's"},
		{name: "texts are as they were written", in: `"messages":[{"role":"user","content":"\u00e4\/\"\\ \ud83d\ude00 é"}]`,
			want: `"messages":[{"role":"user","content":[{"type":"text","text":"ä/\"\\ 😀 é"}]}]`},
		{name: "names are left out", in: `"messages":[{"role":"user","content":"Hi","name":"ann"},{"role":"user","content":"Hi","name":"bob"}]`,
			want:  `"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":"Hi"}]}]`,
			notes: "messages.name=dropped"},
		{name: "a refusal is what the assistant said",
			in:    `"messages":[` + hi + `,{"role":"assistant","content":null,"refusal":"No."},` + hi + `,{"role":"assistant","content":[{"type":"refusal","refusal":"Never."}],"refusal":null},` + hi + `]`,
			want:  `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"No."}]},` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"Never."}]},` + hiTurn + `]`,
			notes: "messages.refusal=as text, messages.content.refusal=as text"},
		{name: "sound of an assistant is refused", in: `"messages":[` + hi + `,{"role":"assistant","audio":{"id":"audio_1"}},` + hi + `]`,
			refusal: "messages.1.audio: sound that the other provider keeps cannot be heard there; send the transcript as text"},
		{name: "what an SDK sends back of an answer",
			in:   `"messages":[` + hi + `,{"role":"assistant","content":"A","refusal":null,"annotations":[],"audio":null,"function_call":null,"tool_calls":null},` + hi + `]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"A"}]},` + hiTurn + `]`},
		{name: "what an SDK has parsed the content into",
			in:   `"messages":[` + hi + `,{"role":"assistant","content":"{}","parsed":{}},` + hi + `]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"{}"}]},` + hiTurn + `]`},
		{name: "reasoning and annotations of an earlier answer",
			in:    `"messages":[` + hi + `,{"role":"assistant","content":"A","parsed":{"a":1},"reasoning_content":"Hm","annotations":[{"type":"url_citation"}]},` + hi + `]`,
			want:  `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":"A"}]},` + hiTurn + `]`,
			notes: "messages.reasoning_content=dropped, messages.annotations=dropped"},
	})
}

func TestChatPrefill(t *testing.T) {
	const refused = "messages: the model does not go on with an assistant message; let a user message be the last"
	ends := func(text string) string {
		return `"messages":[` + hi + `,{"role":"assistant","content":` + text + `}]`
	}
	wants := func(text string) string {
		return `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","text":` + text + `}]}]`
	}
	const cut = "messages=white space at the end cut off"
	runAll(t, []requestCase{
		{name: "is kept where the model goes on with it", in: ends(`"{"`), want: wants(`"{"`)},
		{name: "loses its white space at the end", in: ends(`"So: \n\t\r "`), want: wants(`"So:"`), notes: cut},
		{name: "keeps a backslash before a letter", in: ends(`"C:\\n "`), want: wants(`"C:\\n"`), notes: cut},
		{name: "keeps a backslash before white space", in: ends(`"\\\\\n"`), want: wants(`"\\\\"`), notes: cut},
		{name: "in the last of several parts", in: ends(`[{"type":"text","text":"A ","prompt_cache_breakpoint":{"mode":"explicit"}}]`),
			want: `"messages":[` + hiTurn + `,{"role":"assistant","content":[{"type":"text","cache_control":{"type":"ephemeral"},"text":"A"}]}]`, notes: cut},
		{name: "is refused from Opus 4.6 on", model: "claude-opus-4-6", in: ends(`"{"`), refusal: refused},
		{name: "is refused by Sonnet 4.6", model: "claude-sonnet-4-6", in: ends(`"{"`), refusal: refused},
		{name: "is refused by models that are not known", model: "claude-next", in: ends(`"{"`), refusal: refused},
		{name: "that is empty is none", model: "claude-opus-4-8", in: ends(`""`), want: `"cache_control":{"type":"ephemeral"}`},
		{name: "cannot be held to a schema", in: ends(`"{"`) + `,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}`,
			refusal: "messages: an answer that has a schema cannot go on with an assistant message; let a user message be the last"},
		{name: "is none with calls that nobody has answered", in: `"messages":[` + hi + `,` + oneCall + `]`,
			refusal: `messages.1: the call "call_a" has no answer; add its tool message`},
	})
}

func TestChatToolResults(t *testing.T) {
	answer := func(id, text string) string {
		return `{"role":"tool","tool_call_id":"` + id + `","content":"` + text + `"}`
	}
	result := func(id, text string) string {
		return `{"type":"tool_result","tool_use_id":"` + id + `","content":"` + text + `"}`
	}
	runAll(t, []requestCase{
		{name: "all of a turn are in one message, in whatever order", in: `"messages":[` + hi + `,` + twoCalls + `,` + answer("call_b", "2") + `,` + answer("call_a", "1") + `]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + twoUses + `,{"role":"user","content":[` + result("call_b", "2") + `,` + result("call_a", "1") + `]}]`},
		{name: "come before what the user says (ogx #6367)", in: `"messages":[` + hi + `,` + twoCalls + `,` + answer("call_a", "1") + `,` + answer("call_b", "2") + `,{"role":"user","content":"Go on"}]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + twoUses + `,{"role":"user","content":[` + result("call_a", "1") + `,` + result("call_b", "2") + `,{"type":"text","text":"Go on"}]}]`},
		{name: "come before messages between them, whose order stays",
			in:    `"messages":[` + hi + `,` + twoCalls + `,{"role":"user","content":"A"},` + answer("call_a", "1") + `,{"role":"system","content":"S"},{"role":"user","content":"B"},` + answer("call_b", "2") + `]`,
			want:  `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + twoUses + `,{"role":"user","content":[` + result("call_a", "1") + `,` + result("call_b", "2") + `,{"type":"text","text":"A"},{"type":"text","text":"<system>\nS\n</system>"},{"type":"text","text":"B"}]}]`,
			notes: "messages=moved before other messages, messages.system=in a user turn"},
		{name: "of several turns stay with their calls (litellm #25669)", in: `"messages":[` + hi + `,` + oneCall + `,` + answer("call_a", "1") + `,{"role":"assistant","tool_calls":[{"id":"call_c","type":"function","function":{"name":"look","arguments":""}}]},` + answer("call_c", "3") + `]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + oneUse + `,{"role":"user","content":[` + result("call_a", "1") + `]},{"role":"assistant","content":[{"type":"tool_use","id":"call_c","name":"look","input":{}}]},{"role":"user","content":[` + result("call_c", "3") + `]}]`},
		{name: "empty ones have no content", in: `"messages":[` + hi + `,` + twoCalls + `,` + answer("call_a", "") + `,{"role":"tool","tool_call_id":"call_b","content":[{"type":"text","text":""}]}]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + twoUses + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a"},{"type":"tool_result","tool_use_id":"call_b"}]}]`},
		{name: "parts are blocks, images among them (litellm #20403)", in: `"messages":[` + hi + `,` + oneCall + `,{"role":"tool","tool_call_id":"call_a","name":"look","content":[{"type":"text","text":"See"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]}]`,
			want: `"cache_control":{"type":"ephemeral"},"messages":[` + hiTurn + `,` + oneUse + `,{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_a","content":[{"type":"text","text":"See"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + png + `"}}]}]}]`},
		{name: "one that is missing, before the next turn", in: `"messages":[` + hi + `,` + twoCalls + `,` + answer("call_a", "1") + `,{"role":"assistant","content":"Done"},` + hi + `]`,
			refusal: `messages.3: the call "call_b" has no answer; add its tool message`},
		{name: "one that is missing, at the end", in: `"messages":[` + hi + `,` + twoCalls + `,` + answer("call_a", "1") + `]`,
			refusal: `messages.2: the call "call_b" has no answer; add its tool message`},
		{name: "one that comes twice", in: `"messages":[` + hi + `,` + oneCall + `,` + answer("call_a", "1") + `,` + answer("call_a", "1") + `]`,
			refusal: "messages.3.tool_call_id: the call has been answered before; send one answer for each call"},
		{name: "one that answers nothing", in: `"messages":[` + hi + `,` + answer("call_a", "1") + `]`,
			refusal: "messages.1.tool_call_id: this answers no call of the assistant message before it; send the call as well, or leave the answer out"},
		{name: "one that answers a call of an earlier turn", in: `"messages":[` + hi + `,` + oneCall + `,` + answer("call_a", "1") + `,{"role":"assistant","content":"Done"},` + answer("call_a", "1") + `]`,
			refusal: "messages.4.tool_call_id: this answers no call of the assistant message before it; send the call as well, or leave the answer out"},
		{name: "content of another kind", in: `"messages":[` + hi + `,` + oneCall + `,{"role":"tool","tool_call_id":"call_a","content":{"a":1}}]`,
			refusal: "messages.2.content: a text or a list of parts is wanted"},
	})
}
