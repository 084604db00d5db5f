package gateway_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// posts are the endpoints that take a body.
var posts = map[string]string{ // path to model
	"/v1/chat/completions":      "gpt-4.1",
	"/v1/messages":              "claude-sonnet-4-5",
	"/v1/messages/count_tokens": "claude-sonnet-4-5",
	"/v1/responses":             "gpt-4.1",
	"/v1/embeddings":            "text-embedding-3-small",
}

// A body that two readers might read differently reaches nobody. "M" stands for
// the name of a model.
func TestStrictBodies(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		where string // as the message says it
	}{
		"nothing":                  {``, "empty body"},
		"blanks":                   {" \r\n\t ", "empty body"},
		"null":                     {`null`, "byte 0"},
		"a list":                   {`[{"model":"M"}]`, "byte 0"},
		"a text":                   {`"model"`, "byte 0"},
		"a number":                 {`7`, "byte 0"},
		"a form":                   {`model=M&max_tokens=1`, "byte 0"},
		"a byte order mark":        {"\ufeff" + `{"model":"M"}`, "byte 0"},
		"UTF-16":                   {"{\x00\"\x00m\x00o\x00d\x00e\x00l\x00\"\x00:\x00\"\x00M\x00\"\x00}\x00", "byte 1"},
		"cut short":                {`{"model":"M"`, "found the end"},
		"cut short in a text":      {`{"model":"M","a":"b`, "does not end"},
		"two objects":              {`{"model":"M"}{"model":"o3"}`, "want the end"},
		"two lines":                {`{"model":"M"}` + "\n" + `{"model":"o3"}`, "want the end"},
		"a NUL behind":             {`{"model":"M"}` + "\x00", "want the end"},
		"a word behind":            {`{"model":"M"} trailing`, "want the end"},
		"a brace behind":           {`{"model":"M"}}`, "want the end"},
		"a comma too many":         {`{"model":"M",}`, "byte "},
		"a comma too many, inside": {`{"model":"M","a":[1,]}`, "byte "},
		"a comma too few":          {`{"model":"M" "a":1}`, "byte "},
		"a colon too few":          {`{"model" "M"}`, "byte "},
		"a comment":                {`{/* a */"model":"M"}`, "byte 1"},
		"a line of comment":        {"{//\n\"model\":\"M\"}", "byte 1"},
		"single quotes":            {`{'model':'M'}`, "byte 1"},
		"a bare name":              {`{model:"M"}`, "byte 1"},
		"NaN":                      {`{"model":"M","a":NaN}`, "byte "},
		"infinity":                 {`{"model":"M","a":-Infinity}`, "byte "},
		"a plus":                   {`{"model":"M","a":+1}`, "byte "},
		"a leading zero":           {`{"model":"M","a":01}`, "byte "},
		"a point alone":            {`{"model":"M","a":.5}`, "byte "},
		"a point at the end":       {`{"model":"M","a":1.}`, "byte "},
		"hexadecimals":             {`{"model":"M","a":0x10}`, "byte "},
		"True":                     {`{"model":"M","a":True}`, "byte "},
		"a line end in a text":     {"{\"model\":\"M\",\"a\":\"b\nc\"}", "byte "},
		"a NUL in a text":          {"{\"model\":\"M\",\"a\":\"b\x00c\"}", "byte "},
		"an unknown escape":        {`{"model":"M","a":"\x41"}`, "byte "},
		"half an escape":           {`{"model":"M","a":"\u00"}`, "byte "},
		"a form feed for a blank":  {"{\f\"model\":\"M\"}", "byte 1"},
		"a no-break space":         {"{\u00a0\"model\":\"M\"}", "byte 1"},

		"invalid UTF-8":              {"{\"model\":\"M\",\"a\":\"\xff\"}", "invalid UTF-8"},
		"invalid UTF-8 in a name":    {"{\"model\":\"M\",\"\xff\":1}", "invalid UTF-8"},
		"invalid UTF-8, deep down":   {"{\"model\":\"M\",\"a\":[{\"b\":[\"\xc3\x28\"]}]}", "invalid UTF-8"},
		"an overlong slash":          {"{\"model\":\"M\",\"a\":\"\xc0\xaf\"}", "invalid UTF-8"},
		"a surrogate in UTF-8":       {"{\"model\":\"M\",\"a\":\"\xed\xa0\x80\"}", "invalid UTF-8"},
		"half a character":           {"{\"model\":\"M\",\"a\":\"\xe2\x82\"}", "invalid UTF-8"},
		"too deep":                   {`{"model":"M","a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "deep"},
		"too deep, in objects":       {`{"model":"M","a":` + strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000) + `}`, "deep"},
		"so deep that it has no end": {`{"model":"M","a":` + strings.Repeat("[", 100_000), "deep"},

		"the model twice":             {`{"model":"M","model":"o3"}`, "second member"},
		"the model twice, the same":   {`{"model":"M","model":"M"}`, "second member"},
		"the model twice, escaped":    {`{"model":"M","\u006dodel":"o3"}`, "second member"},
		"the model twice, in the end": {`{"model":"M","a":[` + strings.Repeat(`{"model":"M"},`, 100) + `1],"m\u006Fdel":"o3"}`, "second member"},
		"a limit twice":               {`{"model":"M","max_tokens":1,"max_tokens":100000}`, "second member"},
		"stream twice":                {`{"model":"M","stream":false,"stream":true}`, "second member"},
		"n twice":                     {`{"model":"M","n":1,"n":100}`, "second member"},
		"tools twice":                 {`{"model":"M","tools":[],"tools":[{"name":"shell"}]}`, "second member"},
		"messages twice":              {`{"model":"M","messages":[],"messages":[]}`, "second member"},
		"what is unknown twice":       {`{"model":"M","x":1,"x":1}`, "second member"},
		"what is empty twice":         {`{"model":"M","":1,"":2}`, "second member"},
		"directives twice":            {`{"model":"M","rungate":{"run_id":"a"},"rungate":{"run_id":"b"}}`, "second member"},
		"directives twice, escaped":   {`{"model":"M","rungate":{"run_id":"a"},"run\u0067ate":{"run_id":"b"}}`, "second member"},
		"a directive twice":           {`{"model":"M","rungate":{"run_id":"a","run_id":"b"}}`, "rungate"},
		"a directive twice, escaped":  {`{"model":"M","rungate":{"run_id":"a","run\u005fid":"b"}}`, "rungate"},
		"a tool's name twice":         {`{"model":"M","tools":[{"name":"a"},{"name":"b","name":"c"}]}`, "tools.1"},
		"a tool's name, escaped":      {`{"model":"M","tools":[{"name":"b","n\u0061me":"c"}]}`, "tools.0"},
		"a tool's model twice":        {`{"model":"M","tools":[{"model":"b","model":"c"}]}`, "tools.0"},
		"a function's name twice":     {`{"model":"M","tools":[{"type":"function","function":{"name":"b","name":"c"}}]}`, "tools.0"},
		"a function of old, twice":    {`{"model":"M","functions":[{"name":"b","name":"c"}]}`, "functions.0"},
		"a role twice":                {`{"model":"M","messages":[{"role":"user","role":"system"}]}`, "messages.0"},
		"a block's type twice":        {`{"model":"M","messages":[{"role":"user","content":[{"type":"text","type":"image"}]}]}`, "messages.0"},
		"a fallback's model twice":    {`{"model":"M","fallbacks":[{"model":"b","model":"c"}]}`, "fallbacks.0"},
		"a server's address twice":    {`{"model":"M","mcp_servers":[{"url":"b","url":"c"}]}`, "mcp_servers.0"},
		"a stream's options twice":    {`{"model":"M","stream":true,"stream_options":{"include_usage":true,"include_usage":false}}`, "stream_options"},

		"the model in another case":    {`{"model":"M","Model":"o3"}`, "Model"},
		"the model in capitals, alone": {`{"MODEL":"M"}`, "MODEL"},
		"a limit in another case":      {`{"model":"M","max_tokens":1,"Max_Tokens":100000}`, "Max_Tokens"},
		"directives in another case":   {`{"model":"M","Rungate":{"run_id":"a"}}`, "Rungate"},

		"no model":                    {`{"max_tokens":1}`, "model"},
		"a model that is empty":       {`{"model":""}`, "model"},
		"a model that is null":        {`{"model":null}`, "model"},
		"a model that is a list":      {`{"model":["M","o3"]}`, "model"},
		"a stream that is a word":     {`{"model":"M","stream":"true"}`, "stream"},
		"a stream that is 1":          {`{"model":"M","stream":1}`, "stream"},
		"a limit that is a word":      {`{"model":"M","max_tokens":"1"}`, "max_tokens"},
		"a limit below nothing":       {`{"model":"M","max_tokens":-1}`, "max_tokens"},
		"a limit with a fraction":     {`{"model":"M","max_completion_tokens":1.5}`, "max_completion_tokens"},
		"choices below nothing":       {`{"model":"M","n":-100}`, "n"},
		"tools that are an object":    {`{"model":"M","tools":{"name":"a"}}`, "tools"},
		"a price that moves the bill": {`{"model":"M","max_tokens":1e400}`, "max_tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			for path, model := range posts {
				b := newRig(t, "")
				// Straight into the handler, as any client might send it.
				r := serve(t, b.Gateway, nil, "POST", path, strings.ReplaceAll(c.body, `"M"`, `"`+model+`"`), "Authorization: Bearer "+b.Token, nightly)
				e := b.Refused(r, 400, "invalid_request")
				assert.Contains(t, e["message"], c.where, path)
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				assert.Empty(t, b.Events.Types(), "no run is started")
			}
		})
	}
}

// What is odd but can be read in one way only passes, and arrives as it is.
func TestOddBodies(t *testing.T) {
	for name, body := range map[string]string{
		"white space everywhere":        " \t\r\n{ \"model\" \t:\r\n \"M\" , \"a\" : [ ] } \r\n",
		"no white space at all":         `{"model":"M"}`,
		"as deep as may be":             `{"model":"M","a":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`,
		"numbers of any size":           `{"model":"M","a":[1e400,-0,0.1e-7,123456789012345678901234567890,1E+2]}`,
		"escapes of any kind":           `{"model":"M","a":"\"\\\/\b\f\n\r\t\u0000\ud83d\ude00é"}`,
		"a delete character":            "{\"model\":\"M\",\"a\":\"\x7f\u2028\u2029\"}",
		"names that differ in case":     `{"model":"M","a":1,"A":2}`,
		"a model that is escaped":       `{"mod\u0065l":"M"}`,
		"names twice that nobody reads": `{"model":"M","metadata":{"a":1,"a":2},"tools":[{"type":"function","function":{"name":"f","parameters":{"model":"x","a":1,"a":2}}}]}`,
		"nulls for what is not given":   `{"model":"M","stream":null,"max_tokens":null,"n":null,"tools":null,"messages":null}`,
		"fields that nobody knows":      `{"model":"M","future":{"field":[true,false,null]},"x-y z":""}`,
		"a thousand members":            `{"model":"M"` + manyMembers(1000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			for path, model := range posts {
				b := newRig(t, "")
				b.Provider.Answer(whole(`{"usage":{}}`))
				body := strings.ReplaceAll(body, `"M"`, `"`+model+`"`)
				r := b.Post(path, body)
				require.Equal(t, 200, r.StatusCode, r.Body)
				assert.Equal(t, body, b.Forwarded().Body)
			}
		})
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"k`)
		b.WriteString(strings.Repeat("k", i))
		b.WriteString(`":0`)
	}
	return b.String()
}

// A body may come packed. It is read, and goes on unpacked.
func TestPackedBodies(t *testing.T) {
	pack := func(parts ...string) string {
		var b bytes.Buffer
		for _, p := range parts {
			z := gzip.NewWriter(&b)
			io.WriteString(z, p)
			z.Close()
		}
		return b.String()
	}
	for name, c := range map[string]struct{ encoding, body string }{
		"gzip":                  {"gzip", pack(chatCall)},
		"gzip, in capitals":     {"GZIP", pack(chatCall)},
		"gzip, its old name":    {"x-gzip", pack(chatCall)},
		"gzip, in two members":  {"gzip", pack(chatCall[:20], chatCall[20:])},
		"identity":              {"identity", chatCall},
		"gzip, with directives": {"gzip", pack(`{"rungate":{"run_id":"r"},` + chatCall[1:])},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(chatAnswer))
			r := b.Post("/v1/chat/completions", c.body, "Content-Encoding: "+c.encoding)
			require.Equal(t, 200, r.StatusCode, r.Body)
			got := b.Forwarded()
			assert.Equal(t, chatCall, got.Body)
			assert.NotContains(t, got.Header, "Content-Encoding")
		})
	}
	for name, c := range map[string]struct {
		encoding, body string
		status         int
		code           string
	}{
		"brotli":                    {"br", "\x0b\x02\x80{}\x03", 415, "unsupported_encoding"},
		"zstd":                      {"zstd", "(\xb5/\xfd", 415, "unsupported_encoding"},
		"deflate":                   {"deflate", "x\x9c", 415, "unsupported_encoding"},
		"packed twice":              {"gzip, gzip", pack(pack(chatCall)), 415, "unsupported_encoding"},
		"unknown":                   {"aes256", chatCall, 415, "unsupported_encoding"},
		"plain, said to be unknown": {"utf-8", chatCall, 415, "unsupported_encoding"},
		"plain, said to be packed":  {"gzip", chatCall, 400, "invalid_request"},
		"packed, not said":          {"identity", pack(chatCall), 400, "invalid_request"},
		"cut short":                 {"gzip", pack(chatCall)[:30], 400, "invalid_request"},
		"its sum broken":            {"gzip", strings.TrimSuffix(pack(chatCall), pack(chatCall)[len(pack(chatCall))-8:]) + "12345678", 400, "invalid_request"},
		"bytes behind":              {"gzip", pack(chatCall) + "trailing", 400, "invalid_request"},
		"an object behind":          {"gzip", pack(chatCall, chatCall), 400, "invalid_request"},
		"the model twice":           {"gzip", pack(`{"model":"gpt-4.1","model":"o3"}`), 400, "invalid_request"},
		"nothing":                   {"gzip", pack(""), 400, "invalid_request"},
		"a bomb":                    {"gzip", pack(`{"model":"gpt-4.1","a":"` + strings.Repeat("a", 8<<20) + `"}`), 413, "request_too_large"},
		"a bomb in many members":    {"gzip", strings.Repeat(pack(strings.Repeat(" ", 1<<10)), 2<<10), 413, "request_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			for path := range posts {
				b := newRig(t, "", func(cfg *gateway.Config) { cfg.Limits.BodyBytes = 1 << 20 })
				r := serve(t, b.Gateway, nil, "POST", path, c.body, "Authorization: Bearer "+b.Token, "Content-Encoding: "+c.encoding)
				b.Refused(r, c.status, c.code)
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			}
		})
	}
	t.Run("in two headers", func(t *testing.T) {
		b := newRig(t, "")
		r := serve(t, b.Gateway, nil, "POST", "/v1/chat/completions", pack(chatCall), "Authorization: Bearer "+b.Token,
			"Content-Encoding: identity", "Content-Encoding: gzip")
		b.Refused(r, 415, "unsupported_encoding")
	})
}

