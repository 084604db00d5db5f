package jsonscan

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whole checks data without looking into it.
func whole(data []byte) error {
	var s Scanner
	s.Reset(data)
	s.Skip()
	s.End()
	return s.Err()
}

// pad moves a case so that it is met in the middle of a long text as well as at
// its end, where bytes are looked at one by one.
const pad = "                                                                "

func TestGrammarAccepts(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `-0`, `true`, `false`, `null`,
		" \t\r\n{ \t\r\n} \t\r\n", `[ ]`, `[1 , 2]`, `{"a" : 1 , "b" : [ { } ] }`,
		`{"":""}`, `{"a":{"a":{"a":[[[]]]}}}`, `[[],{},"",0,null]`,

		`1`, `12`, `-12`, `0.5`, `-0.5`, `0e1`, `0E1`, `0e+1`, `0e-1`, `1.5e10`, `1.5E-10`, `0.000`, `1e999999`,
		strings.Repeat("9", 400), "0." + strings.Repeat("9", 400), "1e" + strings.Repeat("9", 400),

		`"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u0000"`, `"\u00e9\u00E9"`, `"\ud83d\ude00"`, `"\\\\"`, `"\\\""`, `"/"`, "\"\x7f\"",
		`"\ud800"`, `"\udc00"`, `"\ud800\ud800"`, `"\udc00\ud800"`, `"\ud800a"`, `"\ud800\n"`,

		`"é"`, `"ж"`, `"€"`, `"天空"`, `"😀"`, "\"\u2028\u2029\"", "\"\uFEFF\"", "\"\uFFFD\"", "\"\uFFFF\"",
		"\"\xC2\x80\"", "\"\xDF\xBF\"", "\"\xE0\xA0\x80\"", "\"\xED\x9F\xBF\"", "\"\xEE\x80\x80\"", "\"\xEF\xBF\xBF\"",
		"\"\xF0\x90\x80\x80\"", "\"\xF4\x8F\xBF\xBF\"",

		`{"a":1,"a":2}`, // not looked into
	} {
		t.Run(text[:min(len(text), 40)], func(t *testing.T) {
			require.True(t, json.Valid([]byte(text)), "the case is right")
			assert.NoError(t, whole([]byte(text)))
			assert.NoError(t, whole([]byte("["+text+","+pad+text+"]"+pad)))
		})
	}
}

