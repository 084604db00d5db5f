package translate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

var (
	gpts    provider.Dialect = openai.Dialect{}
	claudes provider.Dialect = anthropic.Dialect{}
)

func TestReadModels(t *testing.T) {
	at := time.Unix(1_687_882_411, 0)
	for _, c := range []struct {
		name, page string
		want       []Model
		next       string
	}{
		{"OpenAI's", `{"object":"list","data":[{"id":"gpt-4","object":"model","created":1687882411,"owned_by":"openai"}]}`,
			[]Model{{ID: "gpt-4", Owner: "openai", Created: at}}, ""},
		{"Anthropic's", `{"data":[{"type":"model","id":"c","display_name":"C","created_at":"2023-06-27T16:13:31Z","max_input_tokens":2,"max_tokens":1}],"has_more":true,"first_id":"c","last_id":"c"}`,
			[]Model{{ID: "c", Label: "C", Created: at, MaxInput: 2, MaxOutput: 1}}, "c"},
		{"the last page", `{"data":[{"id":"c"}],"has_more":false,"last_id":"c"}`, []Model{{ID: "c"}}, ""},
		{"a page of no known end", `{"data":[{"id":"c"}],"has_more":true,"last_id":null}`, []Model{{ID: "c"}}, ""},
		{"more that is none", `{"data":[{"id":"c"}],"has_more":"true","last_id":"c"}`, []Model{{ID: "c"}}, ""},
		{"without an object", `[{"id":"a"},{"id":"b"}]`, []Model{{ID: "a"}, {ID: "b"}}, ""},
		{"empty", `{"data":[]}`, nil, ""},
		{"null", `{"object":"list","data":null}`, nil, ""},
		{"entries that are none", `{"data":[null,1,"x",[],{},{"id":1},{"id":""},{"id":"a"}]}`, []Model{{ID: "a"}}, ""},
		{"an id with escapes", `{"data":[{"id":"\u0061\"é"}]}`, []Model{{ID: `a"é`}}, ""},
		{"a time in a zone", `{"data":[{"id":"a","created_at":"2023-06-27T18:13:31+02:00"}]}`, []Model{{ID: "a", Created: at}}, ""},
		{"a time that is not known", `{"data":[{"id":"a","created_at":"1970-01-01T00:00:00Z"},{"id":"b","created":0}]}`, []Model{{ID: "a"}, {ID: "b"}}, ""},
		{"times that are none", `{"data":[{"id":"a","created_at":7},{"id":"b","created":"x"},{"id":"c","created":1e99},{"id":"d","created":-1},{"id":"e","created":999999999999},{"id":"f","created_at":"0000-01-01T00:00:00+01:00"}]}`,
			[]Model{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}, {ID: "e"}, {ID: "f"}}, ""},
		{"limits that are none", `{"data":[{"id":"a","max_tokens":-1,"max_input_tokens":1.5},{"id":"b","max_tokens":null,"max_input_tokens":"9"}]}`, []Model{{ID: "a"}, {ID: "b"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			models, next, err := ReadModels(gpts, []byte(c.page))
			require.NoError(t, err)
			for i := range models {
				assert.Equal(t, "openai", models[i].dialect)
				assert.True(t, json.Valid(models[i].entry))
				models[i].dialect, models[i].entry = "", nil
			}
			assert.Equal(t, c.want, models)
			assert.Equal(t, c.next, next)
		})
	}
	for name, page := range map[string]string{
		"nothing":         ``,
		"no JSON":         `<html>`,
		"cut off":         `{"data":[{"id":"a"}`,
		"no data":         `{"object":"list"}`,
		"data of a kind":  `{"data":{"id":"a"}}`,
		"data twice":      `{"data":[],"data":[]}`,
		"an id twice":     `{"data":[{"id":"a","id":"b"}]}`,
		"a word":          `"data"`,
		"too deep":        `{"data":` + strings.Repeat("[", 100_000),
		"two of them":     `{"data":[]}{"data":[]}`,
		"invalid letters": "{\"data\":[{\"id\":\"\xff\"}]}",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ReadModels(gpts, []byte(page))
			assert.Error(t, err)
		})
	}
}

func TestModelEntry(t *testing.T) {
	gpt := `{"id" : "gpt-4", "created":1687882411, "more":{"a": [1e3]}}`
	claude := `{"type":"model","id":"c","display_name":"C","created_at":"2023-06-27T16:13:31Z","max_input_tokens":2,"max_tokens":1}`
	for _, c := range []struct {
		name    string
		from    provider.Dialect // of entry; nil if it is none of a list
		entry   string
		to      provider.Dialect
		as      string
		want    string
		unknown Model
	}{
		{"as it was", gpts, gpt, gpts, "gpt-4", gpt, Model{}},
		{"as it was, but for its name", gpts, gpt, gpts, "o/gpt-4", `{"id":"o/gpt-4","created":1687882411,"more":{"a":[1e3]}}`, Model{}},
		{"as it was, of Anthropic", claudes, claude, claudes, "c", claude, Model{}},
		{"in OpenAI's words", claudes, claude, gpts, "c", `{"id":"c","object":"model","created":1687882411,"owned_by":""}`, Model{}},
		{"in Anthropic's words", gpts, gpt, claudes, "o/gpt-4", `{"type":"model","id":"o/gpt-4","display_name":"o/gpt-4","created_at":"2023-06-27T16:13:31Z","max_input_tokens":null,"max_tokens":null}`, Model{}},
		{"not from a list, in OpenAI's words", nil, "", gpts, "x", `{"id":"x","object":"model","created":0,"owned_by":"me"}`, Model{ID: "y", Owner: "me"}},
		{"not from a list, in Anthropic's words", nil, "", claudes, `"`, `{"type":"model","id":"\"","display_name":"Y","created_at":"1970-01-01T00:00:00Z","max_input_tokens":9,"max_tokens":8}`, Model{ID: "y", Label: "Y", MaxInput: 9, MaxOutput: 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.unknown
			if c.from != nil {
				models, _, err := ReadModels(c.from, []byte("["+c.entry+"]"))
				require.NoError(t, err)
				m = models[0]
			}
			assert.Equal(t, "x"+c.want, string(m.AppendTo([]byte("x"), c.to, c.as)))
		})
	}
}

// What is in a list is the same in a list of the other API, which can be read in turn.
func FuzzReadModels(f *testing.F) {
	cases, err := recordings.All("openai.models", "anthropic.models")
	require.NoError(f, err)
	for _, c := range cases {
		f.Add(c.Response)
		f.Add([]byte("[" + string(c.Response) + "]"))
	}
	f.Add([]byte(`{"data":[{"id":"\ud800","created_at":"9999-12-31T23:59:59-23:59","created":253402300799,"display_name":"<&>"}]}`))
	f.Fuzz(func(t *testing.T, page []byte) {
		for _, from := range []provider.Dialect{gpts, claudes} {
			models, _, err := ReadModels(from, page)
			if err != nil {
				return
			}
			for _, m := range models {
				for _, to := range []provider.Dialect{gpts, claudes} {
					for _, name := range []string{m.ID, "p/" + m.ID} {
						b := m.AppendTo(nil, to, name)
						require.True(t, json.Valid(b), "%s", b)
						again, _, err := ReadModels(to, append(append([]byte("["), b...), ']'))
						require.NoError(t, err, "%s", b)
						require.Len(t, again, 1)
						assert.Equal(t, name, again[0].ID)
						assert.True(t, m.Created.Equal(again[0].Created), "%v %v", m.Created, again[0].Created)
					}
				}
			}
		}
	})
}