// bare is a body whose length is not told beforehand.
type bare struct{ io.Reader }

func TestBodySize(t *testing.T) {
	body := func(size int) string {
		const head, tail = `{"model":"gpt-4.1","a":"`, `"}`
		return head + strings.Repeat("a", size-len(head)-len(tail)) + tail
	}
	post := func(b *rig, size int, told bool) *reply {
		req, err := http.NewRequest("POST", b.URL+"/v1/chat/completions", strings.NewReader(body(size)))
		require.NoError(t, err)
		if !told {
			req.Body, req.ContentLength = io.NopCloser(bare{req.Body}), -1
		}
		req.Header.Set("Authorization", "Bearer "+b.Token)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return &reply{Response: resp, Body: string(got)}
	}
	for name, told := range map[string]bool{"told beforehand": true, "not told": false} {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{100, 8 << 10, 64<<10 + 1, 3 << 20} {
				small := func(cfg *gateway.Config) { cfg.Limits.BodyBytes = int64(limit) }
				b := newRig(t, "", small)
				b.Provider.Answer(whole(chatAnswer))
				require.Equal(t, 200, post(b, limit, told).StatusCode, "as large as may be")
				assert.Len(t, b.Forwarded().Body, limit)

				for _, size := range []int{limit + 1, 4 * limit} {
					b = newRig(t, "", small)
					b.Refused(post(b, size, told), 413, "request_too_large")
				}
			}
		})
	}
	t.Run("32 MiB by default", func(t *testing.T) {
		b := newRig(t, "")
		b.Provider.Answer(whole(chatAnswer))
		require.Equal(t, 200, post(b, 32<<20, true).StatusCode)
		got := b.Forwarded()
		assert.True(t, got.Body == body(32<<20), "every byte arrives") // not Equal, which would print it
		refusal(t, post(b, 32<<20+1, true), 413, "request_too_large")
	})
	t.Run("a length that is not kept", func(t *testing.T) {
		b := newRig(t, "")
		r := serve(t, b.Gateway, nil, "POST", "/v1/chat/completions", chatCall[:20], "Authorization: Bearer "+b.Token)
		b.Refused(r, 400, "invalid_request")
	})
}

