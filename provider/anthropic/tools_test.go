package anthropic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

func TestTools(t *testing.T) {
	tool := func(name, kind string) provider.Tool { return provider.Tool{Name: name, Type: kind} }
	hosted := func(name, kind string) provider.Tool {
		return provider.Tool{Name: name, Type: kind, Hosted: true}
	}
	message := func(block string) string { return `"messages":[{"role":"user","content":[` + block + `]}]` }
	for name, c := range map[string]struct {
		members string // besides the model
		want    []provider.Tool
	}{
		"none":            {`"messages":[]`, nil},
		"tools":           {`"tools":[{"name":"a","input_schema":{"name":"no"}},{"type":"custom","name":"b"}]`, []provider.Tool{tool("a", ""), tool("b", "custom")}},
		"an escaped name": {`"tools":[{"name":"\u0073hell"}]`, []provider.Tool{tool("shell", "")}},
		"tools of a type, run by the agent": {`"tools":[{"type":"bash_20250124","name":"bash"},{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"},{"type":"computer_20251124","name":"computer"},{"type":"memory_20250818","name":"memory"},{"type":"browser_toolset_20260801"},{"type":"computer_toolset_20260801"}]`,
			[]provider.Tool{tool("bash", "bash_20250124"), tool("str_replace_based_edit_tool", "text_editor_20250728"), tool("computer", "computer_20251124"),
				tool("memory", "memory_20250818"), tool("browser", "browser_toolset_20260801"), tool("computer", "computer_toolset_20260801")}},
		"hosted tools": {`"tools":[{"type":"web_search_20260318","name":"web_search"},{"type":"web_fetch_20250910","name":"web_fetch"},{"type":"code_execution_20260521","name":"code_execution"},{"type":"advisor_20260301","name":"advisor","model":"x"},{"type":"tool_search_tool_bm25_20251119","name":"tool_search_tool_bm25"}]`,
			[]provider.Tool{hosted("web_search", "web_search_20260318"), hosted("web_fetch", "web_fetch_20250910"), hosted("code_execution", "code_execution_20260521"),
				{Name: "advisor", Type: "advisor_20260301", Model: "x", Hosted: true}, hosted("tool_search_tool_bm25", "tool_search_tool_bm25_20251119")}},
		"servers": {`"mcp_servers":[{"type":"url","name":"s","url":"https://a/mcp","authorization_token":"x"},{"type":"url","url":"https://b"}]`,
			[]provider.Tool{{Name: "s", Type: "mcp", URL: "https://a/mcp", Hosted: true}, {Type: "mcp", URL: "https://b", Hosted: true}}},
		"a server's tools": {`"tools":[{"type":"mcp_toolset","mcp_server_name":"s","tools":[{"name":"a","input_schema":{}}],"configs":{"a":{"enabled":true}}}]`,
			[]provider.Tool{hosted("a", "mcp_toolset"), hosted("s", "mcp_toolset")}},

		"a choice of none":          {`"tool_choice":{"type":"any","disable_parallel_tool_use":true}`, nil},
		"a choice":                  {`"tool_choice":{"type":"tool","name":"a"}`, []provider.Tool{tool("a", "tool")}},
		"a choice that is declared": {`"tool_choice":{"type":"tool","name":"a"},"tools":[{"name":"a"}]`, []provider.Tool{tool("a", "")}},

		"an addition by name":        {message(`{"type":"tool_addition","tool":{"type":"tool_reference","name":"a"}}`), []provider.Tool{tool("a", "tool_reference")}},
		"an addition":                {message(`{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"name":"a","input_schema":{}}}}`), []provider.Tool{tool("a", "")}},
		"an addition of a hosted":    {message(`{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"web_search_20260318","name":"web_search"}}}`), []provider.Tool{hosted("web_search", "web_search_20260318")}},
		"an addition, bare":          {message(`{"type":"tool_addition","tool":{"name":"a","input_schema":{}}}`), []provider.Tool{tool("a", "")}},
		"an addition of nothing":     {message(`{"type":"tool_addition","tool":{"type":"tool_definition","definition":null}}`), []provider.Tool{tool("", "tool_definition")}},
		"an addition from a server":  {message(`{"type":"tool_addition","tool":{"type":"mcp_tool_reference","server_name":"s","name":"a"}}`), []provider.Tool{hosted("s", "mcp_tool_reference"), hosted("a", "mcp_tool_reference")}},
		"an addition of a server":    {message(`{"type":"tool_addition","tool":{"type":"mcp_toolset_reference","server_name":"s"}}`), []provider.Tool{hosted("s", "mcp_toolset_reference")}},
		"an addition that is kept":   {message(`{"type":"compaction","content":"a","tool_changes":[{"type":"tool_addition","tool":{"type":"tool_reference","name":"a"}}]}`), []provider.Tool{tool("a", "tool_reference")}},
		"a reference in a result":    {message(`{"type":"tool_result","tool_use_id":"t","content":[{"tool_name":"a","type":"tool_reference"}]}`), []provider.Tool{tool("a", "tool_reference")}},
		"references that were found": {message(`{"type":"tool_search_tool_result","content":{"type":"tool_search_tool_search_result","tool_references":[{"type":"tool_reference","tool_name":"a"}]}}`), []provider.Tool{tool("a", "tool_reference")}},
		"a list of a server's tools": {message(`{"type":"mcp_tool_listing","mcp_server_name":"s","tools":[{"name":"a","input_schema":{}}]}`), []provider.Tool{hosted("a", "mcp")}},
		"a system message's":         {`"messages":[{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_reference","name":"a"}}]}]`, []provider.Tool{tool("a", "tool_reference")}},

		"a call is no declaration":   {message(`{"type":"tool_use","name":"a","input":{"tools":[{"name":"b"}]}}`), nil},
		"a result is no declaration": {message(`{"type":"tool_result","content":"{\"tool_name\":\"a\",\"type\":\"tool_reference\"}"}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parse(t, provider.Messages, `{"model":"m",`+c.members+`}`).Tools)
		})
	}
}

func TestToolsRefused(t *testing.T) {
	for name, c := range map[string]struct{ members, path, reason string }{
		"an addition that is no object":  {`"messages":[{"content":[{"type":"tool_addition","tool":"a"}]}]`, "messages.0", "want an object"},
		"an addition in another case":    {`"messages":[{"content":[{"type":"tool_addition","Tool":{"name":"a"}}]}]`, "messages.0", "in another case"},
		"a definition in another case":   {`"messages":[{"content":[{"type":"tool_addition","tool":{"Definition":{}}}]}]`, "messages.0", "in another case"},
		"a definition that is no object": {`"messages":[{"content":[{"type":"tool_addition","tool":{"definition":[]}}]}]`, "messages.0", "want an object"},
		"a server's name too long":       {`"mcp_servers":[{"name":"` + strings.Repeat("n", 257) + `"}]`, "mcp_servers.0", "longer than 256 bytes"},
		"a server's name twice":          {`"mcp_servers":[{"name":"a","Name":"b"}]`, "mcp_servers.0", "in another case"},
		"an address that is no string":   {`"mcp_servers":[{"name":"a","url":["https://a"]}]`, "mcp_servers.0", "want a string"},
		"two names in a reference":       {`"messages":[{"content":[{"tool_name":"a","tool_name":"b"}]}]`, "messages.0", "a second member"},
		"a long name in a reference":     {`"messages":[{"content":[{"tool_name":"` + strings.Repeat("n", 257) + `"}]}]`, "messages.0", "longer than 256 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			err := anthropic.Dialect{}.Parse(&provider.Request{Endpoint: provider.Messages, Body: []byte(`{"model":"m",` + c.members + `}`)})
			var syntax *provider.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, c.path, syntax.Path)
			assert.Contains(t, syntax.Reason, c.reason)
		})
	}
}

func TestBilling(t *testing.T) {
	assert.Equal(t, []string{"billing_policy", "user_profile_id"},
		parse(t, provider.Messages, `{"billing_policy":{"a":1},"model":"m","user_profile_id":"u"}`).Billing)
}

func TestUnbounded(t *testing.T) {
	message := func(block string) string { return `"messages":[{"role":"user","content":[` + block + `]}]` }
	for name, c := range map[string]struct{ members, want string }{
		"a text":                   {message(`{"type":"text","text":"a"}`), ""},
		"a thread that goes on":    {`"thread":{"type":"continue","previous_message_id":"m"}`, "thread"},
		"a thread that begins":     {`"thread":{"type":"create"}`, ""},
		"a thread by its name":     {`"thread":"t"`, "thread"},
		"no thread":                {`"thread":null`, ""},
		"a container":              {`"container":{"id":"c"}`, "container"},
		"a compaction":             {`"compaction":{"type":"summarize"}`, "compaction"},
		"a compaction among edits": {`"context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"compact_20260112"}]}`, "context_management"},
		"edits that clear":         {`"context_management":{"edits":[{"type":"clear_thinking_20251015"}]}`, ""},
		"an image here":            {message(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}`), ""},
		"an image elsewhere":       {message(`{"type":"image","source":{"type":"url","url":"https://a/b.png"}}`), "url"},
		"an image by its id":       {message(`{"source":{"type":"file","file_id":"f"},"type":"image"}`), "file_id"},
		"a document here":          {message(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"QUJD"}}`), "file"},
		"a document that is text":  {message(`{"type":"document","source":{"type":"text","data":"a"}}`), ""},
		"a document elsewhere":     {message(`{"type":"document","source":{"type":"url","url":"https://a"}}`), "url"},
		"a file in a container":    {message(`{"type":"container_upload","file_id":"f"}`), "container_upload"},
		"what was found":           {message(`{"type":"web_search_tool_result","content":[{"type":"web_search_result","url":"https://a","encrypted_content":"x"}]}`), ""},
		"a tool of the agent's":    {`"tools":[{"type":"bash_20250124","name":"bash"}]`, ""},
		"a hosted tool":            {`"tools":[{"type":"web_search_20250305","name":"web_search"}]`, "web_search_20250305"},
		"a server":                 {`"mcp_servers":[{"name":"s","url":"https://a"}]`, "mcp"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parse(t, provider.Messages, `{"model":"m",`+c.members+`}`).Unbounded)
		})
	}
}

