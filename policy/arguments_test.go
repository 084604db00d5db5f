package policy

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"
)

// readAt reads what stands at one path.
func readAt(t *testing.T, args, path string) argument {
	t.Helper()
	names, err := parsePath(path)
	require.NoError(t, err)
	var tree pathTree
	into := make([]argument, 1)
	require.Zero(t, tree.add(names))
	readArguments([]byte(args), &tree, into)
	return into[0]
}

// What is read at a path is what gjson reads there, and what encoding/json makes
// of it; and it never panics.
func FuzzArguments(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":{"b":[1,{"c":"x\u0041"}]}}`, "a.b.1.c"}, {`{"a":5,"A":6}`, "a"}, {`{"a":5,"a":6}`, "a"}, {`[[1,2],3]`, "0.1"},
		{`{"a.b":null,"a":{"b":-1e400}}`, `a\.b`}, {`{"x":[{"y":1,"y":2}],"a":true}`, "a"}, {`{"0":"zero","":[]}`, "0"}, {`"a"`, "a"}, {`{"a":`, "a"},
		{`{"k":1}`, "k"}, {"{\"\u212a\":1}", "k"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, args, path string) {
		if _, err := parsePath(path); err != nil || strings.ToValidUTF8(path, "") != path {
			return
		}
		a := readAt(t, args, path)
		if a.kind == unreadable {
			return
		}
		require.True(t, json.Valid([]byte(args)))
		g := gjson.Get(args, path)
		switch a.kind {
		case missing:
			// gjson takes an index with zeros before it, and none below an array by name.
			assert.True(t, !g.Exists() || g.Type == gjson.Null || strings.Contains(path, "0"), "%v", g)
		case text:
			assert.Equal(t, gjson.String, g.Type)
			var s string
			require.NoError(t, json.Unmarshal([]byte(g.Raw), &s))
			assert.Equal(t, s, string(a.raw))
		default:
			assert.Equal(t, g.Raw, string(a.raw))
			assert.Equal(t, a.kind == number, g.Type == gjson.Number)
			assert.Equal(t, a.kind == boolean, g.IsBool())
			assert.Equal(t, a.kind == array, g.IsArray())
		}
	})
}

// Many paths are read in one pass, each as if it were alone.
func TestManyPaths(t *testing.T) {
	const args = `{"a":1,"b":{"c":"x","d":[true,{"e":2}]},"F":3}`
	var tree pathTree
	paths := []string{"a", "b", "b.c", "b.d.0", "b.d.1.e", "b.d.2", "f", "F", "a.x", "z"}
	slots := map[string]int{}
	for _, p := range paths {
		names, err := parsePath(p)
		require.NoError(t, err)
		slots[p] = tree.add(names)
		assert.Equal(t, slots[p], tree.add(names), "the same path is the same slot")
	}
	into := make([]argument, tree.slots)
	for range 2 { // what was there before does not matter
		readArguments([]byte(args), &tree, into)
		for _, p := range paths {
			assert.Equal(t, readAt(t, args, p), into[slots[p]], p)
		}
	}
}

func TestReadArgumentsAllocatesNothing(t *testing.T) {
	var tree pathTree
	tree.add([]string{"amount"})
	tree.add([]string{"to", "0"})
	into := make([]argument, tree.slots)
	args := []byte(`{"amount":5,"to":["x","y"],"more":{"a":[1,2,{}]}}`)
	assert.Zero(t, testing.AllocsPerRun(100, func() { readArguments(args, &tree, into) }))
}

func FuzzDecimal(f *testing.F) {
	for _, seed := range [][2]string{
		{"0", "-0.0e9"}, {"1", "1.0"}, {"10e-1", "1"}, {"0.001", "1e-3"}, {"9007199254740993", "9007199254740992"}, {"1e400", "1e401"}, {"-1", "1"},
		{"100", "99.99"}, {"1.05", "1.5"}, {"0.10", "0.1"}, {"1e99999999999999999999", "1"}, {"123", "12.3e1"}, {"-2", "-3"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, n := range []string{a, b} {
			if !json.Valid([]byte(n)) || strings.Trim(n, "+-.eE0123456789") != "" || len(n) > 40 {
				return
			}
			if _, exp, _ := strings.Cut(strings.ToLower(n), "e"); len(strings.TrimLeft(exp, "+-0")) > 4 {
				return
			}
		}
		x, ok := new(big.Rat).SetString(a)
		y, too := new(big.Rat).SetString(b)
		require.True(t, ok && too)
		got := parseDecimal([]byte(a)).compare(parseDecimal([]byte(b)))
		assert.Equal(t, x.Cmp(y), got, "%s and %s", a, b)
	})
}

func TestDecimalsBeyondAll(t *testing.T) {
	in := func(s string) decimal { return parseDecimal([]byte(s)) }
	assert.Equal(t, 1, in("1e99999999999999999999").compare(in("9e1000000")))
	assert.Equal(t, -1, in("-1e99999999999999999999").compare(in("-9e1000000")))
	assert.Equal(t, -1, in("1e-99999999999999999999").compare(in("1e-1000000")))
	assert.Equal(t, 1, in("1e-99999999999999999999").compare(in("0")))
	assert.Equal(t, 0, in("0e99999999999999999999").compare(in("0")))
}
