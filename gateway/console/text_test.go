package console

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

// mark is what is shown in the place of a hidden character.
func mark(name string) string { return `<span class="hidden">` + name + `</span>` }

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                {"", ""},
		"plain":                  {"order 17", "order 17"},
		"of other languages":     {"Bestellung für 注文 заказ", "Bestellung für 注文 заказ"},
		"right to left":          {"הזמנה", "הזמנה"},
		"combined":               {"e\u0301", "e\u0301"},
		"lines and tabs":         {"a\n\tb", "a\n\tb"},
		"markup":                 {`<img src=x onerror='alert("1")'>&amp;`, "&lt;img src=x onerror=&#39;alert(&#34;1&#34;)&#39;&gt;&amp;amp;"},
		"bidi override":          {"bob\u202emoc.live", "bob" + mark("U+202E") + "moc.live"},
		"bidi isolate":           {"\u2066a\u2069", mark("U+2066") + "a" + mark("U+2069")},
		"zero width":             {"a\u200bb\u200dc\ufeffd\u00ade", "a" + mark("U+200B") + "b" + mark("U+200D") + "c" + mark("U+FEFF") + "d" + mark("U+00AD") + "e"},
		"other spaces":           {"a\u00a0b\u3000c\u2028d", "a" + mark("U+00A0") + "b" + mark("U+3000") + "c" + mark("U+2028") + "d"},
		"fillers":                {"\u3164\u115f\u2800\u034f", mark("U+3164") + mark("U+115F") + mark("U+2800") + mark("U+034F")},
		"variation selectors":    {"a\ufe0f\U000e0101", "a" + mark("U+FE0F") + mark("U+E0101")},
		"tag characters":         {"a\U000e0041\U000e0042", "a" + mark("U+E0041") + mark("U+E0042")},
		"control":                {"a\x00b\x1b[31mc\rd\x7f", "a" + mark("U+0000") + "b" + mark("U+001B") + "[31mc" + mark("U+000D") + "d" + mark("U+007F")},
		"many of one":            {"a" + strings.Repeat("\u200b", 5000) + "b", "a" + mark("U+200B ×5000") + "b"},
		"private use":            {"\ue000", mark("U+E000")},
		"no text":                {"a\xffb\xc3(", "a" + mark("0xFF") + "b" + mark("0xC3") + "("},
		"no text, many":          {"\xff\xff\xfe", mark("0xFF ×2") + mark("0xFE")},
		"no text, and then text": {"\xc7Ƕ", mark("0xC7") + "Ƕ"},
		"replacement":            {"\ufffd", mark("U+FFFD")},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, string(text(c.text)))
		})
	}
}

var markPattern = regexp.MustCompile(`<span class="hidden">(U\+[0-9A-F]{4,6}|0x[0-9A-F]{2})( ×[0-9]+)?</span>`)

// FuzzText checks that no markup gets through, that nothing hidden is left, and
// that what can be seen stays as it is.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a<b>&\"'", "\u202e", "\xff\xfe", "a\u200b\u200bc", "\xc7Ƕ", "<span class=\"hidden\">U+0000</span>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rest := html.UnescapeString(markPattern.ReplaceAllString(strings.ReplaceAll(string(text(s)), "\r", "?"), ""))
		var want strings.Builder
		for i, r := range s {
			if _, size := utf8.DecodeRuneInString(s[i:]); !hidden(r) && (r != utf8.RuneError || size > 1) {
				want.WriteRune(r)
			}
		}
		if rest != want.String() {
			t.Errorf("%q is shown as %q, and without the marks %q; want %q", s, text(s), rest, want.String())
		}
		if strings.ContainsAny(markPattern.ReplaceAllString(string(text(s)), ""), `<>"'`) {
			t.Errorf("%q gets through as %q", s, text(s))
		}
	})
}
