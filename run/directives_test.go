package run_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// list writes n values as a JSON array.
func list(n int, value string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(value+",", n), ",") + "]"
}

var (
	longest  = strings.Repeat("x", run.MaxIDBytes)
	mostTags = strings.Split(strings.Repeat("t,", run.MaxTags-1)+"t", ",")
)

func TestReadBody(t *testing.T) {
	tests := []struct {
		name, object string
		want         run.Directives
	}{
		{"nothing", `{}`, run.Directives{}},
		{"everything", ` { "run_id": "r", "parent_run_id": "p", "new_run": true, "policy": "p/v1", "user": "u", "tags": ["a", "b"], "approval": "wait=30" } `,
			run.Directives{RunID: "r", Parent: "p", NewRun: true, Policy: "p/v1", User: "u", Tags: []string{"a", "b"}, Approval: "wait=30"}},
		{"escapes in a value", `{"run_id":"\u0072\/\"\u00e9"}`, run.Directives{RunID: `r/"é`}},
		{"escapes in a name", `{"run\u005fid":"r"}`, run.Directives{RunID: "r"}},
		{"printable characters of any script", `{"run_id":"lauf 7 – 日本","user":"🚀"}`, run.Directives{RunID: "lauf 7 – 日本", User: "🚀"}},
		{"the longest id", `{"run_id":"` + longest + `"}`, run.Directives{RunID: longest}},
		{"a comma in an id", `{"run_id":"a,b"}`, run.Directives{RunID: "a,b"}},
		{"true", `{"new_run":true}`, run.Directives{NewRun: true}},
		{"true as a string", `{"new_run":"TRUE"}`, run.Directives{NewRun: true}},
		{"true as a number", `{"new_run":1}`, run.Directives{NewRun: true}},
		{"true as the string of a number", `{"new_run":"1"}`, run.Directives{NewRun: true}},
		{"false", `{"new_run":false}`, run.Directives{}},
		{"false as a string", `{"new_run":"fAlSe"}`, run.Directives{}},
		{"false as a number", `{"new_run":0}`, run.Directives{}},
		{"tags in one string", `{"tags":"a, b ,c d"}`, run.Directives{Tags: []string{"a", "b", "c d"}}},
		{"no tags", `{"tags":[]}`, run.Directives{Tags: []string{}}},
		{"as many tags as there may be", `{"tags":` + list(run.MaxTags, `"t"`) + `}`, run.Directives{Tags: mostTags}},
		{"accepted", `{"approval":"accepted"}`, run.Directives{Approval: "accepted"}},
		{"error", `{"approval":"error"}`, run.Directives{Approval: "error"}},
		{"wait", `{"approval":"wait"}`, run.Directives{Approval: "wait"}},
		{"wait for a day", `{"approval":"wait=86400"}`, run.Directives{Approval: "wait=86400"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d run.Directives
			require.NoError(t, d.ReadBody([]byte(tt.object)))
			assert.Equal(t, tt.want, d)
		})
	}
}

