package fake_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
)

const (
	refundOpenAI = `{"type":"function","function":{"name":"issue_refund","parameters":` + refundSchema + `}}`
	refundClaude = `{"name":"issue_refund","input_schema":` + refundSchema + `}`
	refundFlat   = `{"type":"function","name":"issue_refund","parameters":` + refundSchema + `}`
	refundSchema = `{"type":"object","properties":{"order":{"type":"string"},"amount_usd":{"type":"number"}},"required":["order","amount_usd"]}`
)

// send makes a call, with pairs of header names and values. The body is closed
// with the test.
func send(t *testing.T, p *fake.Provider, method, path, body string, header ...string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://model.test"+path, strings.NewReader(body))
	require.NoError(t, err)
	if strings.HasPrefix(strings.TrimPrefix(path, "/v1"), "/messages") {
		req.Header.Set("Anthropic-Version", "2023-06-01")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := (&inproc.Transport{Handler: p}).RoundTrip(req)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

// call makes a call that must be answered, and returns the answer.
func call(t *testing.T, p *fake.Provider, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	resp, err := send(t, p, method, path, body, header...)
	require.NoError(t, err)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(b)
}

// post makes a call of the model that must succeed.
func post(t *testing.T, path, body string, header ...string) string {
	t.Helper()
	resp, answer := call(t, &fake.Provider{}, "POST", path, body, header...)
	require.Equal(t, 200, resp.StatusCode, answer)
	return answer
}

// An object is a JSON object with a way to what it holds.
type object map[string]any

func decode(t *testing.T, s string) object {
	t.Helper()
	var o object
	require.NoError(t, json.Unmarshal([]byte(s), &o), s)
	return o
}

// at returns what is at a path of keys and indices, or nil.
func (o object) at(path ...any) any {
	var v any = map[string]any(o)
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			a, _ := v.([]any)
			if p >= len(a) {
				return nil
			}
			v = a[p]
		}
	}
	return v
}

// An event is one of a stream.
type event struct {
	name string
	data string
}

func (e event) object(t *testing.T) object { return decode(t, e.data) }

// events reads a stream, which must be framed as the vendors do: an optional
// line with the name, one line of data, a blank line.
func events(t *testing.T, stream string) []event {
	t.Helper()
	require.True(t, strings.HasSuffix(stream, "\n\n"), "ends with a blank line: %q", stream)
	var out []event
	for frame := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		var e event
		if rest, ok := strings.CutPrefix(frame, "event: "); ok {
			e.name, frame, ok = strings.Cut(rest, "\n")
			require.True(t, ok, frame)
		}
		data, ok := strings.CutPrefix(frame, "data: ")
		require.True(t, ok, frame)
		require.NotContains(t, data, "\n")
		e.data = data
		out = append(out, e)
	}
	return out
}

func compact(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, []byte(s)), s)
	return b.String()
}

func TestPaths(t *testing.T) {
	p := &fake.Provider{}
	tests := []struct {
		method, path string
		body         string
	}{
		{"POST", "/chat/completions", `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`},
		{"POST", "/responses", `{"model":"gpt-4o","input":"hi"}`},
		{"POST", "/embeddings", `{"model":"text-embedding-3-small","input":"hi"}`},
		{"POST", "/messages", `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`},
		{"POST", "/messages/count_tokens", `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}`},
		{"GET", "/models", ""},
		{"GET", "/models/gpt-4o", ""},
	}
	for _, tt := range tests {
		for _, prefix := range []string{"/v1", ""} {
			resp, body := call(t, p, tt.method, prefix+tt.path+"?beta=true", tt.body)
			assert.Equal(t, 200, resp.StatusCode, "%s %s: %s", tt.method, prefix+tt.path, body)
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
			assert.NotEmpty(t, resp.Header.Get("Set-Cookie"))
		}
	}
	for _, unknown := range []string{"/v1", "/v1/v1/messages", "/v1/files", "/v1/responses/", "/v1/chat"} {
		resp, body := call(t, p, "POST", unknown, "{}")
		assert.Equal(t, 404, resp.StatusCode, unknown)
		assert.Equal(t, "Invalid URL (POST "+unknown+")", decode(t, body).at("error", "message"))
	}
}