func TestGrammarRefuses(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
		reason string
	}{
		{``, 0, "want a value, found the end"},
		{`  `, 2, "want a value, found the end"},
		{"\uFEFF{}", 0, "want a value, found a byte order mark"},
		{"{\uFEFF}", 1, "want a member's name, found a byte order mark"},
		{"\xFE\xFF\x00{", 0, "want a value, found byte 0xfe"},
		{"\x00", 0, "want a value, found byte 0x00"},
		{"\v{}", 0, "want a value, found byte 0x0b"},
		{"[\u00a0]", 1, "want a value, found byte 0xc2"},
		{`{} {}`, 3, "want the end, found '{'"},
		{`{}}`, 2, "want the end, found '}'"},
		{`[]]`, 2, "want the end, found ']'"},
		{`1 2`, 2, "want the end, found '2'"},
		{"{}\x00", 2, "want the end, found byte 0x00"},
		{`{} // note`, 3, "want the end, found '/'"},
		{`/* note */ {}`, 0, "want a value, found '/'"},

		{`{`, 1, "want a member's name, found the end"},
		{`{a:1}`, 1, "want a member's name, found 'a'"},
		{`{'a':1}`, 1, "want a member's name, found '\\''"},
		{`{1:1}`, 1, "want a member's name, found '1'"},
		{`{null:1}`, 1, "want a member's name, found 'n'"},
		{`{,}`, 1, "want a member's name, found ','"},
		{`{"a"}`, 4, "want ':', found '}'"},
		{`{"a"`, 4, "want ':', found the end"},
		{`{"a" 1}`, 5, "want ':', found '1'"},
		{`{"a",1}`, 4, "want ':', found ','"},
		{`{"a"::1}`, 5, "want a value, found ':'"},
		{`{"a":}`, 5, "want a value, found '}'"},
		{`{"a":`, 5, "want a value, found the end"},
		{`{"a":1`, 6, "want ',' or '}', found the end"},
		{`{"a":1]`, 6, "want ',' or '}', found ']'"},
		{`{"a":1 "b":2}`, 7, "want ',' or '}', found '\"'"},
		{`{"a":1,}`, 7, "want a member's name, found '}'"},
		{`{"a":1,,"b":2}`, 7, "want a member's name, found ','"},

		{`[`, 1, "want a value, found the end"},
		{`[,]`, 1, "want a value, found ','"},
		{`[1`, 2, "want ',' or ']', found the end"},
		{`[1,`, 3, "want a value, found the end"},
		{`[1,]`, 3, "want a value, found ']'"},
		{`[1}`, 2, "want ',' or ']', found '}'"},
		{`[1 2]`, 3, "want ',' or ']', found '2'"},
		{`["a":1]`, 4, "want ',' or ']', found ':'"},

		{`-`, 1, "want a digit, found the end"},
		{`--1`, 1, "want a digit, found '-'"},
		{`+1`, 0, "want a value, found '+'"},
		{`.5`, 0, "want a value, found '.'"},
		{`-.5`, 1, "want a digit, found '.'"},
		{`1.`, 2, "want a digit, found the end"},
		{`1.e5`, 2, "want a digit, found 'e'"},
		{`1e`, 2, "want a digit, found the end"},
		{`1e+`, 3, "want a digit, found the end"},
		{`1e.5`, 2, "want a digit, found '.'"},
		{`01`, 1, "want the end, found '1'"},
		{`-01`, 2, "want the end, found '1'"},
		{`00`, 1, "want the end, found '0'"},
		{`0x1F`, 1, "want the end, found 'x'"},
		{`1_000`, 1, "want the end, found '_'"},
		{`1e1.5`, 3, "want the end, found '.'"},
		{`NaN`, 0, "want a value, found 'N'"},
		{`-Infinity`, 1, "want a digit, found 'I'"},

		{`nul`, 0, "want null"},
		{`nulL`, 0, "want null"},
		{`tru`, 0, "want true"},
		{`True`, 0, "want a value, found 'T'"},
		{`fals`, 0, "want false"},
		{`nullx`, 4, "want the end, found 'x'"},

		{`"`, 1, "the string does not end"},
		{`"a`, 2, "the string does not end"},
		{`"\"`, 3, "the string does not end"},
		{`"\`, 2, "the string does not end"},
		{`'a'`, 0, "want a value, found '\\''"},
		{`"\a"`, 1, "no such escape"},
		{`"\'"`, 1, "no such escape"},
		{`"\x41"`, 1, "no such escape"},
		{`"\U0041"`, 1, "no such escape"},
		{`"\0"`, 1, "no such escape"},
		{"\"\\\n\"", 1, "no such escape"},
		{`"ab\u"`, 3, "no such escape"},
		{`"ab\u00"`, 3, "no such escape"},
		{`"ab\u00g0"`, 3, "no such escape"},
		{`"ab\u+123"`, 3, "no such escape"},
		{`"ab\u 123"`, 3, "no such escape"},
		{`"\ud83d\u12"`, 7, "no such escape"},
		{`"\u12`, 1, "no such escape"},
		{"\"a\nb\"", 2, "control character in a string"},
		{"\"\x00\"", 1, "control character in a string"},
		{"\"\t\"", 1, "control character in a string"},
		{"\"abcdefgh\x1F\"", 9, "control character in a string"},

		{"\"\x80\"", 1, "invalid UTF-8"},
		{"\"ab\xFF\"", 3, "invalid UTF-8"},
		{"\"\xC0\xAF\"", 1, "invalid UTF-8"},         // overlong
		{"\"\xC1\x81\"", 1, "invalid UTF-8"},         // overlong
		{"\"\xE0\x9F\x80\"", 1, "invalid UTF-8"},     // overlong
		{"\"\xF0\x8F\x80\x80\"", 1, "invalid UTF-8"}, // overlong
		{"\"\xED\xA0\x80\"", 1, "invalid UTF-8"},     // a surrogate
		{"\"\xF4\x90\x80\x80\"", 1, "invalid UTF-8"}, // above U+10FFFF
		{"\"\xF5\x80\x80\x80\"", 1, "invalid UTF-8"},
		{"\"\xC3\"", 1, "invalid UTF-8"}, // cut short
		{"\"\xE2\x82\"", 1, "invalid UTF-8"},
		{"\"\xE2\x28\xA1\"", 1, "invalid UTF-8"},
		{"\"\xF0\x9F\x98\"", 1, "invalid UTF-8"},
		{"\"é\xFF\"", 3, "invalid UTF-8"},
		{"{\"\xFF\":1}", 2, "invalid UTF-8"},
	} {
		t.Run(c.text, func(t *testing.T) {
			err := whole([]byte(c.text))
			assert.Equal(t, &Error{c.offset, c.reason}, err)

			// With more after it, there is no end to be found.
			text := pad + c.text + "\n" + pad
			assert.Error(t, whole([]byte(text)))
			if !strings.Contains(c.reason, "end") {
				assert.Equal(t, &Error{c.offset + len(pad), c.reason}, whole([]byte(text)))
			}
			_, err = value(text)
			assert.Error(t, err, "read by visitors")
		})
	}
}

