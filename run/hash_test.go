package run_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

func TestHashCall(t *testing.T) {
	const body = `{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5}`
	tests := []struct {
		name     string
		endpoint provider.Endpoint
		body     string
		same     bool
	}{
		{"the same body", provider.Chat, body, true},
		{"white space between the members", provider.Chat, " {\n\"model\" : \"m\",\t\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}], \"max_tokens\": 5 }\n", true},
		{"the members in another order", provider.Chat, `{"max_tokens":5,"messages":[{"role":"user","content":"hi"}],"model":"m"}`, true},
		{"a name with an escape", provider.Chat, `{"mod\u0065l":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5}`, true},
		{"directives", provider.Chat, `{"rungate":{"run_id":"r"},"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5}`, true},
		{"as a stream", provider.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}`, true},
		{"another endpoint", provider.Messages, body, false},
		{"another message", provider.Chat, `{"model":"m","messages":[{"role":"user","content":"ho"}],"max_tokens":5}`, false},
		{"one message more", provider.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"user","content":"hi"}],"max_tokens":5}`, false},
		{"another number", provider.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":6}`, false},
		{"a member less", provider.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, false},
		{"a member more", provider.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"n":1}`, false},
		{"the values of two members exchanged", provider.Chat, `{"model":5,"messages":[{"role":"user","content":"hi"}],"max_tokens":"m"}`, false},
		{"no JSON", provider.Chat, body[1:], false},
		{"nothing", provider.Chat, ``, false},
	}
	want := run.HashCall(provider.Chat, []byte(body))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run.HashCall(tt.endpoint, []byte(tt.body))
			assert.Equal(t, tt.same, got == want)
			assert.Equal(t, got, run.HashCall(tt.endpoint, []byte(tt.body)))
		})
	}
	assert.NotEqual(t, run.HashCall(provider.Chat, []byte("a")), run.HashCall(provider.Chat, []byte("b")), "what is no JSON counts byte by byte")
	assert.Equal(t, uint64(0xf108fcb22139d795), want, "stores keep it across versions and processes")
}

func TestHashToolCall(t *testing.T) {
	const args = `{"path":"a/é","lines":[1,2,{"x":null,"y":true}],"opts":{}}`
	tests := []struct {
		name, tool, args string
		same             bool
	}{
		{"the same arguments", "grep", args, true},
		{"white space", "grep", "{ \"path\": \"a/é\",\n\"lines\": [1, 2, {\"x\":null , \"y\":true}], \"opts\": { } } ", true},
		{"the members in another order, at every level", "grep", `{"opts":{},"lines":[1,2,{"y":true,"x":null}],"path":"a/é"}`, true},
		{"escapes in strings and names", "grep", `{"p\u0061th":"a\/\u00e9","lines":[1,2,{"x":null,"y":true}],"opts":{}}`, true},
		{"another tool", "Grep", args, false},
		{"elements in another order", "grep", `{"path":"a/é","lines":[2,1,{"x":null,"y":true}],"opts":{}}`, false},
		{"an element in a list of its own", "grep", `{"path":"a/é","lines":[[1],2,{"x":null,"y":true}],"opts":{}}`, false},
		{"a list for an object", "grep", `{"path":"a/é","lines":[1,2,{"x":null,"y":true}],"opts":[]}`, false},
		{"a number as a string", "grep", `{"path":"a/é","lines":["1",2,{"x":null,"y":true}],"opts":{}}`, false},
		{"two values exchanged", "grep", `{"path":"a/é","lines":[1,2,{"x":true,"y":null}],"opts":{}}`, false},
		{"a member on another level", "grep", `{"path":"a/é","lines":[1,2,{"x":null}],"opts":{"y":true}}`, false},
		{"a name that comes twice", "grep", `{"path":"a/é","path":"a/é","lines":[1,2,{"x":null,"y":true}],"opts":{}}`, false},
		{"broken off", "grep", args[:20], false},
		{"nothing", "grep", "", false},
	}
	want := run.HashToolCall("grep", []byte(args))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := run.HashToolCall(tt.tool, []byte(tt.args))
			assert.Equal(t, tt.same, got == want)
		})
	}
	assert.NotEqual(t, run.HashToolCall("ab", []byte("c")), run.HashToolCall("a", []byte("bc")), "it is known where the name ends")
	assert.NotEqual(t, run.HashToolCall("", []byte("{}")), run.HashCall("", []byte("{}")), "no call of a tool is a request")
}

// What encoding/json makes of a value again is the same call.
func FuzzHashToolCall(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,"\u00e9",{"b":null,"a":1.50}]}`, `"\ud83d"`, `[[[]]]`, ``, `{"a":1,"a":2}`, "\"\xff\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		h := run.HashToolCall("t", args)
		var v any
		d := json.NewDecoder(bytes.NewReader(args))
		d.UseNumber()
		if !json.Valid(args) || d.Decode(&v) != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil || bytes.Contains(again, []byte("\ufffd")) || !sameMembers(args) {
			return
		}
		assert.Equal(t, h, run.HashToolCall("t", again), "%s", again)
	})
}

// sameMembers reports whether no name in the JSON text comes twice, as far as can
// be seen from its length when it is written again.
func sameMembers(args []byte) bool {
	d := json.NewDecoder(bytes.NewReader(args))
	var read func() bool
	read = func() bool {
		token, err := d.Token()
		if err != nil {
			return false
		}
		names := map[string]bool{}
		for d.More() && (token == json.Delim('{') || token == json.Delim('[')) {
			if token == json.Delim('{') {
				name, err := d.Token()
				if err != nil || names[name.(string)] {
					return false
				}
				names[name.(string)] = true
			}
			if !read() {
				return false
			}
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			_, err = d.Token()
		}
		return err == nil
	}
	return read()
}

func BenchmarkHashCall(b *testing.B) {
	for _, kb := range []int{1, 100} {
		var messages strings.Builder
		for i := 0; messages.Len() < kb<<10; i++ {
			fmt.Fprintf(&messages, `,{"role":"user","content":"%d: for i, line := range lines {\n\t\tif strings.Contains(line, \"needle\") {"}`, i)
		}
		body := []byte(`{"model":"gpt-5","stream":true,"messages":[` + messages.String()[1:] + `],"max_completion_tokens":8192}`)
		b.Run(fmt.Sprintf("%dKB", kb), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				run.HashCall(provider.Chat, body)
			}
		})
	}
}

func BenchmarkHashToolCall(b *testing.B) {
	args := []byte(`{"path":"internal/store/file_7.go","pattern":"func \\w+\\(","context":{"before":2,"after":10},"modes":["content","count"]}`)
	b.SetBytes(int64(len(args)))
	b.ReportAllocs()
	for b.Loop() {
		run.HashToolCall("workspace_search_and_replace_everywhere", args)
	}
}
