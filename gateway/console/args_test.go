package console

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

var anySpan = regexp.MustCompile(`</?span[^>]*>`)

// seen is the text that people see.
func seen[T ~string](shown T) string {
	return html.UnescapeString(anySpan.ReplaceAllString(string(shown), ""))
}

func TestLayOut(t *testing.T) {
	for name, c := range map[string]struct {
		args    string
		members []string // name, a colon and the value of each
		whole   string
		note    string
	}{
		"simple": {args: `{"order":"ord_2H4p","amount_usd":1240.00,"express":true,"note":null}`,
			members: []string{"order: ord_2H4p", "amount_usd: 1240.00", "express: true", "note: null"}},
		"in their order": {args: `{"z":1,"a":2,"m":3}`, members: []string{"z: 1", "a: 2", "m: 3"}},
		"numbers as they are written": {args: `{"a":1e3,"b":10000000000000000000001,"c":-0.10}`,
			members: []string{"a: 1e3", "b: 10000000000000000000001", "c: -0.10"}},
		"a name twice":               {args: `{"a":1,"b":2,"a":3}`, members: []string{"a: 1 again", "b: 2", "a: 3 again"}, note: "more than once"},
		"a name twice, once escaped": {args: `{"amount":1,"\u0061mount":2}`, members: []string{"amount: 1 again", "amount: 2 again"}, note: "more than once"},
		"a name twice, deeper":       {args: `{"a":{"b":1,"b":2}}`, members: []string{"a: {\n  \"b\": 1,\n  \"b\": 2\n}"}},
		"nested": {args: `{"a":[1,{"b":"c\nd\"","e":[]},{}]}`,
			members: []string{"a: [\n  1,\n  {\n    \"b\": \"c\\nd\\\"\",\n    \"e\": []\n  },\n  {}\n]"}},
		"lines":                {args: `{"sql":"SELECT *\n\tFROM t"}`, members: []string{"sql: SELECT *\n\tFROM t"}},
		"escapes that hide":    {args: `{"cmd":"\u0072\u006d -rf","more":["\u0072m"]}`, members: []string{"cmd: rm -rf", `more: [` + "\n  \"rm\"\n]"}},
		"hidden characters":    {args: `{"a\u200b":"x\u202ey"}`, members: []string{"aU+200B: xU+202Ey"}},
		"half a pair":          {args: `{"a":"\ud800x"}`, members: []string{"a: U+FFFDx"}},
		"an empty name":        {args: `{"":1}`, members: []string{": 1"}},
		"an empty value":       {args: `{"a":""}`, members: []string{"a: "}},
		"white space around":   {args: " \n{\"a\": 1}\n", members: []string{"a: 1"}},
		"a space that is none": {args: "\u00a0{}", whole: "U+00A0{}", note: "not JSON"},
		"an empty object":      {args: `{}`, note: "empty object"},
		"nothing":              {args: ``, note: "without arguments"},
		"an array":             {args: `[1,"a"]`, whole: "[\n  1,\n  \"a\"\n]"},
		"a string":             {args: `"rm -rf"`, whole: `"rm -rf"`},
		"a number":             {args: `12`, whole: `12`},
		"no JSON":              {args: `<b>rm</b> -rf`, whole: `<b>rm</b> -rf`, note: "not JSON"},
		"JSON, and more":       {args: `{"a":1} {"b":2}`, whole: `{"a":1} {"b":2}`, note: "not JSON"},
		"JSON, cut short":      {args: `{"a":1`, whole: `{"a":1`, note: "not JSON"},
		"no text":              {args: "\xff", whole: "0xFF", note: "not JSON"},
		"no text, in a string": {args: "{\"a\":\"\xff\"}", members: []string{"a: U+FFFD"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := layOut([]byte(c.args), mostShown)
			var members []string
			for _, m := range a.Members {
				s := seen(m.Name) + ": " + seen(m.Value)
				if m.Again {
					s += " again"
				}
				members = append(members, s)
			}
			assert.Equal(t, c.members, members)
			assert.Equal(t, c.whole, seen(a.Whole))
			assert.Contains(t, a.Note, c.note)
			assert.Equal(t, c.note == "", a.Note == "", a.Note)
			assert.Zero(t, a.Left())
			if c.note == "not JSON" {
				assert.Empty(t, a.Raw, "it is there once")
				return
			}
			assert.Equal(t, text(c.args), a.Raw)
		})
	}
}

// What does not fit is there all the same, and said to be longer than it looks.
func TestLayOutLong(t *testing.T) {
	long := strings.Repeat("a", 50_000)
	a := layOut([]byte(`{"short":"`+long[:1000]+`","long":"`+long+`","lines":"`+strings.Repeat(`x\n`, 30)+`","items":[`+strings.Repeat("1,", 30)+`1]}`), mostShown)
	assert.Empty(t, a.Members[0].Size)
	assert.Equal(t, long, seen(a.Members[1].Value))
	assert.Equal(t, "50000 characters: scroll to read all of it", a.Members[1].Size)
	assert.Contains(t, a.Members[2].Size, "60 characters, 31 lines")
	assert.Contains(t, a.Members[3].Size, "33 lines")

	large := `{"a":"` + strings.Repeat("<", mostLaidOut) + `"}`
	a = layOut([]byte(large), mostShown)
	assert.Empty(t, a.Members)
	assert.True(t, seen(a.Whole) == large, "all of it is there")
	assert.Empty(t, a.Raw, "and once")
	assert.Contains(t, a.Note, "65544 bytes")
}

