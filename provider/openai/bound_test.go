package openai_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

// What only one provider knows or has signed, and so whether another one could serve
// the call.
func TestBound(t *testing.T) {
	item := func(item string) string { return `"input":[{"role":"user","content":"a"},` + item + `]` }
	part := func(part string) string { return `"messages":[{"role":"user","content":[` + part + `]}]` }
	tool := func(tool string) string { return `"tools":[{"type":"function","name":"f"},` + tool + `]` }
	for name, c := range map[string]struct {
		members, want string
		signed        bool
	}{
		"a text":                              {`"messages":[{"role":"user","content":"a"}]`, "", false},
		"null":                                {`"previous_response_id":null,"conversation":null,"prompt":null,"container":null`, "", false},
		"an answer that is kept":              {`"previous_response_id":"resp_1"`, "previous_response_id", false},
		"a conversation":                      {`"conversation":{"id":"conv_1"}`, "conversation", false},
		"a conversation by its name":          {`"conversation":"conv_1"`, "conversation", false},
		"a prompt that is kept":               {`"prompt":{"id":"pmpt_1"}`, "prompt", false},
		"a prompt that is a text":             {`"prompt":"a"`, "", false},
		"an answer that is to be kept":        {`"store":true,"metadata":{"a":"b"}`, "", false},
		"an answer that is made later":        {`"background":true`, "", false},
		"a key of a cache":                    {`"prompt_cache_key":"k"`, "", false},
		"what becomes of a long conversation": {`"context_management":[{"type":"compaction","compact_threshold":1000}]`, "", false},
		"a prediction":                        {`"prediction":{"type":"content","content":"a"}`, "", false},

		"an item that is kept":                     {item(`{"type":"item_reference","id":"msg_1"}`), "item_reference", false},
		"an answer by its id, with what it says":   {item(`{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"a"}]}`), "", false},
		"a call by its id, with its arguments":     {item(`{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}"}`), "", false},
		"a call's output":                          {item(`{"type":"function_call_output","call_id":"call_1","output":"{\"file_id\":\"x\",\"signature\":\"y\"}"}`), "", false},
		"reasoning that is encrypted":              {item(`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}`), "encrypted_content", true},
		"reasoning that is encrypted, without id":  {item(`{"encrypted_content":"gAAA","summary":[],"type":"reasoning"}`), "encrypted_content", true},
		"reasoning that is kept":                   {item(`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"a"}]}`), "reasoning", false},
		"reasoning that is kept, told early":       {item(`{"id":"rs_1","summary":[],"encrypted_content":null,"type":"reasoning"}`), "reasoning", false},
		"reasoning in words":                       {item(`{"type":"reasoning","summary":[{"type":"summary_text","text":"a"}]}`), "", false},
		"what was before, compacted":               {item(`{"type":"compaction","id":"cmp_1","encrypted_content":"gAAA"}`), "encrypted_content", false},
		"what a hosted tool has run in":            {item(`{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1","code":"1","outputs":[]}`), "container_id", false},
		"what a hosted tool has found":             {item(`{"type":"web_search_call","id":"ws_1","status":"completed"}`), "", false},
		"what a server's tool has said":            {item(`{"type":"mcp_call","id":"mcp_1","server_label":"s","name":"f","arguments":"{}","output":"a"}`), "", false},
		"an image that it has made":                {item(`{"type":"image_generation_call","id":"ig_1"}`), "image", false},
		"an image that it has made, without it":    {item(`{"type":"image_generation_call","id":"ig_1","result":null}`), "image", false},
		"an image that it has made, with it":       {item(`{"type":"image_generation_call","id":"ig_1","result":"iVBORw0KGgo="}`), "", false},
		"an image by its id":                       {item(`{"role":"user","content":[{"type":"input_image","file_id":"file-1"}]}`), "file_id", false},
		"a screen by its id":                       {item(`{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","file_id":"file-1"}}`), "file_id", false},
		"a document by its id":                     {item(`{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}`), "file_id", false},
		"a document by no id":                      {item(`{"role":"user","content":[{"type":"input_file","file_id":"","file_url":"https://a/b.pdf"}]}`), "", false},
		"a document elsewhere":                     {item(`{"role":"user","content":[{"type":"input_file","file_url":"https://a/b.pdf"}]}`), "", false},
		"a document by its id (Chat Completions)":  {part(`{"type":"file","file":{"file_id":"file-1"}}`), "file_id", false},
		"a document here":                          {part(`{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QUJD"}}`), "", false},
		"an image here":                            {part(`{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}`), "", false},
		"an image elsewhere":                       {part(`{"type":"image_url","image_url":{"url":"https://a/b.png"}}`), "", false},
		"a recording":                              {part(`{"type":"input_audio","input_audio":{"format":"wav","data":"QUJD"}}`), "", false},
		"a recording of an answer, by its id":      {`"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]`, "audio", false},
		"the form that an answer is to be spoken":  {`"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`, "", false},
		"calls, and their results":                 {`"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"a"}]`, "", false},
		"reasoning of a compatible server":         {`"messages":[{"role":"assistant","content":"a","reasoning_content":"b"}]`, "", false},
		"a function with a parameter of such name": {`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"file_ids":{"type":"array"},"container":{"type":"string"}}}}}]`, "", false},

		"a search of files":                  {tool(`{"type":"file_search","vector_store_ids":["vs_1"]}`), "vector_store_ids", false},
		"a search of no files":               {tool(`{"type":"file_search","vector_store_ids":[]}`), "", false},
		"code in a container that is there":  {tool(`{"type":"code_interpreter","container":"cntr_1"}`), "container", false},
		"code in a new container":            {tool(`{"type":"code_interpreter","container":{"type":"auto"}}`), "", false},
		"code in a new one, with files":      {tool(`{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}`), "file_ids", false},
		"a shell in a container":             {tool(`{"type":"shell","environment":{"type":"container_reference","container_id":"cntr_1"}}`), "container_id", false},
		"a shell with a skill that is kept":  {tool(`{"type":"shell","environment":{"type":"container_auto","skills":[{"type":"skill_reference","skill_id":"skill_1"}]}}`), "skill_id", false},
		"a shell with a skill of the call's": {tool(`{"type":"shell","environment":{"type":"local","skills":[{"name":"s","path":"/s"}]}}`), "", false},
		"a server":                           {tool(`{"type":"mcp","server_label":"s","server_url":"https://a","authorization":"t"}`), "", false},
		"a search of the web":                {tool(`{"type":"web_search"}`), "", false},
		"the first of many":                  {`"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}],"previous_response_id":"resp_1"`, "vector_store_ids", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, provider.Responses, `{"model":"m",`+c.members+`}`)
			assert.Equal(t, c.want, r.Bound)
			assert.Equal(t, c.signed, r.Signed)
		})
	}
}

func TestRecordedBound(t *testing.T) {
	counts := map[string]int{}
	for _, c := range recorded(t) {
		r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
		if c.Request == nil || (openai.Dialect{}).Parse(r) != nil {
			continue
		}
		if r.Bound != "" {
			counts[c.API+" "+r.Bound]++
		}
		if r.Signed {
			counts[c.API+" signed"]++
		}
	}
	assert.Equal(t, map[string]int{
		"openai.responses encrypted_content": 2, "openai.responses signed": 2, "openai.responses reasoning": 1,
		"openai.responses previous_response_id": 1, "openai.responses vector_store_ids": 2,
	}, counts)
}
