package wire

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/jsonscan"
)

func node(t *testing.T, text string) *Node {
	t.Helper()
	n, err := ReadNode([]byte(text))
	require.NoError(t, err)
	return n
}

func TestNodeKeepsSpelling(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{ "b" : 1.50e0, "a" : [ "\u00e9\/", null , true ], "c" : { } }`, `{"b":1.50e0,"a":["\u00e9\/",null,true],"c":{ }}`},
		{` "x" `, `"x"`},
		{`{"\u0061":1}`, `{"a":1}`},
	} {
		assert.Equal(t, c.want, string(node(t, c.text).AppendTo(nil)))
	}
}

func TestReadNodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             ``,
		"two values":          `1 2`,
		"a member twice":      `{"a":{"b":1,"b":2}}`,
		"invalid UTF-8":       "\"\xff\"",
		"what goes too deep":  strings.Repeat("[", jsonscan.MaxDepth+1) + strings.Repeat("]", jsonscan.MaxDepth+1),
		"an object that ends": `{"a":[1,{"b":2`,
	} {
		_, err := ReadNode([]byte(text))
		assert.Error(t, err, name)
	}
}

func TestNodeUpdate(t *testing.T) {
	for name, c := range map[string]struct{ old, value, want string }{
		"a member that is new":         {`{}`, `null`, `{"m":null}`},
		"null changes nothing":         {`{"m":1}`, `null`, `{"m":1}`},
		"another value":                {`{"m":1,"n":2}`, `"x"`, `{"m":"x","n":2}`},
		"an object is merged":          {`{"m":{"a":1,"b":{"c":2}}}`, `{"b":{"c":null,"d":3},"a":4}`, `{"m":{"a":4,"b":{"c":2,"d":3}}}`},
		"a list takes another's place": {`{"m":[1]}`, `[2]`, `{"m":[2]}`},
	} {
		n := node(t, c.old)
		n.Update("m", node(t, c.value))
		assert.Equal(t, c.want, string(n.AppendTo(nil)), name)
	}
}

func TestNodeJoin(t *testing.T) {
	for name, c := range map[string]struct{ first, second, want string }{
		"texts":                         {`"a\n"`, `"\u00e9"`, `"a\n\u00e9"`},
		"empty ones":                    {`""`, `""`, `""`},
		"null and a text":               {`null`, `"a"`, `"a"`},
		"a text and null":               {`"a"`, `null`, `"a"`},
		"a pair in one part":            {`"\ud83d\ude00"`, `"\ud83d\ude00"`, `"\ud83d\ude00\ud83d\ude00"`},
		"a half that does not fit":      {`"\uD83D"`, `"\uD83D"`, `"\uD83D\uD83D"`},
		"halves that do":                {`"a\uD83D"`, `"\uDE00b"`, ``},
		"the last ones that do":         {`"\udbff"`, `"\udfff"`, ``},
		"no number is part of a text":   {`"a"`, `1`, ``},
		"and a text is not of a number": {`1`, `"a"`, ``},
	} {
		text := []byte(`{"m":` + c.first + `}`)
		n := node(t, string(text))
		err := n.Join("m", node(t, c.second))
		if c.want == "" {
			assert.Error(t, err, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, `{"m":`+c.want+`}`, string(n.AppendTo(nil)), name)
	}
}

// What a Node is read from is not written to.
func TestNodeJoinLeavesText(t *testing.T) {
	text := []byte(`{"m":"a","n":"b"}`)
	n, err := ReadNode(text)
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, n.Join("m", n.Get("n")))
	}
	assert.Equal(t, `{"m":"a","n":"b"}`, string(text))
	assert.Equal(t, `{"m":"abbb","n":"b"}`, string(n.AppendTo(nil)))
}

func TestNodeOfManyMembers(t *testing.T) {
	n, want := ObjectNode(), map[string]int{}
	for i := range 3 * many {
		for _, value := range []int{-1, i} {
			n.Set(fmt.Sprint(i), IntNode(value))
		}
		want[fmt.Sprint(i)] = i
	}
	n.Set("1", nil)
	assert.Nil(t, n.Get("x"))
	assert.Equal(t, 5, n.Get("5").Index(0))
	var got map[string]int
	require.NoError(t, json.Unmarshal(n.AppendTo(nil), &got))
	assert.Equal(t, want, got)
}

func TestNodeWith(t *testing.T) {
	n := node(t, `{"a":1,"b":2}`)
	assert.Equal(t, `{"a":null,"b":2}`, string(n.With("a", NullNode()).AppendTo(nil)))
	assert.Equal(t, `{"a":1,"b":2}`, string(n.With("c", NullNode()).AppendTo(nil)))
	assert.Equal(t, `{"a":1,"b":2}`, string(n.AppendTo(nil)))
}

func TestNodeExtend(t *testing.T) {
	n := node(t, `{"a":null,"b":[1],"c":2}`)
	for _, name := range []string{"a", "b", "d"} {
		require.NoError(t, n.Extend(name, IntNode(3)), name)
	}
	assert.Error(t, n.Extend("c", IntNode(3)))
	assert.Equal(t, `{"a":[3],"b":[1,3],"c":2,"d":[3]}`, string(n.AppendTo(nil)))
}

// A value that is not there is read as null is.
func TestNoNode(t *testing.T) {
	n := ObjectNode().Get("a").Get("b")
	assert.Equal(t, jsonscan.Null, n.Kind())
	assert.Empty(t, n.String())
	assert.Empty(t, n.Elements())
	assert.Equal(t, 7, n.Index(7))
	for range n.Members() {
		t.Error("it has a member")
	}
}
