package gateway_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/run"
)

// doors are the paths by which an agent's call comes in, and the provider that
// it is then for.
var doors = []struct{ path, provider string }{
	{"/v1/chat/completions", "openai"},
	{"/chat/completions", "openai"},
	{"/v1/responses", "openai"},
	{"/responses", "openai"},
	{"/v1/messages", "anthropic"},
	{"/messages", "anthropic"},
	{"/v1/v1/messages", "anthropic"},
	{"/v1/messages/count_tokens", "anthropic"},
	{"/messages/count_tokens", "anthropic"},
	{"/v1/v1/messages/count_tokens", "anthropic"},
}

// free reports whether what comes in by a door costs nothing.
func free(path string) bool { return strings.HasSuffix(path, "/count_tokens") }

// A checkpoint is a gateway that calls are smuggled through, and what has reached
// the providers behind it. The model "coin" has a price at both.
type checkpoint struct {
	t       testing.TB
	gateway *gateway.Gateway
	through []string
}

func newCheckpoint(t testing.TB, document string, change ...func(*gateway.Config)) *checkpoint {
	t.Helper()
	k := &checkpoint{t: t}
	both := func(c *gateway.Config) {
		c.Providers = append(c.Providers, &anthropic.Provider{APIKey: claudeKey, URL: "http://provider.test"})
	}
	k.gateway = newLocal(t, document, copied(func(body []byte) { k.through = append(k.through, string(body)) }),
		append(change, both, coins)...)
	return k
}

// Post sends a body in a run of its own.
func (k *checkpoint) Post(path, body string, headers ...string) *reply {
	k.t.Helper()
	return serve(k.t, k.gateway, &run.Ref{Agent: "alice", NewRun: true}, "POST", path, body, headers...)
}

// everyWay calls f with each way in which a body can be sent: by each door, and
// for a stream and not.
func everyWay(body string, f func(path, provider, body string)) {
	for _, d := range doors {
		f(d.path, d.provider, body)
		f(d.path, d.provider, strings.Replace(body, "{", `{"stream":true,`, 1))
	}
}

// Two policies of the same effect: one names what is allowed, the other what is
// not.
var fences = map[string]string{
	"what is allowed": `{"name":"prod","models":{"allow":["coin"]},"tools":{"allow":["lookup"]}}`,
	"what is denied": `{"name":"prod","models":{"deny":["claude-opus-*","default"]},"tools":{"deny":["shell","bash","computer*","browser*",
		"*text_editor","memory","local_shell","web_*","code_*","file_search","image_generation","tool_search*","advisor","mcp*","https://evil.example/*","future_*"]}}`,
}

