package anthropic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

// What only one provider knows or has signed, and so whether another one could serve
// the call.
func TestBound(t *testing.T) {
	block := func(block string) string {
		return `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[` + block + `]}]`
	}
	for name, c := range map[string]struct {
		members, want string
		signed        bool
	}{
		"a text":                             {block(`{"type":"text","text":"a"}`), "", false},
		"a thread that goes on":              {`"thread":{"type":"continue","previous_message_id":"msg_1"}`, "thread", false},
		"a thread that begins":               {`"thread":{"type":"create"}`, "", false},
		"no thread":                          {`"thread":null`, "", false},
		"a container":                        {`"container":{"id":"container_1"}`, "container", false},
		"a container by its name":            {`"container":"container_1"`, "container", false},
		"a new container, with skills":       {`"container":{"skills":[{"type":"anthropic","skill_id":"pptx"}]}`, "container", false},
		"no container":                       {`"container":null`, "", false},
		"what becomes of a long history":     {`"context_management":{"edits":[{"type":"compact_20260112"}]},"compaction":{"type":"summarize"}`, "", false},
		"a server":                           {`"mcp_servers":[{"type":"url","name":"s","url":"https://a","authorization_token":"t"}],"tools":[{"type":"mcp_toolset","mcp_server_name":"s"}]`, "", false},
		"models to fall back to":             {`"fallbacks":[{"model":"claude-haiku-5"}]`, "", false},
		"what the last answer was cached as": {`"diagnostics":{"previous_message_id":"msg_1"}`, "", false},

		"thinking":                          {block(`{"type":"thinking","thinking":"a","signature":"Eo"},{"type":"text","text":"a"}`), "", true},
		"thinking, its signature first":     {block(`{"signature":"Eo","thinking":"","type":"thinking"}`), "", true},
		"thinking that nobody has signed":   {block(`{"type":"thinking","thinking":"a","signature":""}`), "", false},
		"thinking without a signature":      {block(`{"type":"thinking","thinking":"a"}`), "", false},
		"thinking that is encrypted":        {block(`{"type":"redacted_thinking","data":"Em"}`), "", true},
		"that thinking is asked for":        {`"thinking":{"type":"adaptive"}`, "", false},
		"a signature of anything else":      {block(`{"type":"text","text":"a","signature":"b"}`), "", false},
		"what was before, compacted":        {block(`{"type":"compaction","content":"a"}`), "compaction", false},
		"the same, encrypted":               {block(`{"type":"compaction","content":null,"encrypted_content":"Em"}`), "encrypted_content", false},
		"the same, signed":                  {block(`{"signature":"Eo","content":"a","type":"compaction"}`), "compaction", false},
		"what a search has found":           {block(`{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"a"}},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","url":"https://a","title":"b","encrypted_content":"Em"}]}`), "encrypted_content", false},
		"that a search has found nothing":   {block(`{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}}`), "", false},
		"what an advisor has said":          {block(`{"type":"advisor_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"advisor_redacted_result","encrypted_content":"Em"}}`), "encrypted_content", false},
		"what code has printed":             {block(`{"type":"code_execution_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"code_execution_result","stdout":"a","stderr":"","return_code":0,"content":[]}}`), "", false},
		"what code has written":             {block(`{"type":"bash_code_execution_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"bash_code_execution_result","stdout":"a","content":[{"type":"bash_code_execution_output","file_id":"file_1"}]}}`), "file_id", false},
		"what a server's tool has said":     {block(`{"type":"mcp_tool_use","id":"mcptoolu_1","name":"f","server_name":"s","input":{"file_id":"a"}},{"type":"mcp_tool_result","tool_use_id":"mcptoolu_1","content":[{"type":"text","text":"a"}]}`), "", false},
		"a call with an input of such name": {block(`{"type":"tool_use","id":"toolu_1","name":"f","input":{"file_id":"a","signature":"b","encrypted_content":"c"}}`), "", false},
		"a result with an image by its id":  {block(`{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]}`), "file_id", false},
		"an image here":                     {block(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}`), "", false},
		"an image elsewhere":                {block(`{"type":"image","source":{"type":"url","url":"https://a/b.png"}}`), "", false},
		"an image by its id":                {block(`{"type":"image","source":{"type":"file","file_id":"file_1"}}`), "file_id", false},
		"a document by its id":              {block(`{"source":{"file_id":"file_1","type":"file"},"type":"document"}`), "file_id", false},
		"a document of blocks with an id":   {block(`{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]}}`), "file_id", false},
		"a document here":                   {block(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a"}}`), "", false},
		"a file for a container":            {block(`{"type":"container_upload","file_id":"file_1"}`), "file_id", false},
		"a file in the system prompt":       {`"system":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]`, "file_id", false},
		"a breakpoint of a cache":           {block(`{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}`), "", false},
		"both":                              {`"container":"container_1",` + block(`{"type":"thinking","thinking":"a","signature":"Eo"}`), "container", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, provider.Messages, `{"model":"m",`+c.members+`}`)
			assert.Equal(t, c.want, r.Bound)
			assert.Equal(t, c.signed, r.Signed)
		})
	}
}

func TestRecordedBound(t *testing.T) {
	counts := map[string]int{}
	for _, c := range recorded(t) {
		r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
		if c.Request == nil || (anthropic.Dialect{}).Parse(r) != nil {
			continue
		}
		if r.Bound != "" {
			counts[r.Bound]++
		}
		if r.Signed {
			counts["signed"]++
		}
	}
	assert.Equal(t, map[string]int{"encrypted_content": 3, "signed": 2}, counts)
}
