package run_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// checkRead checks what reading has made of directives, or says against them.
func checkRead(t *testing.T, d *run.Directives, err error) {
	t.Helper()
	if err != nil {
		var bad *run.DirectiveError
		require.ErrorAs(t, err, &bad)
		text := err.Error()
		require.LessOrEqual(t, len(text), 2000, "the error is short enough for an answer")
		require.True(t, utf8.ValidString(text))
		require.False(t, strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }), "%q", text)
		return
	}
	for _, id := range append([]string{d.RunID, d.Parent, d.Policy, d.User}, d.Tags...) {
		if id != "" {
			require.True(t, run.ValidID(id), "%q", id)
		}
	}
	require.LessOrEqual(t, len(d.Tags), run.MaxTags)
	for _, tag := range d.Tags {
		require.NotEmpty(t, tag)
		require.NotContains(t, tag, ",")
	}
	require.LessOrEqual(t, len(d.Approval), 64)
	require.NoError(t, d.Check())
}

func FuzzReadBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, ``, `{"run_id":"r","parent_run_id":"p","new_run":true,"policy":"p/v1","user":"u","tags":["a","b"],"approval":"wait=30"}`,
		`{"run\u005fid":"r","run_id":"s"}`, `{"tags":"a, b,,c"}`, `{"tags":["a,b"]}`, `{"new_run":"TRUE"}`, `{"new_run":"\u0074rue"}`,
		`{"user":"\ud83d"}`, `{"user":"\u0000"}`, `{"x\n":1}`, `{"approval":"wait=99999999999999999999"}`, `{"tags":[[[]]]}`, "{\"run_id\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		var d run.Directives
		err := d.ReadBody(object)
		checkRead(t, &d, err)
		if err != nil {
			return
		}
		// Whatever is read is what another reader finds.
		var members map[string]any
		require.NoError(t, json.Unmarshal(object, &members))
		for name, got := range map[string]string{"run_id": d.RunID, "parent_run_id": d.Parent, "policy": d.Policy, "user": d.User, "approval": string(d.Approval)} {
			if want, ok := members[name]; ok {
				assert.Equal(t, want, got)
			} else {
				assert.Empty(t, got)
			}
		}
	})
}

func FuzzReadHeader(f *testing.F) {
	f.Add("r", "true", "p/v1", "u", "a,b", "wait=30")
	f.Add("r", "FALSE", "p", "é", " a , b ", "accepted")
	f.Add("", "", "", "", "", "")
	f.Add("\x00", "\xff", strings.Repeat("x", 300), "\u200b", ",,,", "wait=-1")
	f.Fuzz(func(t *testing.T, id, anew, policy, user, tags, approval string) {
		var d run.Directives
		err := d.ReadHeader(http.Header{
			run.HeaderRunID: {id}, run.HeaderNewRun: {anew}, run.HeaderPolicy: {policy},
			run.HeaderUser: {user}, run.HeaderTags: {tags}, run.HeaderApproval: {approval},
		})
		checkRead(t, &d, err)
		if err != nil {
			return
		}
		h := http.Header{}
		d.WriteHeader(h)
		var back run.Directives
		require.NoError(t, back.ReadHeader(h))
		require.Equal(t, d, back)
	})
}

func BenchmarkReadHeader(b *testing.B) {
	h := http.Header{"X-Rungate-Run-Id": {"nightly-2026-11-23"}, "X-Rungate-User": {"u-1842"}, "Content-Type": {"application/json"}}
	b.ReportAllocs()
	for b.Loop() {
		var d run.Directives
		if err := d.ReadHeader(h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadBody(b *testing.B) {
	object := []byte(`{"run_id":"nightly-2026-11-23","user":"u-1842","tags":["eu","nightly"]}`)
	b.ReportAllocs()
	for b.Loop() {
		var d run.Directives
		if err := d.ReadBody(object); err != nil {
			b.Fatal(err)
		}
	}
}
