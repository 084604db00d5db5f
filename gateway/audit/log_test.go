package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// A log chains the entries of each team, and knows what it has already.
func TestLogAppends(t *testing.T) {
	l, path := newLog(t)
	fill(t, l, 3, ops, web)
	fill(t, l, 3, ops) // again
	require.NoError(t, l.Append(ctx, &budget.Record{Team: ops, ID: "x", Text: []byte(`{ "text":"é<&>\u2028\/" , "n":1.0e2 }`)}))
	all, err := l.Entries(ctx, ops, 0, 100)
	require.NoError(t, err)
	require.Len(t, all, 4)
	var prev audit.Hash
	for i := range all {
		e := &all[i]
		assert.EqualValues(t, i+1, e.Number)
		assert.Equal(t, prev, e.Prev)
		assert.Equal(t, e.Sum(), e.Hash)
		prev = e.Hash
	}
	assert.Equal(t, `{ "text":"é<&>\u2028\/" , "n":1.0e2 }`, string(all[3].Text), "byte for byte")
	assert.Equal(t, *record(ops, 2), all[1].Record)
	head, err := l.Head(ctx, ops)
	require.NoError(t, err)
	assert.Equal(t, audit.Entry{Number: 4, Prev: all[2].Hash, Hash: prev}, head)
	teams, err := l.Teams(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{ops, web}, teams)

	for _, line := range split(read(t, path)) {
		var o struct {
			Team   string          `json:"team"`
			Number int64           `json:"number"`
			ID     string          `json:"id"`
			Record json.RawMessage `json:"record"`
		}
		require.NoError(t, json.Unmarshal(line, &o), "any program can read it")
		assert.NotEmpty(t, o.Team+o.ID)
	}
	none, err := l.Head(ctx, "team:nobody")
	require.NoError(t, err)
	assert.Empty(t, none)
}

// Entries are found wherever they are.
func TestLogEntries(t *testing.T) {
	l, path := newLog(t)
	fill(t, l, 700, ops, web)
	for _, l := range []*audit.Log{l, open(t, path, audit.LogOptions{ReadOnly: true})} {
		for _, after := range []int64{-1, 0, 1, 254, 255, 256, 257, 511, 512, 699} {
			got, err := l.Entries(ctx, web, after, 3)
			require.NoError(t, err)
			require.Len(t, got, int(min(3, 700-max(0, after))))
			for i := range got {
				assert.Equal(t, max(0, after)+int64(i)+1, got[i].Number)
				assert.Equal(t, web, got[i].Team)
			}
		}
		for _, after := range []int64{700, 701, 1 << 40} {
			got, err := l.Entries(ctx, web, after, 3)
			require.NoError(t, err)
			assert.Empty(t, got)
		}
		got, err := l.Entries(ctx, "team:nobody", 0, 3)
		require.NoError(t, err)
		assert.Empty(t, got)
	}
}

func TestLogRefuses(t *testing.T) {
	l, path := newLog(t)
	for name, r := range map[string]budget.Record{
		"no object":        {Team: ops, ID: "a", Text: []byte(`"text"`)},
		"no JSON":          {Team: ops, ID: "a", Text: []byte(`{"a":}`)},
		"no text":          {Team: ops, ID: "a"},
		"two lines":        {Team: ops, ID: "a", Text: []byte("{\n}")},
		"two objects":      {Team: ops, ID: "a", Text: []byte(`{},{}`)},
		"a team not UTF-8": {Team: "\xff", ID: "a", Text: []byte(`{}`)},
		"an ID not UTF-8":  {Team: ops, ID: "\xff", Text: []byte(`{}`)},
		"a very long text": {Team: ops, ID: "a", Text: fmt.Appendf(nil, `{"a":%q}`, strings.Repeat("a", audit.MaxLine))},
	} {
		require.Error(t, l.Append(ctx, &r), name)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, l.Append(gone, record(ops, 1)), context.Canceled)
	require.ErrorIs(t, open(t, path, audit.LogOptions{ReadOnly: true}).Append(ctx, record(ops, 1)), audit.ErrReadOnly)
	assert.Empty(t, read(t, path))
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Append(ctx, record(ops, 1)), os.ErrClosed)
}

