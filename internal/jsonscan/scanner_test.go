package jsonscan

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// value reads text by visitors into what encoding/json makes of it with
// UseNumber.
func value(text string) (any, error) {
	var s Scanner
	s.Reset([]byte(text))
	v := build(&s)
	s.End()
	return v, s.Err()
}

func build(s *Scanner) any {
	switch s.Kind() {
	case Object:
		m := map[string]any{}
		s.Object(func(key []byte) { m[string(key)] = build(s) })
		return m
	case Array:
		a := []any{}
		s.Array(func(i int) {
			if i != len(a) {
				panic("wrong index")
			}
			a = append(a, build(s))
		})
		return a
	case String:
		return string(s.Str())
	case Number:
		from, to := s.Skip()
		return json.Number(s.data[from:to])
	case Bool:
		return s.Bool()
	}
	if !s.Null() {
		s.Skip() // for its error
	}
	return nil
}

func TestValues(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `true`, `false`, `""`, `12`,
		`{"a":1,"b":[true,false,null,"x",{"c":{}}],"":[]}`,
		` { "a" : [ 1 , 2 ] , "b" : { "c" : null } } `,
		`"plain"`, `"é 天 😀"`, `"\"\\\/\b\f\n\r\t"`, `"a\u0041\u00e9\u20ac\ud83d\ude00z"`, `"\uD83D\uDE00"`,
		`"\ud800"`, `"\udc00x"`, `"\ud800\u0041"`, `"\ud800\ud83d\ude00"`, `"\ud83d\ude00\udc00"`, `"\ud800\n"`, `"\ud83dude00"`, `"\ud83d\nde00"`, `"\u0000"`,
		`{"a\u0062\n":1}`,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := value(text)
			require.NoError(t, err)
			assert.Equal(t, unmarshal(t, text), got)
		})
	}
}

func unmarshal(t testing.TB, text string) (v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

func TestStrSharesMemory(t *testing.T) {
	data := []byte(`["abc","a\u0062c"]`)
	var s Scanner
	s.Reset(data)
	s.Array(func(i int) {
		text := s.Str()
		assert.Equal(t, "abc", string(text))
		assert.Equal(t, i == 0, &text[0] == &data[2], "a part of data where there are no escapes")
		if i == 0 {
			assert.Equal(t, 3, cap(text), "appending does not write to data")
		}
	})
	require.NoError(t, s.Err())
}

func TestInt(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
	}{
		{"0", 0}, {"-0", 0}, {"7", 7}, {"-7", -7}, {"4096", 4096}, {"100", 100}, {"10203040", 10203040},
		{"1.0", 1}, {"1.000", 1}, {"-1.0", -1}, {"0.0", 0}, {"1e3", 1000}, {"1E+3", 1000}, {"1.5e1", 15}, {"-2.50e2", -250},
		{"100e-2", 1}, {"10e-1", 1}, {"0e5", 0}, {"0e99999999999999999999", 0}, {"0.000e-99999999999999999999", 0},
		{"9223372036854775807", math.MaxInt64}, {"-9223372036854775808", math.MinInt64}, {"922337203685477580.7e1", math.MaxInt64},
		{"9223372036854775807.000", math.MaxInt64}, {"1e18", 1e18},
		{"1" + strings.Repeat("0", 500) + "e-500", 1}, {"0." + strings.Repeat("0", 500) + "1e501", 1},
	} {
		t.Run(c.text, func(t *testing.T) {
			var s Scanner
			s.Reset([]byte(c.text))
			got := s.Int()
			s.End()
			assert.NoError(t, s.Err())
			assert.Equal(t, c.want, got)
		})
	}
	for _, text := range []string{
		"0.5", "1.05e1", "1e-1", "-0.1", "5e-324", "1e19", "9223372036854775808", "-9223372036854775809", "18446744073709551615",
		"18446744073709551616", "92233720368547758070", "99999999999999999999999", "1e400", "1e99999999999999999999", "1e-99999999999999999999",
		`"1"`, "null", "true", "[]", "{}",
	} {
		t.Run("refuses "+text, func(t *testing.T) {
			var s Scanner
			s.Reset([]byte(" " + text))
			assert.Zero(t, s.Int())
			assert.Equal(t, &Error{1, "want an integer"}, s.Err())
		})
	}
}

