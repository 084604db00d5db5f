package gateway_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A provider's own error is passed on as it is, and costs nothing.
func TestProviderErrors(t *testing.T) {
	const json = "application/json"
	for name, c := range map[string]struct {
		status  int
		media   string
		body    string
		headers http.Header
	}{
		"a wrong key":          {401, json, `{"error":{"message":"Incorrect API key provided: sk-prov****nai.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, nil},
		"no permission":        {403, json, `{"type":"error","error":{"type":"permission_error","message":"no"}}`, nil},
		"no credit":            {402, json, `{"type":"error","error":{"type":"billing_error","message":"Your credit balance is too low"}}`, http.Header{"X-Should-Retry": {"false"}}},
		"no such model":        {404, json, "{\n  \"error\": {\n    \"message\": \"The model `gpt-9` does not exist\",\n    \"code\": \"model_not_found\"\n  }\n}\n", nil},
		"a mistake":            {400, json + "; charset=utf-8", `{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: Field required"},"request_id":"req_1"}`, http.Header{"Request-Id": {"req_1"}}},
		"a limit":              {429, json, `{"error":{"message":"Rate limit reached","type":"tokens","code":"rate_limit_exceeded"}}`, http.Header{"Retry-After": {"21"}, "Retry-After-Ms": {"20500"}, "X-Ratelimit-Reset-Tokens": {"20.5s"}}},
		"overloaded":           {529, json, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, http.Header{"X-Should-Retry": {"true"}}},
		"a page":               {502, "text/html", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n", http.Header{"Server": {"cloudflare"}}},
		"nothing":              {500, "", "", nil},
		"nothing, of a type":   {503, json, "", http.Header{"Retry-After": {"Wed, 21 Oct 2026 07:28:00 GMT"}}},
		"plain text":           {504, "text/plain", "upstream request timeout", nil},
		"what is no UTF-8":     {500, "application/octet-stream", "\xff\xfe\x00", nil},
		"usage all the same":   {400, json, `{"error":{"message":"no"},"model":"coin","usage":{"prompt_tokens":0,"completion_tokens":50,"input_tokens":50,"output_tokens":50}}`, nil},
		"a stream of an error": {400, "text/event-stream", "event: error\ndata: {\"type\":\"error\"}\n\n", nil},
		"a large one":          {400, json, `{"error":{"message":"` + strings.Repeat("long ", 20_000) + `"}}`, nil},
		"elsewhere":            {307, json, "", http.Header{"Location": {"https://elsewhere.example/"}}},
	} {
		for shape, path := range map[string]string{"OpenAI": "/v1/chat/completions", "Anthropic": "/v1/messages"} {
			for form, body := range map[string]string{"": ask(50), ", streamed": `{"model":"coin","max_tokens":50,"stream":true}`} {
				t.Run(name+", "+shape+form, func(t *testing.T) {
					b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.05"}`)
					b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
						maps.Copy(w.Header(), c.headers)
						w.Header()["Content-Type"] = nil
						if c.media != "" {
							w.Header().Set("Content-Type", c.media)
						}
						w.WriteHeader(c.status)
						io.WriteString(w, c.body)
					})
					for range 3 { // for which there would be no room if they cost anything
						r := b.direct(path, body)
						require.Equal(t, c.status, r.StatusCode, r.Body)
						assert.Equal(t, c.body, r.Body)
						assert.Equal(t, c.media, r.Header.Get("Content-Type"))
						for k, v := range c.headers {
							assert.Equal(t, v, r.Header[k], k)
						}
						assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
						if c.headers["X-Should-Retry"] == nil {
							assert.NotContains(t, r.Header, "X-Should-Retry", "that is the provider's to say")
						}
					}
					steps := b.Steps("nightly")
					require.Len(t, steps, 3)
					assert.Equal(t, c.status, steps[0].Status)
					assert.Zero(t, steps[0].Cost)
					assert.Zero(t, steps[0].Usage.Total())
					assert.False(t, steps[0].Usage.Estimated)
					assert.Empty(t, b.Run("nightly").Block)
					assert.Equal(t, "0.00", b.Limits("nightly")["usd"]["reserved_usd"])
				})
			}
		}
	}
}

// direct is Post to a run, by a client that does not go elsewhere.
func (b *rig) direct(path, body string) *reply {
	b.t.Helper()
	req, err := http.NewRequest("POST", b.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	req.Header.Set("Authorization", "Bearer "+b.Token)
	req.Header.Set("X-Rungate-Run-Id", "nightly")
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return &reply{Response: resp, Body: string(got)}
}

// An answer that comes packed is unpacked; one that says so and is not is no
// answer, and ours says nothing of the kind.
func TestPackedAnswer(t *testing.T) {
	packed := func(body string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, body)
		z.Close()
		return b.Bytes()
	}
	answer := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			w.Write(body)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
		body   string
	}{
		"an answer": {answer(200, packed(chatAnswer)), 200, chatAnswer},
		"an error":  {answer(400, packed(`{"error":{}}`)), 400, `{"error":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(c.answer)
			r := b.direct("/v1/chat/completions", chatCall)
			require.Equal(t, c.status, r.StatusCode)
			assert.Equal(t, c.body, r.Body)
			assert.Empty(t, r.Header["Content-Encoding"])
		})
	}
	for name, body := range map[string][]byte{"not packed": []byte(chatAnswer), "cut short": packed(chatAnswer)[:40], "its head broken": {0x1f, 0x8b, 0}} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(answer(200, body))
			r := b.direct("/v1/chat/completions", chatCall)
			refusal(t, r, 502, "upstream_protocol_error")
			assert.Empty(t, r.Header["Content-Encoding"])
		})
	}
}
