package fake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rungate/rungate/internal/fake"
)

// FuzzServe sends whatever it is to every endpoint. What comes back is JSON, or
// a stream of it.
func FuzzServe(f *testing.F) {
	f.Add([]byte(hello))
	f.Add([]byte(helloStream))
	f.Add([]byte(`{"model":"m","max_tokens":1,"stream":true,"n":2,"stop":["a"],"messages":[{"role":"user","content":[{"type":"text","text":"5 USD"}]}],"tools":[` + refundOpenAI + `]}`))
	f.Add([]byte(`{"model":"m","max_tokens":9,"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"Refund"}],"tools":[` + refundClaude + `]}`))
	f.Add([]byte(`{"model":"m","max_output_tokens":9,"stream":true,"input":[{"role":"user","content":"Refund"}],"tools":[` + refundFlat + `]}`))
	f.Add([]byte(`{"model":"m","input":[[1,2],[3]],"dimensions":2,"encoding_format":"base64"}`))
	f.Add([]byte(`{"model":"m","input":"x","response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"#","minimum":1e400,"enum":[]}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := &fake.Provider{}
		for _, path := range []string{"/chat/completions", "/responses", "/embeddings", "/messages", "/messages/count_tokens"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body)))
			if strings.HasPrefix(path, "/messages") {
				r.Header.Set("Anthropic-Version", "2023-06-01")
			}
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			answer := w.Body.String()
			if w.Header().Get("Content-Type") == "application/json" {
				if !json.Valid([]byte(answer)) {
					t.Errorf("%s answers %q", path, answer)
				}
				continue
			}
			if w.Code != http.StatusOK {
				t.Errorf("%s streams a %d", path, w.Code)
			}
			for _, e := range events(t, answer) {
				if e.data != "[DONE]" && !json.Valid([]byte(e.data)) {
					t.Errorf("%s streams %q", path, e.data)
				}
			}
		}
	})
}