func TestWrongKind(t *testing.T) {
	read := map[string]func(s *Scanner){
		"want an object":     func(s *Scanner) { s.Object(func([]byte) { panic("called") }) },
		"want an array":      func(s *Scanner) { s.Array(func(int) { panic("called") }) },
		"want a string":      func(s *Scanner) { s.Str() },
		"want an integer":    func(s *Scanner) { s.Int() },
		"want true or false": func(s *Scanner) { s.Bool() },
	}
	of := map[string]string{
		"want an object": `{"a":1}`, "want an array": `[1]`, "want a string": `"a"`, "want an integer": `1`, "want true or false": `true`, "": "null",
	}
	for want, f := range read {
		for kind, text := range of {
			if kind == want {
				continue
			}
			t.Run(want+", not "+text, func(t *testing.T) {
				var s Scanner
				s.Reset([]byte("  " + text))
				f(&s)
				assert.Equal(t, &Error{2, want}, s.Err())
			})
		}
	}
}

func TestKind(t *testing.T) {
	for text, want := range map[string]Kind{
		`{`: Object, `[`: Array, `"`: String, `-`: Number, `0`: Number, `9`: Number, `t`: Bool, `f`: Bool, `n`: Null,
		``: Invalid, `}`: Invalid, `,`: Invalid, `x`: Invalid, `+`: Invalid, "\x00": Invalid,
	} {
		t.Run(text, func(t *testing.T) {
			var s Scanner
			s.Reset([]byte(" \n" + text))
			assert.Equal(t, want, s.Kind())
			assert.Equal(t, want, s.Kind(), "nothing is consumed")
			assert.Equal(t, 2, s.Pos())
			assert.NoError(t, s.Err())
		})
	}
}

func TestNull(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`[null, 1, nul]`))
	var got []bool
	s.Array(func(i int) {
		null := s.Null()
		got = append(got, null)
		if i == 1 {
			assert.EqualValues(t, 1, s.Int(), "nothing was consumed")
		}
	})
	assert.Equal(t, []bool{true, false, false}, got)
	assert.Equal(t, &Error{10, "want null"}, s.Err())
}

// A visitor that leaves a value has it skipped, and checked.
func TestVisitorLeavesValues(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`{"a":{"b":[1,2]} , "c" : 3, "d":[[],5]}`))
	var seen string
	s.Object(func(key []byte) {
		seen += string(key)
		if string(key) == "d" {
			s.Array(func(i int) { seen += fmt.Sprint(i) })
		}
	})
	s.End()
	require.NoError(t, s.Err())
	assert.Equal(t, "acd01", seen)

	s.Reset([]byte(`{"a":[1,2}`))
	s.Object(func([]byte) {})
	assert.Equal(t, &Error{9, "want ',' or ']', found '}'"}, s.Err())
}

// A visitor that reads more than its one value cannot get past a missing comma.
func TestOneValueAtATime(t *testing.T) {
	for name, read := range map[string]func(s *Scanner){
		"object": func(s *Scanner) { s.Object(func([]byte) { s.Str(); s.Str() }) },
		"array":  func(s *Scanner) { s.Array(func(int) { s.Skip(); s.Skip() }) },
		"top":    func(s *Scanner) { s.Skip(); s.Skip() },
	} {
		t.Run(name, func(t *testing.T) {
			var s Scanner
			s.Reset([]byte(map[string]string{"object": `{"a":"b" "c"}`, "array": `["b" "c"]`, "top": `"b" "c"`}[name]))
			read(&s)
			assert.ErrorContains(t, s.Err(), "no value to be read")
			assert.Equal(t, Invalid, s.Kind())
		})
	}
	t.Run("none", func(t *testing.T) {
		var s Scanner
		s.Reset([]byte(` {}`))
		s.End()
		assert.Equal(t, &Error{1, "a value is left unread"}, s.Err())
	})
}