func TestFailuresSpeakTheDialect(t *testing.T) {
	tests := []struct {
		name         string
		method, path string
		body         string
		header       []string
		status       int
		message      string
	}{
		{"not JSON", "POST", "/v1/chat/completions", `{`, nil, 400, "We could not parse the JSON body of your request: unexpected end of JSON input"},
		{"not JSON, Anthropic", "POST", "/v1/messages", `{`, nil, 400, "We could not parse the JSON body of your request: unexpected end of JSON input"},
		{"no model", "POST", "/v1/chat/completions", `{}`, nil, 400, "Missing required parameter: 'model'."},
		{"no model, Anthropic", "POST", "/v1/messages", `{}`, nil, 400, "model: Field required"},
		{"no messages", "POST", "/v1/chat/completions", `{"model":"m"}`, nil, 400, "Missing required parameter: 'messages'."},
		{"no messages, Anthropic", "POST", "/v1/messages", `{"model":"m"}`, nil, 400, "messages: at least one message is required"},
		{"no input", "POST", "/v1/responses", `{"model":"m"}`, nil, 400, "Missing required parameter: 'input'."},
		{"no input to embed", "POST", "/v1/embeddings", `{"model":"m","input":[]}`, nil, 400, "Missing required parameter: 'input'."},
		{"no max_tokens", "POST", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, nil, 400, "max_tokens: Field required"},
		{"no version", "POST", "/v1/messages", `{}`, []string{"Anthropic-Version", ""}, 400, "anthropic-version: header is required"},
		{"no such version", "POST", "/v1/messages", `{}`, []string{"Anthropic-Version", "2020-01-01"}, 400, `anthropic-version: "2020-01-01" is not a valid version`},
		{"sampling, which the newer version has not", "POST", "/v1/messages", `{"model":"m","temperature":0.5,"messages":[{"role":"user","content":"hi"}]}`,
			[]string{"Anthropic-Version", "2026-10-21"}, 400, "temperature: Extra inputs are not permitted"},
		{"no such path, Anthropic", "GET", "/v1/files", "", []string{"Anthropic-Version", "2023-06-01"}, 404, "Not Found"},
		{"no such response", "GET", "/v1/responses/resp_1", "", nil, 404, "Response with id 'resp_1' not found."},
		{"not gzip", "POST", "/v1/responses", "this is plain text", []string{"Content-Encoding", "gzip"}, 400, "The request body could not be unpacked: gzip: invalid header"},
		{"too large", "POST", "/v1/messages", strings.Repeat(" ", 33<<20), nil, 413, "Request exceeds the maximum size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := call(t, &fake.Provider{}, tt.method, tt.path, tt.body, tt.header...)
			assert.Equal(t, tt.status, resp.StatusCode)
			o := decode(t, body)
			assert.Equal(t, tt.message, o.at("error", "message"))
			if id := resp.Header.Get("Request-Id"); id != "" {
				assert.Equal(t, "error", o["type"])
				assert.Equal(t, id, o["request_id"])
				assert.Equal(t, "false", resp.Header.Get("X-Should-Retry"))
				return
			}
			assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))
			assert.Equal(t, "invalid_request_error", o.at("error", "type"))
			assert.Contains(t, o["error"], "param")
			assert.Contains(t, o["error"], "code")
		})
	}
}

func TestKey(t *testing.T) {
	const chat = `{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}`
	const messages = `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`
	tests := []struct {
		name   string
		path   string
		header []string
		status int
		kind   string // of the error
		says   string
	}{
		{"OpenAI", "/v1/chat/completions", []string{"Authorization", "Bearer sk-real"}, 200, "", ""},
		{"OpenAI, another", "/v1/chat/completions", []string{"Authorization", "Bearer rg_agt_1"}, 401, "invalid_request_error", "Incorrect API key provided: rg_a***."},
		{"OpenAI, none", "/v1/chat/completions", nil, 401, "invalid_request_error", "You didn't provide an API key."},
		{"OpenAI, in the wrong header", "/v1/chat/completions", []string{"X-Api-Key", "sk-real"}, 401, "invalid_request_error", "You didn't provide an API key."},
		{"Anthropic", "/v1/messages", []string{"X-Api-Key", "sk-real"}, 200, "", ""},
		{"Anthropic, as bearer", "/v1/messages", []string{"Authorization", "Bearer sk-real"}, 200, "", ""},
		{"Anthropic, both", "/v1/messages", []string{"Authorization", "Bearer sk-real", "X-Api-Key", "rg_agt_1"}, 401, "authentication_error", "invalid x-api-key"},
		{"Anthropic, none", "/v1/messages", nil, 401, "authentication_error", "invalid x-api-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := chat
			if tt.path == "/v1/messages" {
				body = messages
			}
			resp, answer := call(t, &fake.Provider{Key: "sk-real"}, "POST", tt.path, body, tt.header...)
			assert.Equal(t, tt.status, resp.StatusCode)
			if tt.kind != "" {
				o := decode(t, answer)
				assert.Equal(t, tt.kind, o.at("error", "type"))
				assert.Contains(t, o.at("error", "message"), tt.says)
			}
		})
	}
}

func TestModels(t *testing.T) {
	t.Run("of OpenAI", func(t *testing.T) {
		_, body := call(t, &fake.Provider{}, "GET", "/v1/models", "")
		o := decode(t, body)
		assert.Equal(t, "list", o["object"])
		assert.Equal(t, map[string]any{"id": "gpt-4o", "object": "model", "created": 1767225600.0, "owned_by": "system"}, o.at("data", 0))
		assert.NotContains(t, body, "claude")
	})
	t.Run("of Anthropic", func(t *testing.T) {
		_, body := call(t, &fake.Provider{}, "GET", "/v1/models", "", "Anthropic-Version", "2023-06-01")
		o := decode(t, body)
		assert.Equal(t, "model", o.at("data", 0, "type"))
		assert.Equal(t, o["first_id"], o.at("data", 0, "id"))
		assert.Equal(t, false, o["has_more"])
		assert.NotContains(t, body, "gpt")
	})
	t.Run("one", func(t *testing.T) {
		_, body := call(t, &fake.Provider{}, "GET", "/v1/models/any-name", "")
		assert.Equal(t, "any-name", decode(t, body)["id"])
	})
	t.Run("given", func(t *testing.T) {
		p := &fake.Provider{Models: []string{"llama-9"}}
		_, body := call(t, p, "GET", "/v1/models", "")
		assert.Equal(t, `{"object":"list","data":[{"id":"llama-9","object":"model","created":1767225600,"owned_by":"system"}]}`, compact(t, body))

		resp, _ := call(t, p, "POST", "/v1/responses", `{"model":"llama-9","input":"hi"}`)
		assert.Equal(t, 200, resp.StatusCode)
		resp, body = call(t, p, "POST", "/v1/responses", `{"model":"llama-8","input":"hi"}`)
		assert.Equal(t, 404, resp.StatusCode)
		assert.Equal(t, "model_not_found", decode(t, body).at("error", "code"))
		resp, body = call(t, p, "GET", "/v1/models/llama-8", "", "Anthropic-Version", "2023-06-01")
		assert.Equal(t, 404, resp.StatusCode)
		assert.Equal(t, "model: llama-8", decode(t, body).at("error", "message"))
	})
}