func TestHiddenTools(t *testing.T) {
	for name, c := range map[string]struct {
		members string
		want    bool
	}{
		"nothing":               {`"messages":[]`, false},
		"a thread that goes on": {`"thread":{"type":"continue","previous_message_id":"m"}`, true},
		"a thread by its name":  {`"thread":"t"`, true},
		"a thread that begins":  {`"thread":{"type":"create"}`, false},
		"no thread":             {`"thread":null`, false},
		"a container":           {`"container":{"id":"c"}`, false},
		"tools that are shown":  {`"tools":[{"name":"f"}],"mcp_servers":[{"name":"s","url":"https://a"}]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parse(t, provider.Messages, `{"model":"m",`+c.members+`}`).HiddenTools)
		})
	}
}

// A token is a byte or more; of images only their number counts.
func TestMaxInput(t *testing.T) {
	text := strings.Repeat("!", 10_000)
	image := `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + strings.Repeat("QUJD", 10_000) + `"}}`
	for name, c := range map[string]struct {
		body     string
		from, to int64
	}{
		"a text":       {`{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`, 10_038, 10_120},
		"a prompt":     {`{"model":"m","system":[{"type":"text","text":"` + text + `"}]}`, 10_030, 10_120},
		"a definition": {`{"model":"m","tools":[{"name":"f","description":"` + text + `"}]}`, 10_630, 10_720},
		"a format":     {`{"model":"m","output_config":{"x":"` + text + `"}}`, 10_230, 10_300},
		"an image":     {`{"model":"m","messages":[{"role":"user","content":[` + image + `]}]}`, 4_784, 5_000},
		"two images":   {`{"model":"m","messages":[{"role":"user","content":[` + image + `,` + image + `]}]}`, 9_568, 9_900},
		"an old model": {`{"model":"claude-3-haiku","messages":[{"role":"user","content":[` + image + `]}]}`, 1_600, 1_900},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, provider.Messages, c.body)
			assert.GreaterOrEqual(t, r.MaxInput, c.from)
			assert.LessOrEqual(t, r.MaxInput, c.to)
			assert.GreaterOrEqual(t, r.MaxInput, r.Input)
			assert.Empty(t, r.Unbounded)
		})
	}
}