func TestReadBodyRefuses(t *testing.T) {
	tests := []struct{ name, object, want string }{
		{"no object", `"r"`, "rungate: byte 0: want an object"},
		{"null", `null`, "rungate: byte 0: want an object"},
		{"nothing at all", ``, "rungate: byte 0: want a value, found the end"},
		{"a broken object", `{"run_id":"r"`, `rungate: byte 13: want ',' or '}', found the end`},
		{"something behind", `{} {}`, `rungate: byte 3: want the end, found '{'`},
		{"a name that comes twice", `{"run_id":"r","run_id":"r"}`, `rungate: byte 14: a second member "run_id"`},
		{"a name that comes twice, spelt differently", `{"run_id":"r","run\u005fid":"s"}`, `rungate: byte 14: a second member "run_id"`},
		{"a name that is not known", `{"runid":"r"}`, "rungate.runid: there is no such directive; known are run_id, parent_run_id, new_run, policy, user, tags, approval"},
		{"a name in other case", `{"Run_ID":"r"}`, "rungate.Run_ID: there is no such directive; known are run_id, parent_run_id, new_run, policy, user, tags, approval"},
		{"a name that cannot be repeated", `{"a\nb":"r"}`, `rungate."a\nb": there is no such directive; known are run_id, parent_run_id, new_run, policy, user, tags, approval`},
		{"an empty id", `{"run_id":""}`, "rungate.run_id: it is empty"},
		{"an id that is too long", `{"run_id":"` + longest + `x"}`, "rungate.run_id: longer than 256 bytes"},
		{"a control character", `{"run_id":"a\nb"}`, "rungate.run_id: holds the character U+000A, which is not printable"},
		{"a delete character", `{"user":"a\u007f"}`, "rungate.user: holds the character U+007F, which is not printable"},
		{"an invisible character", `{"policy":"a\u200bb"}`, "rungate.policy: holds the character U+200B, which is not printable"},
		{"a line separator", `{"user":"a\u2028b"}`, "rungate.user: holds the character U+2028, which is not printable"},
		{"half of a surrogate pair is a replacement character, which prints", `{"user":"\ud83d","run_id":""}`, "rungate.run_id: it is empty"},
		{"an id that is a number", `{"run_id":7}`, "rungate.run_id: want a string"},
		{"an id that is null", `{"policy":null}`, "rungate.policy: want a string"},
		{"a user that is an object", `{"user":{"id":"u"}}`, "rungate.user: want a string"},
		{"yes", `{"new_run":"yes"}`, "rungate.new_run: want true or false"},
		{"2", `{"new_run":2}`, "rungate.new_run: want true or false"},
		{"1.0", `{"new_run":1.0}`, "rungate.new_run: want true or false"},
		{"null for a boolean", `{"new_run":null}`, "rungate.new_run: want true or false"},
		{"an empty string for a boolean", `{"new_run":""}`, "rungate.new_run: want true or false"},
		{"an array for a boolean", `{"new_run":[true]}`, "rungate.new_run: want true or false"},
		{"tags that are a number", `{"tags":5}`, "rungate.tags: want an array of strings, or one string with commas"},
		{"a tag that is a number", `{"tags":["a",5]}`, "rungate.tags: want an array of strings"},
		{"an empty tag", `{"tags":["a",""]}`, "rungate.tags: tag 2: it is empty"},
		{"an empty tag between commas", `{"tags":"a,,b"}`, "rungate.tags: tag 2: it is empty"},
		{"an empty string of tags", `{"tags":""}`, "rungate.tags: tag 1: it is empty"},
		{"a tag with a comma", `{"tags":["a","b,c"]}`, "rungate.tags: a tag holds a comma"},
		{"a tag with a control character", `{"tags":["a\tb"]}`, "rungate.tags: tag 1: holds the character U+0009, which is not printable"},
		{"a tag that is too long", `{"tags":["` + longest + `x"]}`, "rungate.tags: tag 1: longer than 256 bytes"},
		{"too many tags", `{"tags":` + list(run.MaxTags+1, `"t"`) + `}`, "rungate.tags: more than 50 tags"},
		{"far too many tags", `{"tags":` + list(100_000, `""`) + `}`, "rungate.tags: more than 50 tags"},
		{"far too many tags in one string", `{"tags":"` + strings.Repeat(",", 100_000) + `"}`, "rungate.tags: more than 50 tags"},
		{"another way to wait", `{"approval":"later"}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"no time to wait", `{"approval":"wait=0"}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"a negative time to wait", `{"approval":"wait=-1"}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"an endless time to wait", `{"approval":"wait=86401"}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"a time with a unit", `{"approval":"wait=30s"}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"a time for what takes none", `{"approval":"error=5"}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"a number of seconds", `{"approval":30}`, "rungate.approval: want accepted, error, wait or wait=SECONDS"},
		{"the first of several", `{"user":"","run_id":5}`, "rungate.user: it is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d run.Directives
			err := d.ReadBody([]byte(tt.object))
			require.EqualError(t, err, tt.want)
			var bad *run.DirectiveError
			require.ErrorAs(t, err, &bad)
			assert.Equal(t, tt.want, bad.Field+": "+bad.Reason)
		})
	}
}

