package main

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var folder = fstest.MapFS{
	"b/one/meta.json":       {Data: []byte(`{"api":"openai.chat","method":"POST","path":"/v1/chat/completions","query":"?a=b","status":200,"body_form":"bytes as recorded","request_headers":{"x-a":"1"},"origin":{"repo":"o/r","licence":"MIT"}}`)},
	"b/one/request.json":    {Data: []byte(`{}`)},
	"b/one/response.sse":    {Data: []byte("data: 1\n\n")},
	"b/one/notes.txt":       {Data: []byte("left out")},
	"a/two/meta.json":       {Data: []byte(`{"api":"anthropic.messages","provenance":"made by us","note":"n"}`)},
	"a/two/response.json":   {Data: []byte(`[]`)},
	"c/rewritten/meta.json": {Data: []byte(`{"api":"openai.chat","body_form":"the recorder stored parsed JSON"}`)},
	"c/other/meta.json":     {Data: []byte(`{"api":"openai.audio","body_form":"bytes as recorded"}`)},
}

func TestCollect(t *testing.T) {
	entries, bodies, err := collect(folder)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	assert.Equal(t, "a/two", entries[0].Name)
	assert.True(t, entries[0].Synthetic)
	assert.Equal(t, "b/one", entries[1].Name)
	assert.Equal(t, "a=b", entries[1].Query)
	assert.Equal(t, "1", entries[1].RequestHeader.Get("X-A"))
	assert.Equal(t, "o/r", entries[1].Origin.Repo)
	assert.Equal(t, map[string][]byte{
		"a/two/response": []byte(`[]`),
		"b/one/request":  []byte(`{}`),
		"b/one/response": []byte("data: 1\n\n"),
	}, bodies)
}

func TestPackIsTheSameEachTime(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "in"), folder))
	var archives [2][]byte
	for i := range archives {
		file := filepath.Join(dir, "out.zip")
		require.NoError(t, pack(filepath.Join(dir, "in"), file))
		var err error
		archives[i], err = os.ReadFile(file)
		require.NoError(t, err)
	}
	assert.Equal(t, archives[0], archives[1])
}
