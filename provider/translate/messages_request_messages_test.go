package translate

import "testing"

func TestMessagesToChatSystem(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	const blocks = `"system":[{"type":"text","text":"a"},{"type":"text","text":""},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}],`
	checkChats(t, map[string]askedCase{
		"a text": {in: `"system":"Be \"kind\"\n",` + hi,
			want: `"messages":[{"role":"system","content":"Be \"kind\"\n"},{"role":"user","content":"hi"}]`},
		"of a developer": {model: "gpt-5", in: `"system":"Be kind.",` + hi,
			want: `"messages":[{"role":"developer","content":"Be kind."},{"role":"user","content":"hi"}]`},
		"for a compatible server": {model: "llama-4", in: `"system":"Be kind.",` + hi,
			want: `"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}]`},
		"blocks are joined": {in: blocks + hi,
			want: `"messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"hi"}]`},
		"blocks with a breakpoint stay": {model: "gpt-5.6", in: blocks + hi,
			want: `"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b","prompt_cache_breakpoint":{"mode":"explicit"}}]},{"role":"user","content":"hi"}]`},
		"the bill of Claude Code, another one in each call": {in: `"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330; cch=1f2e;"},{"type":"text","text":"a"}],` + hi,
			want: `"messages":[{"role":"system","content":"a"},{"role":"user","content":"hi"}]`, notes: "system.billing=dropped"},
		"what only begins like it": {in: `"system":"x-anthropic-billing-header: is a line.\na",` + hi,
			want: `"messages":[{"role":"system","content":"x-anthropic-billing-header: is a line.\na"},{"role":"user","content":"hi"}]`},
		"an empty one is none":         {in: `"system":"",` + hi, want: hi},
		"no blocks are none":           {in: `"system":[],` + hi, want: hi},
		"a block that is no text":      {in: `"system":[{"type":"image","source":{"type":"url","url":"https://x"}}]`, refused: "system.0: instructions can only be texts"},
		"anything else":                {in: `"system":1`, refused: "system: a text or a list of blocks is wanted"},
		"an instruction on the way":    {in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]`, want: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]`},
		"in blocks, to a developer":    {model: "o3", in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"}]},{"role":"user","content":"c"}]`, want: `"messages":[{"role":"user","content":"a"},{"role":"developer","content":"b"},{"role":"user","content":"c"}]`},
		"for a turn, which is past":    {in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b","clear_at":"next_user_message"},{"role":"user","content":"c"}]`, want: `"messages":[{"role":"user","content":"a"},{"role":"user","content":"c"}]`},
		"for a turn, which is now":     {in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b","clear_at":"next_user_message"}]`, want: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]`},
		"for ever":                     {in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b","clear_at":"never"},{"role":"user","content":"c"}]`, want: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"user","content":"c"}]`},
		"for a time that is not known": {in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b","clear_at":"noon"}]`, refused: `messages.1.clear_at: "noon" is not known`},
		"with an effort":               {in: `"messages":[{"role":"user","content":"a"},{"role":"system","output_config":{"effort":"low"}}]`, want: `"messages":[{"role":"user","content":"a"}]`, notes: "messages.output_config=dropped"},
		"to a server that is compatible": {model: "qwen3", in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"},{"role":"assistant","content":"c"},{"role":"user","content":"d"},{"role":"user","content":"e"}]`, notes: "messages.system=in a user turn",
			want: `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"<system>\nb\n</system>"}]},{"role":"assistant","content":"c"},{"role":"user","content":[{"type":"text","text":"d"},{"type":"text","text":"e"}]}]`},
		"to one, in blocks":      {model: "qwen3", in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"},{"type":"text","text":""}]}]`, notes: "messages.system=in a user turn", want: `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"<system>\nb\n</system>"}]}]`},
		"to one, no text":        {model: "qwen3", in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]`, refused: "messages.1.content.0: instructions can only be texts"},
		"to one, with an effort": {model: "qwen3", in: `"messages":[{"role":"user","content":"a"},{"role":"system","output_config":{"effort":"low"}}]`, want: `"messages":[{"role":"user","content":"a"}]`, notes: "messages.output_config=dropped"},
		"that changes the tools": {in: `"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_reference","name":"f"}}]}]`, refused: "messages.1.content.0: tools cannot change"},
	})
}

func TestMessagesToChatTurns(t *testing.T) {
	const use = `{"type":"tool_use","id":"toolu_1","name":"f","input":{}}`
	const result = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"r"}]}`
	const asked = `{"role":"user","content":"q"}`
	const called = `"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{}"}}]`
	const answered = `{"role":"tool","tool_call_id":"toolu_1","content":"r"}`
	conversation := func(blocks string) string {
		return `"messages":[` + asked + `,{"role":"assistant","content":[` + blocks + `]},` + result + `]`
	}
	checkChats(t, map[string]askedCase{
		"a text": {in: `"messages":[` + asked + `]`, want: `"messages":[` + asked + `]`},
		"one block is a text": {in: `"messages":[{"role":"user","content":[{"type":"text","text":"a\u0000\ud83d\ude00"}]}]`,
			want: `"messages":[{"role":"user","content":"a\u0000\ud83d\ude00"}]`},
		"several blocks stay": {in: `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`,
			want: `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`},
		"members in any order": {in: `"messages":[{"content":[{"text":"a","type":"text"}],"role":"user"}]`,
			want: `"messages":[{"role":"user","content":"a"}]`},
		"turns of one role stay": {in: `"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"},{"role":"user","content":"e"}]`,
			want: `"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"},{"role":"user","content":"e"}]`},
		"texts of the assistant are one": {in: `"messages":[` + asked + `,{"role":"assistant","content":[{"type":"text","text":"It is "},{"type":"text","text":"red","citations":[{"type":"char_location"}]},{"type":"text","text":".","citations":null}]},` + asked + `]`,
			want: `"messages":[` + asked + `,{"role":"assistant","content":"It is red."},` + asked + `]`, notes: "messages.text.citations=dropped"},
		"a call": {in: conversation(use),
			want: `"messages":[` + asked + `,{"role":"assistant","content":null,` + called + `},` + answered + `]`},
		"a text and a call": {in: conversation(`{"type":"text","text":"I look."},` + use),
			want: `"messages":[` + asked + `,{"role":"assistant","content":"I look.",` + called + `},` + answered + `]`},
		"a text after a call": {in: conversation(use + `,{"type":"text","text":"I look."}`), notes: "messages.text=moved before the tool calls",
			want: `"messages":[` + asked + `,{"role":"assistant","content":"I look.",` + called + `},` + answered + `]`},
		"turns with a call are one": {in: `"messages":[` + asked + `,{"role":"assistant","content":[` + use + `]},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"toolu_2","name":"g","input":{"x":[1, 2.50]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_2"}]},` + result + `]`,
			notes: "messages.text=moved before the tool calls",
			want:  `"messages":[` + asked + `,{"role":"assistant","content":"a","tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"toolu_2","type":"function","function":{"name":"g","arguments":"{\"x\":[1,2.50]}"}}]},` + answered + `,{"role":"tool","tool_call_id":"toolu_2","content":""}]`},
		"thinking is left out": {in: conversation(`{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"x"},` + use), notes: "messages.thinking=dropped",
			want: `"messages":[` + asked + `,{"role":"assistant","content":null,` + called + `},` + answered + `]`},
		"a turn of thinking alone": {in: `"messages":[` + asked + `,{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"}]},` + asked + `]`, notes: "messages.thinking=dropped",
			want: `"messages":[` + asked + `,` + asked + `]`},
		"what Anthropic's tools have done is left out": {in: `"messages":[` + asked + `,{"role":"assistant","content":[{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"}},{"type":"web_search_tool_result","tool_use_id":"s","content":[]},{"type":"text","text":"Found."}]},` + asked + `]`,
			notes: "messages.server_tools=dropped", want: `"messages":[` + asked + `,{"role":"assistant","content":"Found."},` + asked + `]`},
		"its other marks are, too": {in: `"messages":[` + asked + `,{"role":"assistant","content":[{"type":"fallback","from":{"model":"a"},"to":{"model":"b"}},{"type":"mcp_tool_use","id":"s","name":"x","server_name":"y","input":{}},{"type":"mcp_tool_result","tool_use_id":"s"},{"type":"advisor_tool_result","tool_use_id":"s","content":{}},{"type":"text","text":"Found."}]},` + asked + `]`,
			notes: "messages.server_tools=dropped", want: `"messages":[` + asked + `,{"role":"assistant","content":"Found."},` + asked + `]`},
		"a compaction is the text in it": {in: `"messages":[` + asked + `,{"role":"assistant","content":[{"type":"compaction","content":"Until now: …","encrypted_content":"x"}]},` + asked + `]`,
			notes: "messages.compaction=as text", want: `"messages":[` + asked + `,{"role":"assistant","content":"Until now: …"},` + asked + `]`},
		"a compaction that failed": {in: `"messages":[` + asked + `,{"role":"assistant","content":[{"type":"compaction","content":null},{"type":"text","text":"a"}]},` + asked + `]`,
			want: `"messages":[` + asked + `,{"role":"assistant","content":"a"},` + asked + `]`},
		"an image of the assistant's":   {in: conversation(`{"type":"image","source":{"type":"url","url":"https://x"}}`), refused: "messages.1.content.0: Chat Completions takes only texts"},
		"a document of the assistant's": {in: conversation(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"}}`), refused: "messages.1.content.0: Chat Completions takes only texts"},
		"a tool that comes on the way":  {in: conversation(`{"type":"tool_addition","tool":{"type":"tool_reference","name":"f"}}`), refused: "messages.1.content.0: tools cannot change"},
		"a file in a container":         {in: `"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"file_1"}]}]`, refused: "messages.0.content.0: a container is kept"},
	})
}

// Breakpoints of the prompt cache go along where the model knows them. The key is never
// sent, since an unknown one in a part is refused.
func TestMessagesToChatCacheBreakpoints(t *testing.T) {
	const mark = `"prompt_cache_breakpoint":{"mode":"explicit"}`
	const in = `"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"5m"}}]},` +
		`{"role":"assistant","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}},{"type":"tool_use","id":"t","name":"f","input":{},"cache_control":{"type":"ephemeral"}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r","cache_control":{"type":"ephemeral"}}]}]`
	const many = `{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}`
	const marked = `{"type":"text","text":"a",` + mark + `}`
	checkChats(t, map[string]askedCase{
		"of a model that knows them": {model: "gpt-5.6", in: in,
			want: `"messages":[{"role":"user","content":[{"type":"text","text":"a",` + mark + `}]},` +
				`{"role":"assistant","content":[{"type":"text","text":"b",` + mark + `}],"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"t","content":[{"type":"text","text":"r",` + mark + `}]}]`},
		"of one that does not": {in: in,
			want: `"messages":[{"role":"user","content":"a"},` +
				`{"role":"assistant","content":"b","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},` +
				`{"role":"tool","tool_call_id":"t","content":"r"}]`},
		"four at most": {model: "gpt-5.6", in: `"messages":[{"role":"user","content":[` + many + `,` + many + `,` + many + `,` + many + `,` + many + `]}]`,
			want: `"messages":[{"role":"user","content":[` + marked + `,` + marked + `,` + marked + `,` + marked + `,{"type":"text","text":"a"}]}]`},
		"for an hour": {in: `"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]`,
			want: `"messages":[{"role":"user","content":"a"}]`, notes: "cache_control.ttl=30 minutes"},
		"of the whole":                {model: "gpt-5.6", in: `"cache_control":{"type":"ephemeral"}`},
		"shared with other calls":     {model: "gpt-5.6", in: `"cache_control":{"type":"ephemeral","scope":"global"}`},
		"of a tool":                   {in: `"tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}]`, want: `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`},
		"of a kind that is not known": {in: `"cache_control":{"type":"eternal"}`, refused: `cache_control.type: "eternal" is not known`},
	})
}

// Bug: an empty text was sent as a block, and the conversation was dead for ever
// (hermes-agent #31583, bifrost #1189).
func TestMessagesToChatEmptyTextsAreLeftOut(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"of the assistant": {in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""},{"role":"user","content":"b"}]`,
			want: `"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]`},
		"before a call": {in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":""},{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":""}]}]}]`,
			want: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":""}]`},
		"of the user": {in: `"messages":[{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"a"}]}]`,
			want: `"messages":[{"role":"user","content":"a"}]`},
		"at the end": {in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[]}]`,
			want: `"messages":[{"role":"user","content":"a"}]`},
	})
}

// Bug: thinking went to another provider, or came back without its signature
// (ruby_llm #896, CLIProxyAPI #1078). It stays with the agent, which sends it again when
// Anthropic serves the next turn.
func TestMessagesToChatKeepsThinkingAtHome(t *testing.T) {
	checkChats(t, map[string]askedCase{"signed and encrypted": {
		in:   `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"secret","signature":"c2ln"},{"type":"redacted_thinking","data":"ZGF0YQ=="},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]`,
		want: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]`, notes: "messages.thinking=dropped",
	}})
}