// Whatever body a client thinks of, what reaches the provider asks for a model
// that is allowed, however the provider reads it, and differs from what the
// agent has sent in nothing but the directives.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		chatCall,
		`{"model":"gpt-4.1","model":"o3"}`,
		`{"model":"gpt-4.1","Model":"o3"}`,
		`{"mod\u0065l":"gpt-4.1","rungate":{"run_id":"a","tags":["b"]}}`,
		`{"rungate":{},"model":"gpt-4.1","a":[1e5,-0,"\ud83d\ude00"]}`,
		"{ \"model\" : \"gpt-4.1\" ,\n\"rungate\" : {} }",
		`{"model":"gpt-4.1","models":["o3"],"fallbacks":[{"model":"o3"}],"tools":[{"type":"x","model":"o3"}]}`,
		`{"model":"gpt-4.1","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"n":2,"max_tokens":5}`,
		"{\"model\":\"gpt-4.1\",\"mode\u017f\":\"o3\"}",
		`{"model":"openai/gpt-4.1"}`,
		`{"model":"openai/"}`,
	} {
		f.Add([]byte(body))
	}
	var sent []byte
	gw := newLocal(f, `{"name":"prod","models":{"allow":["gpt-4.1"]}}`, copied(func(body []byte) { sent = body }))
	f.Fuzz(func(t *testing.T, body []byte) {
		sent = nil
		serve(t, gw, &run.Ref{ID: "nightly"}, "POST", "/v1/chat/completions", string(body))
		if sent == nil {
			return
		}
		var lenient struct{ Model string } // whose names are of any case
		var before, after map[string]any
		if err := json.Unmarshal(sent, &lenient); err != nil || lenient.Model != "gpt-4.1" {
			t.Fatalf("%q asks for the model %q: %v", sent, lenient.Model, err)
		}
		if err := json.Unmarshal(body, &before); err != nil {
			t.Fatalf("%q was forwarded: %v", body, err)
		}
		if err := json.Unmarshal(sent, &after); err != nil {
			t.Fatalf("%q was made of %q: %v", sent, body, err)
		}
		delete(before, "rungate")
		before["model"] = "gpt-4.1" // it may have been named with its provider
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q was made of %q", sent, body)
		}
	})
}

// copied is a provider that hands on what it is sent.
func copied(take func(body []byte)) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		take(body)
		return answers(chatAnswer)(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