func TestReadHeader(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		want   run.Directives
	}{
		{"nothing", http.Header{"X-Other": {"x"}}, run.Directives{}},
		{"everything", http.Header{
			"X-Rungate-Run-Id": {"r"}, "X-Rungate-Parent-Run-Id": {"p"}, "X-Rungate-New-Run": {"true"}, "X-Rungate-Policy": {"p/v1"},
			"X-Rungate-User": {"u"}, "X-Rungate-Tags": {"a,b"}, "X-Rungate-Approval": {"wait"},
		}, run.Directives{RunID: "r", Parent: "p", NewRun: true, Policy: "p/v1", User: "u", Tags: []string{"a", "b"}, Approval: "wait"}},
		{"a character beyond ASCII", http.Header{"X-Rungate-User": {"é"}}, run.Directives{User: "é"}},
		{"the longest id", http.Header{"X-Rungate-Run-Id": {longest}}, run.Directives{RunID: longest}},
		{"the same value twice", http.Header{"X-Rungate-Run-Id": {"r", "r"}, "X-Rungate-New-Run": {"1", "1"}}, run.Directives{RunID: "r", NewRun: true}},
		{"true in capitals", http.Header{"X-Rungate-New-Run": {"True"}}, run.Directives{NewRun: true}},
		{"1", http.Header{"X-Rungate-New-Run": {"1"}}, run.Directives{NewRun: true}},
		{"0", http.Header{"X-Rungate-New-Run": {"0"}}, run.Directives{}},
		{"false", http.Header{"X-Rungate-New-Run": {"FALSE"}}, run.Directives{}},
		{"tags on several lines, with spaces", http.Header{"X-Rungate-Tags": {" a , b", "c"}}, run.Directives{Tags: []string{"a", "b", "c"}}},
		{"as many tags as there may be", http.Header{"X-Rungate-Tags": {strings.Join(mostTags, ",")}}, run.Directives{Tags: mostTags}},
		{"a time to wait", http.Header{"X-Rungate-Approval": {"wait=5"}}, run.Directives{Approval: "wait=5"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d run.Directives
			require.NoError(t, d.ReadHeader(tt.header))
			assert.Equal(t, tt.want, d)
		})
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		want   string
	}{
		{"an empty id", http.Header{"X-Rungate-Run-Id": {""}}, "x-rungate-run-id: it is empty"},
		{"an id that is too long", http.Header{"X-Rungate-Policy": {longest + "x"}}, "x-rungate-policy: longer than 256 bytes"},
		{"bytes that are no characters", http.Header{"X-Rungate-User": {"\xe9"}}, "x-rungate-user: not valid UTF-8"},
		{"a control character", http.Header{"X-Rungate-User": {"a\tb"}}, "x-rungate-user: holds the character U+0009, which is not printable"},
		{"an empty parent", http.Header{"X-Rungate-Parent-Run-Id": {""}}, "x-rungate-parent-run-id: it is empty"},
		{"two ids", http.Header{"X-Rungate-Run-Id": {"r", "s"}}, "x-rungate-run-id: sent twice, with different values"},
		{"two booleans", http.Header{"X-Rungate-New-Run": {"true", "false"}}, "x-rungate-new-run: sent twice, with different values"},
		{"two ways to wait", http.Header{"X-Rungate-Approval": {"wait", "error"}}, "x-rungate-approval: sent twice, with different values"},
		{"yes", http.Header{"X-Rungate-New-Run": {"yes"}}, "x-rungate-new-run: want true or false"},
		{"an empty boolean", http.Header{"X-Rungate-New-Run": {""}}, "x-rungate-new-run: want true or false"},
		{"a quoted boolean", http.Header{"X-Rungate-New-Run": {`"true"`}}, "x-rungate-new-run: want true or false"},
		{"no tags", http.Header{"X-Rungate-Tags": {""}}, "x-rungate-tags: tag 1: it is empty"},
		{"an empty tag", http.Header{"X-Rungate-Tags": {"a,", "b"}}, "x-rungate-tags: tag 2: it is empty"},
		{"too many tags", http.Header{"X-Rungate-Tags": {strings.Join(mostTags, ","), "t"}}, "x-rungate-tags: more than 50 tags"},
		{"another way to wait", http.Header{"X-Rungate-Approval": {"Wait"}}, "x-rungate-approval: want accepted, error, wait or wait=SECONDS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d run.Directives
			err := d.ReadHeader(tt.header)
			require.EqualError(t, err, tt.want)
			var bad *run.DirectiveError
			assert.ErrorAs(t, err, &bad)
		})
	}
}