// What is too long is cut, between characters, and it is known how much is left.
func TestLayOutCut(t *testing.T) {
	for name, c := range map[string]struct {
		args, shown string
		left        int
	}{
		"a byte more":         {`{"a":123456789}`, `{"a":12345678`, 2},
		"within a character":  {`{"a":"xxxxxxä"}`, `{"a":"xxxxxx`, 4},
		"blanks, and then it": {strings.Repeat(" ", 20) + "{}", strings.Repeat(" ", 13), 9},
		"no text":             {strings.Repeat("\xff", 20), "0xFF ×13", 7},
		"no beginning":        {strings.Repeat("\x80", 20), "", 20},
	} {
		t.Run(name, func(t *testing.T) {
			a := layOut([]byte(c.args), 13)
			assert.Equal(t, c.shown, seen(a.Whole))
			assert.Equal(t, c.left, a.Left())
			assert.Equal(t, len(c.args), a.Bytes)
			assert.Empty(t, a.Members)
			assert.Empty(t, a.Raw)
		})
	}
}

// Of many calls each has its share of what is shown.
func TestShares(t *testing.T) {
	for name, c := range map[string]struct {
		lengths, shares []int
		unseen          string
	}{
		"none":              {nil, []int{}, ""},
		"one":               {[]int{100}, []int{100}, ""},
		"as much as can be": {[]int{mostShown}, []int{mostShown}, ""},
		"a byte more":       {[]int{mostShown + 1}, []int{mostShown}, "1 bytes of arguments"},
		"a long one first":  {[]int{8 << 20, 100}, []int{mostShown / 2, 100}, "8257536 bytes of arguments"},
		"a long one last":   {[]int{100, 8 << 20}, []int{100, mostShown - 100}, "8126564 bytes of arguments"},
		"as many as can be": {make([]int, mostCalls), make([]int, mostCalls), ""},
		"more":              {make([]int, mostCalls+3), make([]int, mostCalls), "3 calls"},
		"more, and long":    {append([]int{8 << 20}, make([]int, mostCalls)...), append([]int{mostShown / mostCalls}, make([]int, mostCalls-1)...), "8387298 bytes of arguments and 1 calls"},
	} {
		t.Run(name, func(t *testing.T) {
			var g run.Gate
			for _, n := range c.lengths {
				g.Proposed = append(g.Proposed, run.Proposal{Tool: "t", Args: make([]byte, n)})
			}
			assert.Equal(t, c.shares, shares(&g))
			assert.Equal(t, c.unseen, unseen(&g))
		})
	}
}

// However deep or odd the arguments are, a page with them does not grow without
// bounds.
func TestLayOutIsBounded(t *testing.T) {
	const n = 100_000
	for name, args := range map[string]string{
		"deep":          strings.Repeat("[", n) + strings.Repeat("]", n),
		"deep members":  strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		"deep and wide": strings.Repeat("[", 5000) + strings.Repeat("1,", n) + "1" + strings.Repeat("]", 5000),
		"hidden":        `["` + strings.Repeat(`\u200b\u200c`, n/6) + `"]`,
	} {
		t.Run(name, func(t *testing.T) {
			a := layOut([]byte(args), mostShown)
			assert.NotEmpty(t, seen(a.Whole)+string(a.Raw))
			assert.Less(t, len(a.Whole), 100*len(args))
		})
	}
}

// FuzzLayOut checks that every member is there, in its order, and that no markup
// gets through.
func FuzzLayOut(f *testing.F) {
	for _, s := range []string{`{"a":1,"a":[{"b":"<\u202e"}]}`, `[1,2]`, `{"a"`, "", `{"a":{"a":{"a":{}}}}`, "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a := layOut(raw, mostShown)
		for _, m := range append(a.Members, member{Value: a.Whole}, member{Value: a.Raw}) {
			for _, shown := range []string{string(m.Name), string(m.Value)} {
				if strings.ContainsAny(anySpan.ReplaceAllString(shown, ""), `<>`) {
					t.Errorf("%q gets through as %q", raw, shown)
				}
			}
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object == nil || len(raw) > mostLaidOut {
			return
		}
		names := map[string]bool{}
		for _, m := range a.Members {
			names[string(m.Name)] = true
		}
		shown := map[string]bool{}
		for name := range object {
			shown[string(text(name))] = true
		}
		if len(names) != len(shown) || len(a.Members) < len(object) {
			t.Errorf("%q is shown with the members %v, has %v", raw, names, shown)
		}
	})
}
