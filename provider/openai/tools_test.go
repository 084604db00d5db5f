package openai_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func TestTools(t *testing.T) {
	hosted := func(name, kind string) provider.Tool {
		return provider.Tool{Name: name, Type: kind, Hosted: true}
	}
	function := func(names ...string) (list []provider.Tool) {
		for _, name := range names {
			list = append(list, provider.Tool{Name: name, Type: "function"})
		}
		return list
	}
	for name, c := range map[string]struct {
		members string // besides the model
		want    []provider.Tool
	}{
		"none":                    {`"messages":[]`, nil},
		"no list":                 {`"tools":null,"functions":null,"web_search_options":null,"tool_choice":null`, nil},
		"functions":               {`"tools":[{"type":"function","function":{"name":"a","parameters":{"name":"no"}}},{"function":{"name":"B"},"type":"function"}]`, function("a", "B")},
		"a function of Responses": {`"tools":[{"type":"function","name":"a","parameters":{"properties":{"name":{}}}}]`, function("a")},
		"an escaped name":         {`"tools":[{"type":"function","function":{"n\u0061me":"\u0073h\u0065ll"}}]`, function("shell")},
		"a function by two names": {`"tools":[{"type":"function","name":"a","function":{"name":"b"}}]`, function("a", "b")},
		"the same name twice":     {`"tools":[{"type":"function","name":"a","function":{"name":"a"}}]`, function("a")},
		"no name":                 {`"tools":[{"type":"function","function":{}}]`, function("")},
		"nothing":                 {`"tools":[{}]`, []provider.Tool{{}}},
		"a name that is null":     {`"tools":[{"type":"function","name":null,"function":{"name":"a"}}]`, function("a")},
		"an old function":         {`"functions":[{"name":"a"},{"name":"b"}]`, function("a", "b")},
		"a custom tool":           {`"tools":[{"type":"custom","custom":{"name":"a","format":{"type":"text"}}}]`, []provider.Tool{{Name: "a", Type: "custom"}}},
		"a custom tool, flat":     {`"tools":[{"type":"custom","name":"a"}]`, []provider.Tool{{Name: "a", Type: "custom"}}},
		"a namespace": {`"tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"a"},{"type":"custom","name":"b"}]}]`,
			[]provider.Tool{{Name: "a", Type: "function"}, {Name: "b", Type: "custom"}, {Name: "n", Type: "namespace"}}},
		"hosted tools": {`"tools":[{"type":"web_search"},{"type":"web_search_preview_2025_03_11"},{"type":"file_search","vector_store_ids":["v"]},{"type":"code_interpreter","container":{"type":"auto"}},{"type":"image_generation"},{"type":"programmatic_tool_calling"},{"type":"tool_search"}]`,
			[]provider.Tool{hosted("web_search", "web_search"), hosted("web_search", "web_search_preview_2025_03_11"), hosted("file_search", "file_search"),
				hosted("code_interpreter", "code_interpreter"), hosted("image_generation", "image_generation"),
				hosted("programmatic_tool_calling", "programmatic_tool_calling"), hosted("tool_search", "tool_search")}},
		"a tool with a model of its own": {`"tools":[{"type":"image_generation","model":"gpt-image-1.5","size":"auto"},{"type":"image_generation","model":null}]`,
			[]provider.Tool{{Name: "image_generation", Type: "image_generation", Model: "gpt-image-1.5", Hosted: true}, hosted("image_generation", "image_generation")}},
		"tools that the agent runs": {`"tools":[{"type":"computer_use_preview"},{"type":"computer"},{"type":"local_shell"},{"type":"apply_patch"},{"type":"shell","environment":{"type":"local"}},{"type":"tool_search","execution":"client"}]`,
			[]provider.Tool{{Name: "computer", Type: "computer_use_preview"}, {Name: "computer", Type: "computer"}, {Name: "local_shell", Type: "local_shell"},
				{Name: "apply_patch", Type: "apply_patch"}, {Name: "shell", Type: "shell"}, {Name: "tool_search", Type: "tool_search"}}},
		"a shell of the provider's": {`"tools":[{"type":"shell","environment":{"type":"container_auto"}},{"type":"shell"}]`,
			[]provider.Tool{hosted("shell", "shell"), hosted("shell", "shell")}},
		"a type that is not known": {`"tools":[{"type":"teleport"}]`, []provider.Tool{hosted("teleport", "teleport")}},
		"a server": {`"tools":[{"type":"mcp","server_label":"l","server_url":"https://a/mcp","allowed_tools":["x"],"headers":{"a":"b"}}]`,
			[]provider.Tool{{Name: "l", Type: "mcp", URL: "https://a/mcp", Hosted: true}}},
		"a server by its connector": {`"tools":[{"type":"mcp","server_label":"l","connector_id":"connector_gmail","allowed_tools":{"tool_names":["x"],"read_only":true}}]`,
			[]provider.Tool{hosted("l", "mcp"), hosted("connector_gmail", "mcp")}},
		"a search of the web": {`"web_search_options":{}`, []provider.Tool{hosted("web_search", "web_search_options")}},

		"a choice of none":            {`"tool_choice":"required","function_call":"auto"`, nil},
		"a choice":                    {`"tool_choice":{"type":"function","function":{"name":"a"}}`, function("a")},
		"a choice, flat":              {`"tool_choice":{"type":"function","name":"a"}`, function("a")},
		"a choice of an old function": {`"function_call":{"name":"a"}`, []provider.Tool{{Name: "a"}}},
		"a choice that is declared":   {`"tool_choice":{"type":"function","name":"a"},"tools":[{"type":"function","name":"a"}]`, function("a")},
		"a choice of a custom tool":   {`"tool_choice":{"type":"custom","custom":{"name":"a"}}`, []provider.Tool{{Name: "a", Type: "custom"}}},
		"a choice of a hosted tool":   {`"tool_choice":{"type":"web_search_preview"}`, []provider.Tool{hosted("web_search", "web_search_preview")}},
		"a choice of a server":        {`"tool_choice":{"type":"mcp","server_label":"l","name":"a"}`, []provider.Tool{hosted("l", "mcp"), hosted("a", "mcp")}},
		"a choice among some":         {`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"a"},{"type":"image_generation"}]}`, append(function("a"), hosted("image_generation", "image_generation"))},
		"a choice among some, Chat":   {`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"a"}}]}}`, function("a")},

		"tools in the conversation":  {`"input":[{"role":"user","content":"a"},{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"a"}]}]`, function("a")},
		"tools that were found":      {`"input":[{"type":"tool_search_output","tools":[{"type":"function","name":"a"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"b"}]}]}]`, append(function("a", "b"), provider.Tool{Name: "n", Type: "namespace"})},
		"tools of a server":          {`"input":[{"tools":[{"name":"a","input_schema":{}}],"server_label":"l","type":"mcp_list_tools"}]`, []provider.Tool{hosted("a", "mcp")}},
		"a call is no declaration":   {`"input":[{"type":"function_call","name":"a","arguments":"{}"}],"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"b"}}]}]`, nil},
		"a result is no declaration": {`"input":[{"type":"function_call_output","output":"{\"tools\":[{\"name\":\"a\"}]}"}]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parse(t, provider.Responses, `{"model":"m",`+c.members+`}`).Tools)
		})
	}
}

func TestToolsRefused(t *testing.T) {
	long := strings.Repeat("n", 257)
	many := `[` + strings.Repeat(`{"name":"a"},`, 4096) + `{"name":"a"}]`
	nested := func(levels int) string { return strings.Repeat(`{"tools":[`, levels) + strings.Repeat(`]}`, levels) }
	for name, c := range map[string]struct{ members, path, reason string }{
		"no object":                    {`"tools":["shell"]`, "tools.0", "want an object"},
		"null":                         {`"tools":[{},null]`, "tools.1", "want an object"},
		"no list":                      {`"tools":{}`, "tools", "want an array"},
		"no list in a namespace":       {`"tools":[{"type":"namespace","tools":{}}]`, "tools.0", "want an array"},
		"a name that is no string":     {`"tools":[{"type":"function","name":["shell"]}]`, "tools.0", "want a string"},
		"a type that is no string":     {`"tools":[{"type":["function"],"name":"a"}]`, "tools.0", "want a string"},
		"a function that is no object": {`"tools":[{"type":"function","function":"shell"}]`, "tools.0", "want an object"},
		"a long name":                  {`"tools":[{"type":"function","function":{"name":"` + long + `"}}]`, "tools.0", "longer than 256 bytes"},
		"a long type":                  {`"tools":[{"type":"` + long + `"}]`, "tools.0", "longer than 256 bytes"},
		"a long address":               {`"tools":[{"type":"mcp","server_url":"` + strings.Repeat("u", 4097) + `"}]`, "tools.0", "longer than 4096 bytes"},
		"a long name of old":           {`"functions":[{"name":"` + long + `"}]`, "functions.0", "longer than 256 bytes"},
		"a name in another case":       {`"tools":[{"type":"function","name":"a","Name":"shell"}]`, "tools.0", "in another case"},
		"a name with a long s":         {`"tools":[{"type":"mcp","ſerver_label":"shell"}]`, "tools.0", "in another case"},
		"a function in another case":   {`"tools":[{"type":"function","Function":{"name":"shell"}}]`, "tools.0", "in another case"},
		"its name in another case":     {`"tools":[{"type":"function","function":{"NAME":"shell"}}]`, "tools.0", "in another case"},
		"tools in another case":        {`"Tools":[]`, "Tools", "in another case"},
		"a choice in another case":     {`"tool_choice":{"type":"function","Name":"shell"}`, "tool_choice", "in another case"},
		"tools of an item, so":         {`"input":[{"type":"additional_tools","toolS":[]}]`, "input.0", "in another case"},
		"too many":                     {`"tools":` + many, "tools.4096", "more than 4096 tools"},
		"too many of old":              {`"functions":` + many, "functions.4096", "more than 4096 tools"},
		"too many in a tool":           {`"tools":[{"tools":` + many + `}]`, "tools.0", "more than 4096 tools"},
		"too many in an item":          {`"input":[{"tools":` + many + `}]`, "input.0", "more than 4096 tools"},
		"too many to choose from":      {`"tool_choice":{"tools":` + many + `}`, "tool_choice", "more than 4096 tools"},
		"too deep":                     {`"tools":[` + nested(17) + `]`, "tools.0", "more than 16 levels"},
		"too deep, wrapped":            {`"tools":[` + strings.Repeat(`{"definition":`, 17) + `{}` + strings.Repeat(`}`, 17) + `]`, "tools.0", "more than 16 levels"},
		"two names in a choice":        {`"tool_choice":{"name":"a","name":"b"}`, "tool_choice", "a second member"},
		"two names in an item":         {`"input":[{"tools":[{"name":"a","name":"b"}]}]`, "input.0", "a second member"},
	} {
		t.Run(name, func(t *testing.T) {
			err := openai.Dialect{}.Parse(&provider.Request{Endpoint: provider.Responses, Body: []byte(`{"model":"m",` + c.members + `}`)})
			var syntax *provider.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, c.path, syntax.Path)
			assert.Contains(t, syntax.Reason, c.reason)
		})
	}
}

func TestToolsNestSixteenLevels(t *testing.T) {
	body := strings.Repeat(`{"tools":[`, 15) + `{"name":"a"}` + strings.Repeat(`]}`, 15)
	assert.Contains(t, parse(t, provider.Responses, `{"model":"m","tools":[`+body+`]}`).Tools, provider.Tool{Name: "a"})
}

// There may be many tools, and their names do not mix. To find out
// which of them are declared takes no more than time in proportion to them.
func TestManyTools(t *testing.T) {
	var list []map[string]any
	var want []provider.Tool
	for i := range 4096 {
		name := fmt.Sprintf("tool_%d", i)
		list = append(list, map[string]any{"type": "function", "name": name})
		want = append(want, provider.Tool{Name: name, Type: "function"})
	}
	body, err := json.Marshal(map[string]any{"model": "m", "tools": list, "tool_choice": map[string]any{"type": "allowed_tools", "tools": list}})
	require.NoError(t, err)
	r := parse(t, provider.Responses, string(body))
	clear(body) // the names are no part of it
	assert.Equal(t, want, r.Tools)
}

func TestBilling(t *testing.T) {
	assert.Nil(t, parse(t, provider.Chat, `{"model":"m"}`).Billing)
	assert.Equal(t, []string{"workspace_id", "bill_to"}, parse(t, provider.Chat, `{"workspace_id":"w","model":"m","bill_to":"b"}`).Billing)
}

func TestUnbounded(t *testing.T) {
	message := func(content string) string { return `"messages":[{"role":"user","content":[` + content + `]}]` }
	for name, c := range map[string]struct{ members, want string }{
		"a text":                   {`"messages":[{"role":"user","content":"a"}]`, ""},
		"null":                     {`"previous_response_id":null,"conversation":null`, ""},
		"an answer that is kept":   {`"previous_response_id":"resp_1"`, "previous_response_id"},
		"a conversation":           {`"conversation":{"id":"c"}`, "conversation"},
		"a prompt that is kept":    {`"prompt":{"id":"p"}`, "prompt"},
		"a prediction":             {`"prediction":{"type":"content","content":"a"}`, "prediction"},
		"no prediction":            {`"prediction":null`, ""},
		"a compaction":             {`"context_management":[{"type":"compaction","compact_threshold":1000}]`, "context_management"},
		"an item that is kept":     {`"input":[{"type":"item_reference","id":"i"}]`, "item_reference"},
		"an image here":            {message(`{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}`), ""},
		"an image here, flat":      {`"input":[{"content":[{"type":"input_image","image_url":"data:image/png;base64,QUJD"}]}]`, ""},
		"an image elsewhere":       {message(`{"type":"image_url","image_url":{"url":"https://a/b.png"}}`), "url"},
		"an image elsewhere, flat": {`"input":[{"content":[{"image_url":"https://a/b.png","type":"input_image"}]}]`, "image_url"},
		"an image by its id":       {`"input":[{"content":[{"type":"input_image","file_id":"f"}]}]`, "file_id"},
		"a document here":          {message(`{"type":"file","file":{"file_data":"data:application/pdf;base64,QUJD"}}`), "file"},
		"a document elsewhere":     {`"input":[{"content":[{"type":"input_file","file_url":"https://a/b.pdf"}]}]`, "file_url"},
		"a document by its id":     {message(`{"type":"file","file":{"file_id":"f"}}`), "file_id"},
		"a recording":              {message(`{"type":"input_audio","input_audio":{"format":"wav","data":"QUJD"}}`), ""},
		"an answer's recording":    {`"messages":[{"role":"assistant","audio":{"id":"a"}}]`, "audio"},
		"a film":                   {message(`{"type":"video_url","video_url":{"url":"https://a/b"}}`), "video_url"},
		"a link in a text":         {`"input":[{"type":"message","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"https://a"}]}]}]`, ""},
		"a function":               {`"tools":[{"type":"function","name":"a"}]`, ""},
		"a hosted tool":            {`"tools":[{"type":"function","name":"a"},{"type":"file_search"}]`, "file_search"},
		"a search of the web":      {`"web_search_options":{}`, "web_search_options"},
		"a server":                 {`"tools":[{"type":"mcp","server_label":"l"}]`, "mcp"},
		"the first of many":        {`"tools":[{"type":"mcp"}],"previous_response_id":"r"`, "mcp"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parse(t, provider.Responses, `{"model":"m",`+c.members+`}`).Unbounded)
		})
	}
}

func TestHiddenTools(t *testing.T) {
	for name, c := range map[string]struct {
		members string
		want    bool
	}{
		"nothing":                {`"input":"a","prompt":"b"`, false},
		"nulls":                  {`"previous_response_id":null,"conversation":null,"prompt":null`, false},
		"a prompt that is kept":  {`"prompt":{"id":"p"}`, true},
		"an answer that is kept": {`"previous_response_id":"resp_1"`, true},
		"a conversation":         {`"conversation":{"id":"c"}`, true},
		"an item that is kept":   {`"input":[{"type":"item_reference","id":"i"}]`, true},
		"tools that are shown":   {`"tools":[{"type":"function","name":"f"},{"type":"mcp","server_label":"s"}]`, false},
		"a file that is kept":    {`"input":[{"content":[{"type":"input_file","file_id":"f"}]}]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, parse(t, provider.Responses, `{"model":"m",`+c.members+`}`).HiddenTools)
		})
	}
}

// A token is a byte or more; of images only their number counts.
func TestMaxInput(t *testing.T) {
	text := strings.Repeat("!", 10_000)
	image := `{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("QUJD", 10_000) + `"}}`
	for name, c := range map[string]struct {
		body     string
		from, to int64
	}{
		"a text":          {`{"model":"m","messages":[{"role":"user","content":"` + text + `"}]}`, 10_008, 10_100},
		"instructions":    {`{"model":"m","instructions":"` + text + `","input":"a"}`, 10_000, 10_100},
		"a definition":    {`{"model":"m","tools":[{"type":"function","function":{"name":"f","description":"` + text + `"}}]}`, 10_016, 10_200},
		"a format":        {`{"model":"m","response_format":{"x":"` + text + `"}}`, 10_000, 10_100},
		"an unknown one":  {`{"model":"m","prefill":"` + text + `"}`, 10_000, 10_100},
		"an image":        {`{"model":"gpt-5.4","messages":[{"role":"user","content":[` + image + `]}]}`, 12_000, 12_200},
		"two images":      {`{"model":"gpt-5.4","messages":[{"role":"user","content":[` + image + `,` + image + `]}]}`, 24_000, 24_300},
		"an image, dear":  {`{"model":"gpt-4o-mini","messages":[{"role":"user","content":[` + image + `]}]}`, 48_169, 48_400},
		"a recording":     {`{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"` + text + `"}}]}]}`, 10_000, 10_300},
		"tokens to embed": {`{"model":"m","input":[[1,2],[3]]}`, 3, 100},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, provider.Chat, c.body)
			assert.GreaterOrEqual(t, r.MaxInput, c.from)
			assert.LessOrEqual(t, r.MaxInput, c.to)
			assert.GreaterOrEqual(t, r.MaxInput, r.Input)
			assert.Empty(t, r.Unbounded)
		})
	}
}

// A model that searches on its own brings in what it finds.
func TestSearchModelsAreUnbounded(t *testing.T) {
	for model, want := range map[string]string{
		"gpt-4o-search-preview": "gpt-4o-search-preview",
		"gpt-5-search-api":      "gpt-5-search-api",
		"gpt-4o":                "",
	} {
		assert.Equal(t, want, parse(t, provider.Chat, `{"model":"`+model+`","messages":[]}`).Unbounded)
	}
}