// contraband are members of a call that get another model to work, or a tool that
// is not allowed, wherever the wire has a place for one. The agent calls it
// "lookup", where it may choose the name.
var contraband = map[string]struct{ member, rule, requested string }{
	"a fallback":                       {`"fallbacks":[{"model":"claude-opus-4-1"}]`, "allowed_models", "claude-opus-4-1"},
	"a fallback, after one allowed":    {`"fallbacks":[{"model":"coin"},{"max_tokens":5,"model":"claude-opus-4-1"}]`, "allowed_models", "claude-opus-4-1"},
	"a fallback, by name alone":        {`"fallbacks":["claude-opus-4-1"]`, "allowed_models", "claude-opus-4-1"},
	"a fallback that is not named":     {`"fallbacks":"default"`, "allowed_models", "default"},
	"a fallback, escaped":              {`"f\u0061llbacks":[{"mod\u0065l":"claude-\u006fpus-4-1"}]`, "allowed_models", "claude-opus-4-1"},
	"models to choose from":            {`"models":["coin","claude-opus-4-1"]`, "allowed_models", "claude-opus-4-1"},
	"an adviser":                       {`"tools":[{"type":"advisor_20260301","name":"lookup","model":"claude-opus-4-1"}]`, "allowed_models", "claude-opus-4-1"},
	"an adviser, escaped":              {`"tools":[{"type":"advisor_20260301","name":"lookup","m\u006fdel":"claude-opus-4-1"}]`, "allowed_models", "claude-opus-4-1"},
	"an adviser, added by a message":   {saying(`{"type":"tool_addition","tool":{"type":"advisor_20260301","name":"lookup","model":"claude-opus-4-1"}}`), "allowed_models", "claude-opus-4-1"},
	"an adviser of an allowed model":   {`"tools":[{"type":"advisor_20260301","name":"lookup","model":"coin"}]`, "allowed_tools", "advisor_20260301"},
	"a tool, as Chat has it":           {`"tools":[{"type":"function","function":{"name":"shell"}}]`, "allowed_tools", "shell"},
	"a tool, as Responses has it":      {`"tools":[{"type":"function","name":"shell"}]`, "allowed_tools", "shell"},
	"a tool, as Messages has it":       {`"tools":[{"name":"shell","input_schema":{"type":"object"}}]`, "allowed_tools", "shell"},
	"a tool, after one allowed":        {`"tools":[{"name":"lookup"},{"name":"shell"}]`, "allowed_tools", "shell"},
	"a tool in capitals":               {`"tools":[{"name":"SHELL"}]`, "allowed_tools", "SHELL"},
	"a tool, escaped":                  {`"tools":[{"n\u0061me":"sh\u0065ll"}]`, "allowed_tools", "shell"},
	"a tool of two names":              {`"tools":[{"name":"lookup","type":"function","function":{"name":"shell"}}]`, "allowed_tools", "shell"},
	"a custom tool, as Chat has it":    {`"tools":[{"type":"custom","custom":{"name":"shell"}}]`, "allowed_tools", "shell"},
	"a custom tool, flat":              {`"tools":[{"type":"custom","name":"shell"}]`, "allowed_tools", "shell"},
	"a function of old":                {`"functions":[{"name":"shell"}]`, "allowed_tools", "shell"},
	"a choice of what is not declared": {`"tool_choice":{"type":"function","function":{"name":"shell"}}`, "allowed_tools", "shell"},
	"a choice, as Messages has it":     {`"tool_choice":{"type":"tool","name":"shell"}`, "allowed_tools", "shell"},
	"a choice of several":              {`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"shell"}]}`, "allowed_tools", "shell"},
	"a choice of old":                  {`"function_call":{"name":"shell"}`, "allowed_tools", "shell"},
	"a tool in a namespace":            {`"tools":[{"type":"namespace","name":"lookup","tools":[{"type":"function","name":"shell"}]}]`, "allowed_tools", "shell"},
	"a tool in a definition":           {`"tools":[{"type":"tool_definition","definition":{"name":"shell"}}]`, "allowed_tools", "shell"},

	"a tool, added by a message":          {saying(`{"type":"tool_addition","tool":{"name":"shell","input_schema":{}}}`), "allowed_tools", "shell"},
	"a tool, added by one of the system":  {`"messages":[{"role":"system","content":[{"type":"tool_addition","tool":{"name":"shell"}}]}]`, "allowed_tools", "shell"},
	"a tool, added by an item":            {`"input":[{"type":"additional_tools","tools":[{"type":"function","name":"shell"}]}]`, "allowed_tools", "shell"},
	"a tool, referred to":                 {saying(`{"type":"tool_reference","tool_name":"shell"}`), "allowed_tools", "shell"},
	"a tool, referred to in a result":     {saying(`{"type":"tool_result","tool_use_id":"t","content":[{"type":"tool_reference","tool_name":"shell"}]}`), "allowed_tools", "shell"},
	"a server's tools, listed by an item": {`"input":[{"type":"mcp_list_tools","server_label":"lookup","tools":[{"name":"lookup"}]}]`, "allowed_tools", "mcp"},

	"a server of tools, by address":    {`"mcp_servers":[{"type":"url","name":"lookup","url":"https://evil.example/mcp"}]`, "allowed_tools", "https://evil.example/mcp"},
	"a server of tools as a tool":      {`"tools":[{"type":"mcp","server_label":"lookup","server_url":"https://evil.example/mcp"}]`, "allowed_tools", "https://evil.example/mcp"},
	"a server of tools, by connector":  {`"tools":[{"type":"mcp","server_label":"lookup","connector_id":"connector_gmail"}]`, "allowed_tools", "mcp"},
	"a toolset of a server":            {`"tools":[{"type":"mcp_toolset","mcp_server_name":"lookup"}]`, "allowed_tools", "mcp_toolset"},
	"a search of the web":              {`"tools":[{"type":"web_search_20250305","name":"lookup"}]`, "allowed_tools", "web_search_20250305"},
	"a search of the web, as a tool":   {`"tools":[{"type":"web_search_preview"}]`, "allowed_tools", "web_search_preview"},
	"a search of the web, by option":   {`"web_search_options":{}`, "allowed_tools", "web_search_options"},
	"what is fetched":                  {`"tools":[{"type":"web_fetch_20250910","name":"lookup"}]`, "allowed_tools", "web_fetch_20250910"},
	"code that is executed":            {`"tools":[{"type":"code_execution_20250825","name":"lookup"}]`, "allowed_tools", "code_execution_20250825"},
	"code that is interpreted":         {`"tools":[{"type":"code_interpreter","container":{"type":"auto"}}]`, "allowed_tools", "code_interpreter"},
	"a search of files":                {`"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]`, "allowed_tools", "file_search"},
	"an image that is made":            {`"tools":[{"type":"image_generation"}]`, "allowed_tools", "image_generation"},
	"a search of tools":                {`"tools":[{"type":"tool_search_tool_regex_20251119","name":"lookup"}]`, "allowed_tools", "tool_search_tool_regex_20251119"},
	"a shell of Anthropic's":           {`"tools":[{"type":"bash_20250124","name":"bash"}]`, "allowed_tools", "bash"},
	"an editor of Anthropic's":         {`"tools":[{"type":"text_editor_20250728","name":"str_replace_based_edit_tool"}]`, "allowed_tools", "str_replace_based_edit_tool"},
	"a memory of Anthropic's":          {`"tools":[{"type":"memory_20250818","name":"memory"}]`, "allowed_tools", "memory"},
	"a set of tools for a computer":    {`"tools":[{"type":"computer_toolset_20260801"}]`, "allowed_tools", "computer"},
	"a set of tools for a browser":     {`"tools":[{"type":"browser_toolset_20260801"}]`, "allowed_tools", "browser"},
	"a computer of OpenAI's":           {`"tools":[{"type":"computer_use_preview","environment":"browser"}]`, "allowed_tools", "computer"},
	"a shell of OpenAI's":              {`"tools":[{"type":"shell","environment":{"type":"container_auto"}}]`, "allowed_tools", "shell"},
	"a shell at the agent's":           {`"tools":[{"type":"local_shell"}]`, "allowed_tools", "local_shell"},
	"a type that is not known":         {`"tools":[{"type":"future_tool_20270101","name":"lookup"}]`, "allowed_tools", "future_tool_20270101"},
	"a type that is added by messages": {saying(`{"type":"tool_addition","tool":{"type":"web_search_20250305","name":"lookup"}}`), "allowed_tools", "web_search_20250305"},

	"a workspace that pays":      {`"workspace_id":"wrkspc_1"`, "no_billing_change", ""},
	"a user who pays":            {`"user_profile_id":"usrprof_1"`, "no_billing_change", ""},
	"somebody who pays":          {`"bill_to":"org_1"`, "no_billing_change", ""},
	"somebody who pays, inside":  {`"billing_policy":{"bill_to":"org_1"}`, "no_billing_change", ""},
	"somebody who pays, escaped": {`"bill\u005fto":"org_1"`, "no_billing_change", ""},
}

