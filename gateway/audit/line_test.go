package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

func TestLine(t *testing.T) {
	e := audit.Entry{Record: budget.Record{Team: "team:\"Ä\u2028<b>", ID: "step_1/allowed", Text: []byte(`{"type":"call.allowed"}`)}, Number: 1}
	e.Hash = e.Sum()
	line, err := e.AppendLine([]byte("before "))
	require.NoError(t, err)
	assert.Equal(t, `before {"team":"team:\"Ä\u2028\u003cb\u003e","number":1,"id":"step_1/allowed",`+
		`"prev":"0000000000000000000000000000000000000000000000000000000000000000",`+
		`"hash":"`+e.Hash.String()+`","record":{"type":"call.allowed"}}`+"\n", string(line))
	back, err := audit.ParseLine(line[len("before "):])
	require.NoError(t, err)
	assert.Equal(t, e, back)
}

func TestHeadIsJSON(t *testing.T) {
	h := audit.Head{Team: ops, Number: 3, Hash: audit.Hash{1, 0xab}}
	text, err := json.Marshal(h)
	require.NoError(t, err)
	assert.JSONEq(t, `{"team":"team:ops","number":3,"hash":"01ab`+strings.Repeat("0", 60)+`"}`, string(text))
	var back audit.Head
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, h, back)
	for _, bad := range []string{`"01"`, `"` + strings.Repeat("0", 63) + `g"`, `"` + strings.Repeat("A", 64) + `"`} {
		assert.ErrorContains(t, json.Unmarshal([]byte(`{"hash":`+bad+`}`), &back), "want a hash of 64 hexadecimal digits")
	}
}

// A line that is longer than any is passed over without being held.
func TestReaderOfLongLines(t *testing.T) {
	whole := lines(t, 2, ops)
	r := audit.NewReader(io.MultiReader(bytes.NewReader(whole[0]), strings.NewReader(strings.Repeat("x", audit.MaxLine+1)+"\n"), bytes.NewReader(whole[1])))
	_, err := r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorContains(t, err, "audit trail, line 2: it cannot be read: it is longer than any line of an audit trail")
	e, err := r.Next()
	require.NoError(t, err)
	assert.EqualValues(t, 2, e.Number)
	_, err = r.Next()
	assert.Equal(t, io.EOF, err)
}

// Whatever a file has, it is read to its end; what is taken for an entry is written
// as it was, and what is verified can be gone on with.
func FuzzReader(f *testing.F) {
	whole := lines(f, 3, ops)
	f.Add(bytes.Join(whole, nil))
	f.Add(whole[0][:100])
	f.Add([]byte(`{"team":"\u00e9","number":1,"id":"","prev":"","hash":"","record":{}}` + "\n\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := audit.NewReader(bytes.NewReader(text))
		var back []byte
		all := true
		for range bytes.Count(text, []byte("\n")) + 2 {
			e, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				require.ErrorAs(t, err, new(*audit.BrokenError))
				all = false
				continue
			}
			back, err = e.AppendLine(back)
			require.NoError(t, err)
		}
		_, err := r.Next()
		require.Equal(t, io.EOF, err)
		if all {
			assert.Equal(t, string(text), string(back))
		}
		v, err := new(audit.Check).VerifyLines(bytes.NewReader(text))
		if err != nil {
			require.ErrorAs(t, err, new(*audit.BrokenError))
			return
		}
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		l := open(t, path, audit.LogOptions{})
		for _, h := range v.Heads {
			got, err := l.Head(ctx, h.Team)
			require.NoError(t, err)
			assert.Equal(t, h, audit.Head{Team: h.Team, Number: got.Number, Hash: got.Hash})
		}
	})
}

func BenchmarkVerifyLines(b *testing.B) {
	text := bytes.Join(lines(b, 10_000, ops), nil)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		v, err := new(audit.Check).VerifyLines(bytes.NewReader(text))
		require.NoError(b, err)
		require.EqualValues(b, 10_000, v.Entries)
	}
}

func BenchmarkLogAppend(b *testing.B) {
	for name, o := range map[string]audit.LogOptions{"": {}, "sync": {Sync: true}} {
		b.Run(name, func(b *testing.B) {
			l := open(b, filepath.Join(b.TempDir(), "audit.jsonl"), o)
			r := record(ops, 1)
			n := 0
			for b.Loop() {
				n++
				r.ID = fmt.Sprint("step_", n)
				if err := l.Append(ctx, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
