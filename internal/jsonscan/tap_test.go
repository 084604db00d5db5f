package jsonscan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var tapNames = []string{"model", "usage", "id"}

// tap writes data to a new Tap in pieces of at most size bytes.
func tap(data []byte, size int, names ...string) *Tap {
	t := new(Tap)
	t.Reset(names...)
	for len(data) > 0 {
		n := min(size, len(data))
		t.Write(append([]byte(nil), data[:n]...))
		data = data[n:]
	}
	return t
}

func TestTap(t *testing.T) {
	long := strings.Repeat("x", maxTapped)
	for _, c := range []struct {
		name, text string
		want       map[string]string
		open       bool // it is not done at the end
	}{
		{name: "empty", text: `{}`},
		{name: "nothing of interest", text: `{"a":1,"b":{"model":"no"}}`},
		{
			name: "an answer", text: `{"id":"x","object":"chat.completion","model":"gpt-5","choices":[{"message":{"content":"{\"id\":\"no\"}"}}],"usage":{"prompt_tokens":9,"details":{"x":[1,2]}}}`,
			want: map[string]string{"id": `"x"`, "model": `"gpt-5"`, "usage": `{"prompt_tokens":9,"details":{"x":[1,2]}}`},
		},
		{name: "white space", text: " \r\n{\t\"id\" : \n [ 1 , 2 ] , \"model\" : 12 \n } \n", want: map[string]string{"id": `[ 1 , 2 ]`, "model": `12`}},
		{name: "every kind", text: `{"id":null,"model":true,"usage":-1.5e3}`, want: map[string]string{"id": `null`, "model": `true`, "usage": `-1.5e3`}},
		{name: "empty values", text: `{"id":"","model":{},"usage":[]}`, want: map[string]string{"id": `""`, "model": `{}`, "usage": `[]`}},
		{name: "escapes", text: `{"id":"a\"b\\","model":"\\\\\"","usage":["\\",{"]}\"":"["}]}`, want: map[string]string{"id": `"a\"b\\"`, "model": `"\\\\\""`, "usage": `["\\",{"]}\"":"["}]`}},
		{name: "escaped name", text: `{"mod\u0065l":1,"\u0069\u0064":2}`, want: map[string]string{"model": `1`, "id": `2`}},
		{name: "longest name", text: `{"\u006d\u006f\u0064\u0065\u006c":1,"\u006d\u006f\u0064\u0065\u006cs":2}`, want: map[string]string{"model": `1`}},
		{name: "bad escape in a name", text: `{"\id":1,"\u00":1,"mode\":1}`, open: true},
		{name: "names alike", text: `{"models":1,"mode":2,"Model":3,"":4,"\"id":5,"\u0000model":6,"` + long + `":7}`},
		{name: "last one wins", text: `{"id":1,"id":2,"i\u0064":3}`, want: map[string]string{"id": `3`}},
		{name: "last one wins, too long", text: `{"id":1,"id":"` + long + `"}`},
		{name: "last one wins, after too long", text: `{"id":"` + long + `","id":1}`, want: map[string]string{"id": `1`}},
		{name: "just not too long", text: `{"id":"` + long[2:] + `"}`, want: map[string]string{"id": `"` + long[2:] + `"`}},
		{name: "too long by one", text: `{"id":"` + long[1:] + `","model":1}`, want: map[string]string{"model": `1`}},
		{name: "ignores what follows", text: `{"id":1}{"id":2}`, want: map[string]string{"id": `1`}},
		{name: "beyond ASCII", text: `{"größe":"天\"空","id":"天空","é":[{"天":"空"}]}`, want: map[string]string{"id": `"天空"`}},

		{name: "cut in a string", text: `{"model":1,"id":"a`, want: map[string]string{"model": "1"}, open: true},
		{name: "cut in a number", text: `{"id":12`, open: true},
		{name: "cut in an object", text: `{"id":{"a":1}`, want: map[string]string{"id": `{"a":1}`}, open: true},
		{name: "cut in the last of two", text: `{"id":1,"id":[`, open: true},
		{name: "no object", text: `["id",{"id":1}]`, open: true},
		{name: "a web page", text: `<html>{"id":1}`, open: true},
		{name: "two values", text: `{"id":1 2,"model":3}`, want: map[string]string{"id": `1`}, open: true},
		{name: "no value", text: `{"id":,"model":3}`, open: true},
		{name: "no colon", text: `{"id" 1}`, open: true},
		{name: "no name", text: `{:1,"id":1}`, open: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for size := len(c.text); size > 0; size = size * 2 / 3 {
				p := tap([]byte(c.text), size, tapNames...)
				got := map[string]string{}
				for _, name := range tapNames {
					if v := p.Value(name); v != nil {
						got[name] = string(v)
					}
				}
				if c.want == nil {
					c.want = map[string]string{}
				}
				require.Equal(t, c.want, got, "in pieces of %d", size)
				require.Equal(t, !c.open, p.Done())
				require.EqualValues(t, len(c.text), p.Bytes())
			}
		})
	}
}

func TestTapWithoutNames(t *testing.T) {
	var p Tap
	p.Write([]byte(`{"a":"`))
	assert.False(t, p.Done())
	p.Write([]byte(`b","":{}}`))
	assert.True(t, p.Done())
	assert.Nil(t, p.Value("a"))
	assert.EqualValues(t, 15, p.Bytes())
}