func TestErrorSaysWhere(t *testing.T) {
	assert.EqualError(t, whole([]byte(`{"a":tru}`)), "byte 5: want true")
}

// A special byte is found wherever it stands among others, and nothing else is
// taken for one.
func TestEveryByteAtEveryPlace(t *testing.T) {
	for c := range 256 {
		for n := range 70 {
			for _, after := range []int{0, 1, 7, 40} {
				text := `"` + strings.Repeat("a", n) + string([]byte{byte(c)}) + strings.Repeat("b", after) + `"`
				if json.Valid([]byte(text)) && c < 0x80 {
					require.NoError(t, whole([]byte(text)), "%q", text)
					continue
				}
				err := whole([]byte(text))
				require.Error(t, err, "%q", text)
				switch {
				case c < ' ':
					require.Equal(t, &Error{n + 1, "control character in a string"}, err)
				case c >= 0x80:
					require.Equal(t, &Error{n + 1, "invalid UTF-8"}, err)
				}
			}
		}
	}
}

func TestDepth(t *testing.T) {
	for name, pair := range map[string][2]string{
		"arrays":  {"[", "]"},
		"objects": {`{"a":`, "}"},
		"both":    {`[{"a":`, "}]"},
	} {
		t.Run(name, func(t *testing.T) {
			n := MaxDepth / strings.Count(pair[0]+pair[1], pair[1][:1])
			if name == "both" {
				n = MaxDepth / 2
			}
			deepest := strings.Repeat(pair[0], n) + "1" + strings.Repeat(pair[1], n)
			assert.NoError(t, whole([]byte(deepest)))
			_, err := value(deepest)
			assert.NoError(t, err)

			tooDeep := strings.Repeat(pair[0], n) + "[]" + strings.Repeat(pair[1], n)
			want := &Error{n * len(pair[0]), "nested deeper than 1000"}
			assert.Equal(t, want, whole([]byte(tooDeep)))
			_, err = value(tooDeep)
			assert.Equal(t, want, err)

			var s Scanner // skipped by a visitor, with half of the depth used up
			s.Reset([]byte(`[` + deepest + `]`))
			s.Array(func(int) {})
			assert.ErrorContains(t, s.Err(), "nested deeper than 1000")
		})
	}
	t.Run("side by side", func(t *testing.T) {
		assert.NoError(t, whole([]byte("["+strings.Repeat(`[],{},[1],{"a":[]},`, 5000)+"0]")))
	})
}