// A log that is opened again goes on where it was.
func TestLogGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for i := range 5 {
		l := open(t, path, audit.LogOptions{Sync: i%2 == 0})
		assert.Zero(t, l.Torn())
		fill(t, l, 300*(i+1), ops, web)
		require.NoError(t, l.Close())
	}
	v, err := new(audit.Check).VerifyLines(bytes.NewReader(read(t, path)))
	require.NoError(t, err)
	assert.EqualValues(t, 3000, v.Entries)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, info.Mode().Perm())
}

func TestLogIsOfOneProcess(t *testing.T) {
	_, path := newLog(t)
	_, err := audit.OpenLog(path, audit.LogOptions{})
	require.ErrorContains(t, err, "one file is for one process")
}

// A writer that died within a line has told nobody of it.
func TestLogIsMended(t *testing.T) {
	whole := lines(t, 3, ops)
	text := bytes.Join(whole, nil)
	last := len(text) - len(whole[2])
	for cut := last; cut <= len(text); cut++ {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		require.NoError(t, os.WriteFile(path, text[:cut], 0o600))
		seen, err := open(t, path, audit.LogOptions{ReadOnly: true}).Entries(ctx, ops, 0, 9)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, len(seen), 2)
		assert.Equal(t, text[:cut], read(t, path), "who only reads it changes nothing")

		l := open(t, path, audit.LogOptions{})
		fill(t, l, 3, ops)
		require.NoError(t, l.Close())
		assert.Equal(t, string(text), string(read(t, path)))
		if cut < len(text)-1 {
			assert.EqualValues(t, cut-last, l.Torn())
		} else {
			assert.Zero(t, l.Torn())
		}
	}
}

// Nothing is added to a file that is broken; the line is named.
func TestLogRefusesBrokenFiles(t *testing.T) {
	for name, c := range map[string]struct {
		change func(l [][]byte) [][]byte
		says   string
	}{
		"changed": {func(l [][]byte) [][]byte { l[2] = bytes.Replace(l[2], []byte("gpt-4"), []byte("gpt-5"), 1); return l },
			`line 3, entry 3 of team "team:ops": it was changed`},
		"missing":         {func(l [][]byte) [][]byte { return append(l[:2], l[3:]...) }, `entry 3 of team "team:ops": it is missing`},
		"doubled":         {func(l [][]byte) [][]byte { return append(l, l[2]) }, `line 6, entry 3 of team "team:ops": it is there more than once`},
		"no trail at all": {func([][]byte) [][]byte { return [][]byte{[]byte("listen: 127.0.0.1:8080\n")} }, `line 1: it cannot be read`},
		"torn and broken": {func(l [][]byte) [][]byte { return append(l[1:4], l[4][:20]) }, `entry 1 of team "team:ops": it is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			text := bytes.Join(c.change(lines(t, 5, ops)), nil)
			require.NoError(t, os.WriteFile(path, text, 0o600))
			_, err := audit.OpenLog(path, audit.LogOptions{})
			require.ErrorAs(t, err, new(*audit.BrokenError))
			assert.ErrorContains(t, err, path+": audit trail")
			assert.ErrorContains(t, err, c.says)
			assert.Equal(t, text, read(t, path))
		})
	}
}

// Many add at the same time, some of them the same, while others read.
func TestLogCrowd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l := open(t, path, audit.LogOptions{Sync: true})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				assert.NoError(t, l.Append(ctx, record([]string{ops, web}[w%2], i+100*(w/4))))
			}
		})
		wg.Go(func() {
			for range 20 {
				_, err := new(audit.Check).Verify(ctx, l, ops)
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	v, err := new(audit.Check).VerifyLines(bytes.NewReader(read(t, path)))
	require.NoError(t, err)
	assert.EqualValues(t, 200, v.Entries)
}

// An export has the lines of the log, from any number on.
func TestExport(t *testing.T) {
	l, path := newLog(t)
	fill(t, l, 1100, ops, web)
	var of bytes.Buffer
	for i, line := range split(read(t, path)) {
		if i%2 == 1 {
			of.Write(line)
		}
	}
	var got bytes.Buffer
	require.NoError(t, audit.Export(ctx, &got, l, web, 0))
	assert.Equal(t, of.String(), got.String())
	got.Reset()
	require.NoError(t, audit.Export(ctx, &got, l, web, 1000))
	assert.Equal(t, split(of.Bytes())[1000:], split(got.Bytes()))
	got.Reset()
	require.NoError(t, audit.Export(ctx, &got, l, web, 1100))
	assert.Empty(t, got.String())
}