// What a coding agent sends with each request: a time for its thinking, edits of it, and
// what it may use as an instruction after the first turn.
func TestMessagesToChatOfACodingAgent(t *testing.T) {
	const in = `"max_tokens":64000,"stream":true,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"},` +
		`"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"metadata":{"user_id":"u"},` +
		`"system":[{"type":"text","text":"You are an agent."},{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],"tools":[` + toolF + `],` +
		`"messages":[{"role":"user","content":[{"type":"text","text":"reminder"},{"type":"text","text":"go"}]},{"role":"system","content":"Agents: …"},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"tool_use","id":"a","name":"f","input":{"command":"echo hi"}}]},` +
		`{"role":"user","content":[{"tool_use_id":"a","type":"tool_result","content":"hi","is_error":false,"cache_control":{"type":"ephemeral"}}]}]`
	const rest = `"tools":[` + toolFInChat + `],"stream":true,"stream_options":{"include_usage":true}`
	const asked = `{"role":"user","content":[{"type":"text","text":"reminder"},{"type":"text","text":"go"}]}`
	const acted = `{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"command\":\"echo hi\"}"}}]},{"role":"tool","tool_call_id":"a","content":"hi"}`
	checkChats(t, map[string]askedCase{
		"to OpenAI": {model: "gpt-5", in: in, notes: "messages.thinking=dropped",
			want: rest + `,"max_completion_tokens":64000,"reasoning_effort":"high","safety_identifier":"u","messages":[{"role":"developer","content":"You are an agent.\n\nBe brief."},` +
				asked + `,{"role":"developer","content":"Agents: …"},` + acted + `]`},
		"to a compatible server": {model: "qwen3", in: in, notes: "messages.system=in a user turn, messages.thinking=dropped, output_config.effort=dropped",
			want: rest + `,"max_tokens":64000,"user":"u","messages":[{"role":"system","content":"You are an agent.\n\nBe brief."},` +
				`{"role":"user","content":[{"type":"text","text":"reminder"},{"type":"text","text":"go"},{"type":"text","text":"<system>\nAgents: …\n</system>"}]},` + acted + `]`},
	})
}
