package jsonscan

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// What is accepted is JSON to encoding/json too, and means the same; what is
// refused beyond that has one of the documented reasons.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `{}`, `[]`, `null`, `-1.5e+3`, `1e400`, `12345678901234567890`, `"a\u00e9\ud83d\ude00\ud800"`,
		`{"model":"gpt-5","messages":[{"role":"user","content":"hi\n\"there\""}],"max_tokens":1e3,"stream":true,"n":null}`,
		`{"a":1,"\u0061":2}`, `{"a":1,"a":2}`, `{"\ud800":1}`, `{"data":"` + strings.Repeat("QUJD", 30) + `"}`,
		"\xEF\xBB\xBF{}", "\"\xFF\"", "\"\xED\xA0\x80\"", "{\"a\":\"\x01\"}", `[1,2,]`, `{"a":tru}`, `01`, `"\x"`,
		`"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"天空天空天空😀жжжж"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		skipped := whole(data)
		require.Equal(t, json.Valid(data) && utf8.Valid(data) && depth(data) <= MaxDepth, skipped == nil, "%v", skipped)

		got, err := value(string(data))
		if err == nil {
			require.NoError(t, skipped)
			require.Equal(t, unmarshal(t, string(data)), got)
			require.False(t, repeats(json.NewDecoder(bytes.NewReader(data))))
		} else if skipped == nil {
			switch reason := problem(t, err).Reason; {
			case strings.HasPrefix(reason, "a second member"):
				require.True(t, repeats(json.NewDecoder(bytes.NewReader(data))))
			case strings.HasPrefix(reason, "half of a surrogate pair"):
				require.Contains(t, strings.ToLower(string(data)), `\ud`)
			default:
				t.Fatal(reason)
			}
		}
		if skipped != nil {
			require.LessOrEqual(t, problem(t, skipped).Offset, len(data))
		}

		var s Scanner
		s.Reset(data)
		if s.Kind() == Number {
			sameInt(t, data)
		}
		require.Equal(t, before, data, "the data is left alone")
	})
}

func problem(t *testing.T, err error) (e *Error) {
	require.ErrorAs(t, err, &e)
	return e
}

// sameInt compares Int with exact arithmetic.
func sameInt(t *testing.T, data []byte) {
	var s Scanner
	s.Reset(data)
	got := s.Int()
	s.End()
	if whole(data) != nil {
		require.Error(t, s.Err())
		return
	}
	text := string(bytes.TrimSpace(data))
	if _, exp, ok := strings.Cut(strings.ToLower(text), "e"); ok && len(strings.Trim(exp, "+-0")) > 4 {
		return // too large to compare with
	}
	want, ok := new(big.Rat).SetString(text)
	require.True(t, ok)
	require.Equal(t, want.IsInt() && want.Num().IsInt64(), s.Err() == nil, "%s: %v", text, s.Err())
	if s.Err() == nil {
		require.Equal(t, want.Num().Int64(), got)
	}
}

// depth is how many brackets of valid JSON are open at once.
func depth(data []byte) (deepest int) {
	now, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '{' || c == '['):
			now++
			deepest = max(deepest, now)
		case !quoted && (c == '}' || c == ']'):
			now--
		}
	}
	return deepest
}

// repeats reports whether an object in the valid JSON value that d reads next
// has two members with the same name.
func repeats(d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	found := false
	switch token {
	case json.Delim('{'):
		names := map[string]bool{}
		for d.More() {
			name, _ := d.Token()
			found = found || names[name.(string)]
			names[name.(string)] = true
			found = repeats(d) || found
		}
		d.Token()
	case json.Delim('['):
		for d.More() {
			found = repeats(d) || found
		}
		d.Token()
	}
	return found
}
