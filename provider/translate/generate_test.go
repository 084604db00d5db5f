package translate_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// A generator makes valid requests by chance. One seed makes one sequence of them.
type generator struct {
	*rand.Rand
	calls  int
	tools  []string
	single bool // answers have one call at most
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	names := []string{"lookup", "get_weather", "a-b", "x", "Über.suche/" + strings.Repeat("weit", 20), "mcp:server:tool"}
	g.tools = names[:1+g.IntN(len(names))]
	return g
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

// word is a text that is not blank.
func (g *generator) word() string {
	return pick(g,
		"Hi", "What is the weather in Paris?", "line one\nline two\r\n", `quotes " and \ slashes / and <tags>&`, "tab\tand \x01 control", "naïve café – 東京 😀👩‍👩‍👧",
		"\u2028 and \u2029", "}{][,:", `{"json": "text"}`, "Error: it is one", " blanks around ", "data:image/png;base64,AAAA", strings.Repeat("long ", 40),
	) + fmt.Sprint(g.IntN(1000))
}

// text is one that may be empty.
func (g *generator) text() string {
	if g.chance(8) {
		return ""
	}
	return g.word()
}

func (g *generator) object() object {
	o := object{}
	for range g.IntN(4) {
		o[pick(g, "city", "n", "list", "ü", `a"b`, "nested", "")] = pick[any](g,
			g.word(), g.IntN(1e6), -0.5, true, nil, []any{}, []any{1, "two", object{}}, object{"deep": object{"er": g.word()}}, "")
	}
	return o
}

// image is an image's media type and its bytes in base64.
func (g *generator) image() (string, string) {
	magic := map[string]string{
		"image/png": "\x89PNG\r\n\x1a\n", "image/jpeg": "\xff\xd8\xff\xe0", "image/gif": "GIF89a", "image/webp": "RIFF\x00\x00\x00\x00WEBPVP8 ",
	}
	kind := pick(g, "image/png", "image/jpeg", "image/gif", "image/webp")
	return kind, base64.StdEncoding.EncodeToString([]byte(magic[kind] + g.word()))
}

func (g *generator) pdf() string {
	return base64.StdEncoding.EncodeToString([]byte("%PDF-1.7\n" + g.word()))
}

func (g *generator) callID() string {
	g.calls++
	return fmt.Sprintf(pick(g, "call_%dAbC", "toolu_01%dxyz", "functions.lookup:%d", "ü-%d", "call_"+strings.Repeat("0", 70)+"%d"), g.calls)
}

func (g *generator) schema() object {
	return pick(g,
		object{"type": "object", "properties": object{"city": object{"type": "string", "description": g.word()}}, "required": []any{"city"}},
		object{"type": "object", "properties": object{}},
		object{"type": "object", "properties": object{"n": object{"type": []any{"integer", "null"}}}, "required": []any{"n"}, "additionalProperties": false},
		object{"type": "object", "properties": object{"x": object{"anyOf": []any{object{"type": "string"}, object{"$ref": "#/$defs/y"}}}}, "$defs": object{"y": object{"type": "number"}}},
	)
}

// ascii writes what is not ASCII in a JSON text as escapes.
func ascii(body string) string {
	var b strings.Builder
	for _, c := range body {
		if c < 0x80 {
			b.WriteRune(c)
			continue
		}
		for _, u := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String()
}

func (g *generator) body(v object) []byte {
	text := encode(v)
	if g.chance(30) {
		text = ascii(text)
	}
	if g.chance(10) {
		text = strings.ReplaceAll(text, `/`, `\/`)
	}
	return []byte(text)
}

// maybe sets a member by chance.
func (g *generator) maybe(o object, percent int, name string, values ...any) {
	if g.chance(percent) {
		o[name] = pick(g, values...)
	}
}