func TestDuplicates(t *testing.T) {
	many := func(n int, more string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i)
		}
		return "{" + b.String() + more + ":0}"
	}
	for _, c := range []struct{ name, text, key string }{
		{"next to each other", `{"model":1,"model":2}`, `model`},
		{"apart", `{"model":1,"a":2,"b":3,"model":4}`, `model`},
		{"the second escaped", `{"model":1,"mod\u0065l":2}`, `model`},
		{"the first escaped", `{"mod\u0065l":1,"model":2}`, `model`},
		{"both escaped", `{"\u006dodel":1,"mod\u0065l":2}`, `model`},
		{"by a short escape", `{"a\/b":1,"a/b":2}`, `a/b`},
		{"by a surrogate pair", `{"😀":1,"\ud83d\ude00":2}`, `😀`},
		{"empty", `{"":1,"":2}`, ``},
		{"nested", `{"model":{"a":1,"a":2}}`, `a`},
		{"in an array", `[{"a":1},{"a":1,"a":2}]`, `a`},
		{"after an object with the same", `{"a":{"b":1},"b":2,"a":3}`, `a`},
		{"first of 40", many(40, `"k0"`), "k0"},
		{"first of 47", many(47, `"k0"`), "k0"},
		{"first of 48", many(48, `"k0"`), "k0"},
		{"last of 48", many(48, `"k47"`), "k47"},
		{"first of 49", many(49, `"k0"`), "k0"},
		{"last of 49", many(49, `"k48"`), "k48"},
		{"in 1000", many(1000, `"\u006b567"`), "k567"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := value(c.text)
			assert.ErrorContains(t, err, fmt.Sprintf("a second member %q", c.key))
			assert.NoError(t, whole([]byte(c.text)), "not looked into")
		})
	}
	for name, text := range map[string]string{
		"case counts":         `{"model":1,"Model":2}`,
		"each object alone":   `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`,
		"same first and last": `{"abcd":1,"accd":2,"addd":3}`,
		"many":                many(1000, `"k"`),
		"many beneath many":   `{"a":` + many(60, `"a"`) + `,"b":` + many(60, `"a"`) + `,"k0":0}`,
		"names not decoded":   `{"a\\u0062":1,"ab":2}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := value(text)
			assert.NoError(t, err)
		})
	}
	t.Run("the error says which and where", func(t *testing.T) {
		_, err := value(`{"a":1, "a":2}`)
		assert.Equal(t, &Error{8, `a second member "a"`}, err)
		long := strings.Repeat("x", 1000)
		_, err = value(`{"` + long + `":1,"` + long + `":2}`)
		assert.Less(t, len(err.Error()), 150)
	})
}

// Half of a surrogate pair in a name means U+FFFD to some parsers, and is kept
// or refused by others; so {"a\ud800":1,"a\ufffd":2} might have a duplicate.
func TestHalfPairsInNames(t *testing.T) {
	for _, text := range []string{`{"\ud800":1}`, `{"a\udc00b":1}`, `{"\ud800\ud800":1}`, `{"\ud800x":1}`} {
		t.Run(text, func(t *testing.T) {
			_, err := value(text)
			assert.Equal(t, &Error{1, "half of a surrogate pair in a name"}, err)
		})
	}
	_, err := value(`{"\ud83d\ude00\ufffd":1}`)
	assert.NoError(t, err)
}

func TestOffsets(t *testing.T) {
	const text = ` {"a" : [ 1 ], "b":{ "c":2 ,"d":{}},"e" :null} `
	var s Scanner
	s.Reset([]byte(text))
	var members, values []string
	note := func([]byte) {
		key, pos := s.KeyPos(), s.Pos()
		from, to := s.Skip()
		assert.Equal(t, pos, from, "a visit begins at the value")
		assert.Equal(t, to, s.Pos())
		members, values = append(members, text[key:to]), append(values, text[from:to])
	}
	s.Object(func(key []byte) {
		if string(key) != "b" {
			note(key)
			return
		}
		at := s.KeyPos()
		s.Object(note)
		assert.Equal(t, at, s.KeyPos(), "the outer object's again")
	})
	s.End()
	require.NoError(t, s.Err())
	assert.Equal(t, []string{`"a" : [ 1 ]`, `"c":2`, `"d":{}`, `"e" :null`}, members)
	assert.Equal(t, []string{`[ 1 ]`, `2`, `{}`, `null`}, values)
}

func TestFail(t *testing.T) {
	const text = `{"a":1, "b": "x", "c":{"d":2}, "e":[3,4] }`
	for name, c := range map[string]struct {
		visit func(s *Scanner, key string)
		want  string
	}{
		"before the value": {func(s *Scanner, key string) {
			if key == "b" {
				s.Fail("bad")
			}
		}, `"x"`},
		"after the value": {func(s *Scanner, key string) {
			if key == "b" {
				s.Str()
				s.Fail("bad")
			}
		}, `"x"`},
		"after an object": {func(s *Scanner, key string) {
			if key == "c" {
				s.Object(func([]byte) { s.Int() })
				s.Fail("bad")
			}
		}, `{"d"`},
		"after an array": {func(s *Scanner, key string) {
			if key == "e" {
				s.Array(func(int) { s.Int() })
				s.Fail("bad")
			}
		}, `[3`},
		"in an object": {func(s *Scanner, key string) {
			if key == "c" {
				s.Object(func([]byte) { s.Kind(); s.Fail("bad") })
			}
		}, `2}`},
		"twice": {func(s *Scanner, key string) { s.Fail("bad"); s.Fail("worse") }, `1`},
	} {
		t.Run(name, func(t *testing.T) {
			var s Scanner
			s.Reset([]byte(text))
			s.Object(func(key []byte) { c.visit(&s, string(key)) })
			s.End()
			assert.Equal(t, &Error{strings.Index(text, c.want), "bad"}, s.Err())
		})
	}
}

// After an error nothing happens any more.
func TestErrorStops(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`{"a":1,"b":2,"c":3}`))
	calls := 0
	s.Object(func(key []byte) {
		calls++
		if string(key) == "b" {
			s.Fail("bad")
			assert.Equal(t, Invalid, s.Kind())
			assert.Zero(t, s.Int())
			assert.Nil(t, s.Str())
			assert.False(t, s.Bool())
			assert.False(t, s.Null())
			s.Object(func([]byte) { calls++ })
			s.Array(func(int) { calls++ })
			from, to := s.Skip()
			assert.Zero(t, from+to)
			var w Weight
			s.Weigh(&w)
			assert.Zero(t, w)
		}
	})
	s.End()
	assert.Equal(t, 2, calls)
	assert.Equal(t, &Error{11, "bad"}, s.Err())

	s.Reset([]byte(`1`))
	assert.EqualValues(t, 1, s.Int(), "Reset begins anew")
	s.End()
	assert.NoError(t, s.Err())
}

func TestWeigh(t *testing.T) {
	long := strings.Repeat("x", 65)
	for _, c := range []struct {
		name, text string
		want       Weight
	}{
		{"nothing", `[1,true,null,{},[]]`, Weight{}},
		{"text as it stands", `["abc","d\n","é"]`, Weight{Text: 3 + 3 + 2}},
		{"names", `{"ab":1,"c\n":{"d":"e"}}`, Weight{Names: 2 + 3 + 1, Text: 1}},
		{"data URL", `{"url":"data:` + long + `"}`, Weight{Names: 3, Blob: 70, Blobs: 1}},
		{"data URL in an array", `["data:` + long + `"]`, Weight{Blob: 70, Blobs: 1}},
		{"member data", `{"data":"` + long + `"}`, Weight{Names: 4, Blob: 65, Blobs: 1}},
		{"member file_data", `{"file_data":"` + long + `"}`, Weight{Names: 9, Blob: 65, Blobs: 1}},
		{"too short for a blob", `{"data":"` + long[1:] + `","url":"data:` + long[6:] + `"}`, Weight{Names: 7, Text: 128}},
		{"not in another case", `["DATA:` + long + `"]`, Weight{Text: 70}},
		{"not beneath data", `{"data":["` + long + `",{"a":"` + long + `"}]}`, Weight{Names: 5, Text: 130}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Scanner
			var w Weight
			s.Reset([]byte(c.text))
			s.Weigh(&w)
			s.End()
			assert.NoError(t, s.Err())
			assert.Equal(t, c.want, w)
		})
	}
	t.Run("adds up, and knows the member that is visited", func(t *testing.T) {
		var s Scanner
		w := Weight{1, 2, 3, 4}
		s.Reset([]byte(`{"data":"` + long + `","file_data":["` + long + `"],"a":"` + long + `"}`))
		s.Object(func(key []byte) {
			if string(key) == "file_data" {
				s.Array(func(int) { s.Weigh(&w) })
				return
			}
			s.Weigh(&w)
		})
		assert.Equal(t, Weight{1 + 130, 2, 3 + 65, 4 + 1}, w)
	})
}

func TestNoAllocations(t *testing.T) {
	for name, data := range map[string][]byte{"1 KB": chatBody(t), "100 KB": agentBody(t)} {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, testing.AllocsPerRun(10, func() {
				if _, _, _, err := read(data); err != nil {
					t.Fatal(err)
				}
				if _, err := readDeep(data); err != nil {
					t.Fatal(err)
				}
			}))
		})
	}
}