func TestTapReset(t *testing.T) {
	p := tap([]byte(`{"id":"first","model":{"a":"`), 5, "id", "model")
	p.Reset("model")
	assert.Zero(t, p.Bytes())
	p.Write([]byte(`{"model":2,"id":3}`))
	assert.True(t, p.Done())
	assert.Equal(t, "2", string(p.Value("model")))
	assert.Nil(t, p.Value("id"))
	answer := []byte(`{"id":"x","model":"m","usage":{"n":1}}`)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		p.Reset(tapNames...)
		p.Write(answer)
	}), "after the first time")
}

// Values do not get into each other's way, whatever their sizes and however
// often their names come.
func TestTapManyValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var b strings.Builder
		want := map[string]string{}
		for i := range 1 + r.IntN(7) {
			name := tapNames[r.IntN(len(tapNames))]
			value := fmt.Sprint(i)
			if r.IntN(3) > 0 {
				n := []int{1, 2, 5, maxTapped - 2, maxTapped - 1, maxTapped + 9}[r.IntN(6)]
				value = `"` + strings.Repeat(value, n) + `"`
			}
			fmt.Fprintf(&b, `%c"%s":%s`, "{,"[min(i, 1)], name, value)
			if want[name] = value; len(value) > maxTapped {
				delete(want, name)
			}
		}
		for _, size := range []int{1 << 20, 32 << 10, 1000} {
			p := tap([]byte(b.String()+"}"), size, tapNames...)
			require.True(t, p.Done())
			for _, name := range tapNames {
				require.True(t, want[name] == string(p.Value(name)), "%s of %.200s", name, b.String())
			}
		}
	}
}

// What passes through a Tap is not kept, however it is made.
func TestTapMemory(t *testing.T) {
	var p Tap
	p.Reset("id")
	feed := func(first, more string, n int) {
		p.Reset("id")
		p.Write([]byte(first))
		for range n {
			p.Write([]byte(more))
		}
		assert.LessOrEqual(t, cap(p.name), 64)
		assert.LessOrEqual(t, cap(p.kept), 2*maxTapped)
	}
	feed(`{"`, `long name`, 1e5)
	feed(`{"id":"`, `long value`, 1e5)
	feed(`{"id":[`, `[`, 1e5)
	feed(`{`, `"id":"many values",`, 1e5)
	feed(`{`, `"id":"many values","other":1,"id":{},`, 1e5)
}

// Any cut gives the same, and the values are those that encoding/json finds.
func FuzzTap(f *testing.F) {
	for _, seed := range []string{
		`{"id":"x","model":"gpt-5","usage":{"prompt_tokens":9,"x":[1,"]\"",{}]},"id":12 }`,
		` {"mod\u0065l" : "\\\"" , "":{} , "a":[[],"{"] , "usage" : null } `,
		`{"id":tru}`, `{"id":1 2}`, `[1]`, `{"id"`, `{"id":"\`, `{"\u00":1,"id":-1.5e3}`, `{"a":1,}`,
	} {
		f.Add([]byte(seed), uint16(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, cuts uint16) {
		p := tap(data, len(data)+1, tapNames...)
		q := new(Tap)
		q.Reset(tapNames...)
		at := 0
		for i := range data { // the bits of cuts say where, over and over
			if cuts>>(i%16)&1 != 0 {
				q.Write(append([]byte(nil), data[at:i]...))
				at = i
			}
		}
		q.Write(data[at:])
		require.Equal(t, p.Done(), q.Done())
		require.Equal(t, p.Bytes(), q.Bytes())
		for _, name := range tapNames {
			require.Equal(t, p.Value(name), q.Value(name))
		}

		var want map[string]json.RawMessage
		if !utf8.Valid(data) || json.Unmarshal(data, &want) != nil || want == nil {
			return
		}
		require.True(t, p.Done())
		for _, name := range tapNames {
			require.Equal(t, string(want[name]), string(p.Value(name)))
		}
	})
}

func BenchmarkTap(b *testing.B) {
	var chat []byte
	for i := range 4 {
		chat = fmt.Appendf(chat, `{"index":%d,"message":{"role":"assistant","content":"%s"},"finish_reason":"stop"},`, i, strings.Repeat(`The sky is \"blue\".\n`, 20))
	}
	chat = fmt.Appendf(nil, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-5","choices":[%s],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}`, chat[:len(chat)-1])
	vector := strings.TrimSuffix(strings.Repeat("-0.0123456789,", 1536), ",")
	floats := []byte(`{"object":"list","data":[` + strings.TrimSuffix(strings.Repeat(`{"object":"embedding","embedding":[`+vector+`]},`, 100), ",") + `],"model":"m","usage":{"prompt_tokens":9}}`)
	base64 := []byte(`{"object":"list","data":[` + strings.TrimSuffix(strings.Repeat(`{"object":"embedding","embedding":"`+strings.Repeat("QUJD", 2048)+`"},`, 256), ",") + `],"model":"m","usage":{"prompt_tokens":9}}`)
	for _, c := range []struct {
		name string
		data []byte
	}{{"chat", chat}, {"floats", floats}, {"base64", base64}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			var t Tap
			for b.Loop() {
				t.Reset(tapNames...)
				for data := c.data; len(data) > 0; {
					n := min(32<<10, len(data))
					t.Write(data[:n])
					data = data[n:]
				}
				if !t.Done() || t.Value("usage") == nil {
					b.Fatal("not read")
				}
			}
		})
	}
}