// saying is a conversation with a block in it.
func saying(block string) string {
	return `"messages":[{"role":"user","content":[{"type":"text","text":"a"},` + block + `]}]`
}

// What a policy does not allow, it does not allow in any place of the wire.
func TestContraband(t *testing.T) {
	for name, c := range contraband {
		t.Run(name, func(t *testing.T) {
			call := `{"model":"coin",` + c.member + `}`
			for says, document := range fences {
				k := newCheckpoint(t, document)
				everyWay(call, func(path, provider, body string) {
					r := k.Post(path, body)
					e := refusal(t, r, 403, "policy_violation")
					got := contextOf(t, e)
					assert.Equal(t, c.rule, got["rule"], "%s %s, by %s", path, body, says)
					switch c.rule {
					case "allowed_models":
						assert.Equal(t, provider+"/"+c.requested, got["requested"], path)
					case "allowed_tools":
						assert.Equal(t, c.requested, got["requested"], path)
						assert.NotEmpty(t, got["tool"], path)
					}
					assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				})
				assert.Empty(t, k.through, "nothing is forwarded")
			}

			k, sent := newCheckpoint(t, `{"name":"prod","billing":{"allow":["*"]}}`), 0
			everyWay(call, func(path, _, body string) {
				r := k.Post(path, body)
				require.Equal(t, 200, r.StatusCode, r.Body)
				sent++
				require.Len(t, k.through, sent)
			})
			for _, body := range k.through {
				assert.Contains(t, body, c.member, "by no policy it is held up, and arrives as it is")
			}
		})
	}
}

