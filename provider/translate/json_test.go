package translate

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnique(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"b":[{"a":1},{"a":2}]}`: "",
		`"a"`:                           "",
		`{"a":1,"a":2}`:                 `second member "a"`,
		`[{"a":{"b":1,"\u0062":2}}]`:    `second member "b"`,
		strings.Repeat("[", 968) + strings.Repeat("]", 968): "",
		strings.Repeat("[", 969) + strings.Repeat("]", 969): "nested too deep",
	} {
		err := unique([]byte(text))
		if want == "" {
			assert.NoError(t, err, "%.40s", text)
		} else {
			assert.ErrorContains(t, err, want, "%.40s", text)
		}
	}
}

func TestAppendQuoted(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                            `{}`,
		"{ \"a\" :\n[ 1 ,\t2.50 ]\r}":   `{\"a\":[1,2.50]}`,
		`{"a b":" c  d "}`:              `{\"a b\":\" c  d \"}`,
		`["\"","\\","\\\"","\n\u0041"]`: `[\"\\\"\",\"\\\\\",\"\\\\\\\"\",\"\\n\\u0041\"]`,
		"[\"ä\u2028\"]":                 "[\\\"ä\u2028\\\"]",
	} {
		assert.Equal(t, want, string(appendQuoted(nil, []byte(in))))
	}
}

// What is quoted is, as a JSON string, the compact text itself.
func FuzzAppendQuoted(f *testing.F) {
	for _, s := range []string{`{"a":"\\\"","b":[1, 2]}`, ` null `, `"\ud83d"`, `"  "`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || bytes.ContainsRune(text, '\ufffd') {
			return
		}
		var got string
		require.NoError(t, json.Unmarshal(append(appendQuoted([]byte(`"`), text), '"'), &got))
		var want bytes.Buffer
		require.NoError(t, json.Compact(&want, text))
		assert.Equal(t, strings.ToValidUTF8(want.String(), "\ufffd"), strings.ToValidUTF8(got, "\ufffd"))
	})
}