func TestPrecedence(t *testing.T) {
	ref := run.Ref{Agent: "agt", ID: "ref", Parent: "ref", NewRun: true, Policy: "ref", User: "ref", Tags: []string{"ref"}}
	const body = `{"run_id":"body","parent_run_id":"body","new_run":false,"policy":"body","user":"body","tags":["body"],"approval":"error"}`
	header := http.Header{
		"X-Rungate-Run-Id": {"header"}, "X-Rungate-Parent-Run-Id": {"header"}, "X-Rungate-New-Run": {"true"}, "X-Rungate-Policy": {"header"},
		"X-Rungate-User": {"header"}, "X-Rungate-Tags": {"header"}, "X-Rungate-Approval": {"wait"},
	}
	var d run.Directives
	d.Refer(&ref)
	assert.Equal(t, run.Directives{RunID: "ref", Parent: "ref", NewRun: true, Policy: "ref", User: "ref", Tags: []string{"ref"}}, d)
	require.NoError(t, d.ReadBody([]byte(`{}`)))
	require.NoError(t, d.ReadHeader(http.Header{}))
	assert.Equal(t, "ref", d.RunID, "what does not speak changes nothing")
	assert.True(t, d.NewRun)
	require.NoError(t, d.ReadBody([]byte(body)))
	assert.Equal(t, run.Directives{RunID: "body", Parent: "body", Policy: "body", User: "body", Tags: []string{"body"}, Approval: "error"}, d, "the body wins over the Ref")
	require.NoError(t, d.ReadHeader(header))
	assert.Equal(t, run.Directives{RunID: "header", Parent: "header", NewRun: true, Policy: "header", User: "header", Tags: []string{"header"}, Approval: "wait"}, d,
		"the header wins over the body")
	header = http.Header{"X-Rungate-New-Run": {"false"}}
	require.NoError(t, d.ReadHeader(header))
	assert.False(t, d.NewRun, "also where it says false")
	assert.Equal(t, "header", d.RunID)
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		ref  run.Ref
		want string
	}{
		{"nothing", run.Ref{}, ""},
		{"everything", run.Ref{ID: "r", NewRun: true, Policy: "p", User: "u", Tags: []string{"a", "b"}}, ""},
		{"a bad id", run.Ref{ID: "a\nb"}, "run id: holds the character U+000A, which is not printable"},
		{"a bad parent", run.Ref{Parent: "\x00"}, "parent run id: holds the character U+0000, which is not printable"},
		{"a bad policy", run.Ref{Policy: longest + "x"}, "policy: longer than 256 bytes"},
		{"a bad user", run.Ref{User: "\xff"}, "user: not valid UTF-8"},
		{"an empty tag", run.Ref{Tags: []string{"a", ""}}, "tags: tag 2: it is empty"},
		{"a comma in a tag", run.Ref{Tags: []string{"a,b"}}, "tags: a tag holds a comma"},
		{"too many tags", run.Ref{Tags: make([]string, run.MaxTags+1)}, "tags: more than 50 tags"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d run.Directives
			d.Refer(&tt.ref)
			err := d.Check()
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			var bad *run.DirectiveError
			require.ErrorAs(t, err, &bad)
			assert.EqualError(t, err, tt.want)
		})
	}
}

func TestWriteHeader(t *testing.T) {
	for _, d := range []run.Directives{
		{},
		{RunID: "r", Parent: "p", NewRun: true, Policy: "p/v1", User: "u é", Tags: []string{"a", "b c"}, Approval: "wait=5"},
		{NewRun: true},
		{Tags: mostTags},
		{Tags: []string{"one"}},
	} {
		t.Run(fmt.Sprintf("%+.20v", d), func(t *testing.T) {
			h := http.Header{}
			d.WriteHeader(h)
			var back run.Directives
			require.NoError(t, back.ReadHeader(h))
			assert.Equal(t, d, back)
		})
	}
	h := http.Header{}
	(&run.Directives{}).WriteHeader(h)
	assert.Empty(t, h, "nothing is said of what is not set")
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"r": true, "a b": true, "a,b": true, "日本": true, longest: true,
		"": false, longest + "x": false, "a\x00": false, "\xff": false, "a\u00a0b": false,
	} {
		assert.Equal(t, want, run.ValidID(id), "%q", id)
	}
}