// What is smuggled in a packed body is found as well.
func TestPackedContraband(t *testing.T) {
	for says, document := range fences {
		t.Run(says, func(t *testing.T) {
			k := newCheckpoint(t, document)
			everyWay(`{"model":"coin","functions":[{"name":"shell"}]}`, func(path, _, body string) {
				var packed bytes.Buffer
				z := gzip.NewWriter(&packed)
				z.Write([]byte(body))
				z.Close()
				e := refusal(t, k.Post(path, packed.String(), "Content-Encoding: gzip"), 403, "policy_violation")
				assert.Equal(t, "shell", contextOf(t, e)["tool"], path)
				refusal(t, k.Post(path, packed.String(), "Content-Encoding: br"), 415, "unsupported_encoding")
				refusal(t, k.Post(path, packed.String()), 400, "invalid_request")
			})
			assert.Empty(t, k.through)
		})
	}
}

// There is more than one place to say who pays.
func TestBillingHeaders(t *testing.T) {
	for _, header := range []string{"anthropic-workspace-id", "Anthropic-Workspace-Id", "anthropic-user-profile-id"} {
		t.Run(header, func(t *testing.T) {
			k := newCheckpoint(t, `{"name":"prod"}`)
			everyWay(`{"model":"coin"}`, func(path, _, body string) {
				c := contextOf(t, refusal(t, k.Post(path, body, header+": w"), 403, "policy_violation"))
				assert.Equal(t, "no_billing_change", c["rule"])
				assert.Equal(t, strings.ToLower(header), c["field"])
			})
			assert.Empty(t, k.through)

			k = newCheckpoint(t, `{"name":"prod","billing":{"allow":["`+strings.ToLower(header)+`"]}}`)
			assert.Equal(t, 200, k.Post("/v1/messages", `{"model":"coin"}`, header+": w").StatusCode)
			assert.Len(t, k.through, 1)
		})
	}
}

// What two parsers might read differently is nobody's to decide about.
func TestAmbiguousContraband(t *testing.T) {
	for name, member := range map[string]string{
		"fallbacks twice":                         `"fallbacks":[{"model":"coin"}],"fallbacks":[{"model":"claude-opus-4-1"}]`,
		"fallbacks in another case":               `"Fallbacks":[{"model":"claude-opus-4-1"}]`,
		"tools in another case":                   `"tools":[],"Tools":[{"name":"shell"}]`,
		"functions in another case":               `"FUNCTIONS":[{"name":"shell"}]`,
		"servers of tools in another case":        `"mcp_Servers":[{"url":"https://evil.example/mcp"}]`,
		"who pays in another case":                `"Bill_To":"org_1"`,
		"an adviser's model in another case":      `"tools":[{"type":"advisor_20260301","name":"a","model":"coin","Model":"claude-opus-4-1"}]`,
		"a tool's name in another case":           `"tools":[{"name":"lookup","Name":"shell"}]`,
		"a tool's name in another case, alone":    `"tools":[{"NAME":"shell"}]`,
		"a tool's name twice, escaped":            `"tools":[{"name":"lookup","\u006eame":"shell"}]`,
		"a tool's type twice":                     `"tools":[{"type":"function","type":"web_search_20250305","name":"lookup"}]`,
		"a tool's function twice":                 `"tools":[{"type":"function","function":{"name":"lookup"},"function":{"name":"shell"}}]`,
		"a server's address in another case":      `"tools":[{"type":"mcp","server_label":"a","Server_URL":"https://evil.example/mcp"}]`,
		"an added tool in another case":           saying(`{"type":"tool_addition","Tool":{"name":"shell"}}`),
		"an added tool twice":                     saying(`{"type":"tool_addition","tool":{"name":"lookup"},"tool":{"name":"shell"}}`),
		"an added tool's name twice":              saying(`{"type":"tool_addition","tool":{"name":"lookup","name":"shell"}}`),
		"a name in another case, by its letter K": "\"wor\u212aspace_id\":\"wrkspc_1\"",
		"a cap in another case":                   `"max_tokens":1,"Max_Completion_Tokens":100000`,
		"choices in another case":                 `"N":100`,
		"a tier in another case":                  `"Service_Tier":"priority"`,
		"the conversation in another case":        `"Previous_Response_Id":"resp_1"`,
		"tools that are no list":                  `"tools":"shell"`,
		"a tool that is a name":                   `"tools":["shell"]`,
		"a tool of a name that is none":           `"tools":[{"name":["shell"]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			k := newCheckpoint(t, `{"name":"prod"}`)
			everyWay(`{"model":"coin",`+member+`}`, func(path, _, body string) {
				refusal(t, k.Post(path, body), 400, "invalid_request")
			})
			assert.Empty(t, k.through, "nothing is forwarded")
		})
	}
}
