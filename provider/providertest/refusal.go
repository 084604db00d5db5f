package providertest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// testRefusals checks that errors are well-formed, and that an answer which
// breaks off with one is not taken for complete.
func testRefusals(t *testing.T, d provider.Dialect) {
	for name, refusal := range map[string]*provider.Refusal{
		"plain":        {Code: "budget_exceeded", Message: "Rungate: no room", RequestID: "req_1"},
		"with context": {Code: "policy_violation", Message: "Rungate: no", RequestID: "req_1", Context: []byte(`{"allowed":["a","b"]}`)},
		"odd": {Code: "x", Message: "a \"quote\", a \\, a\nline,\u2028\x00 and \xff", RequestID: "\"",
			Context: []byte("{\n\t\"a\": 1\r\n}")},
		"empty": {},
	} {
		body := d.Refusal(refusal)
		if !json.Valid(body) || body[0] != '{' {
			t.Errorf("%s: Refusal is no JSON object: %s", name, body)
		}
		if has := bytes.Contains(body, []byte(`"context"`)); has != (refusal.Context != nil) {
			t.Errorf("%s: Refusal has a context: %t", name, has)
		}
		for _, e := range endpoints(d) {
			if e.Free() {
				continue // they are not streamed
			}
			m := d.Meter(&provider.Request{Endpoint: e, Model: "m", Stream: true, Input: 100, Choices: 1})
			var split sse.Splitter
			_ = split.Feed(d.StreamError(e, refusal))
			last, data := provider.EventOther, []byte(nil)
			for {
				event, ok := split.Next()
				if !ok {
					break
				}
				data = append(data[:0], event.Data...)
				last = m.Event(event.Name, event.Data)
			}
			if last != provider.EventError {
				t.Errorf("%s: %s: StreamError ends with kind %d: %q", e, name, last, d.StreamError(e, refusal))
			}
			if !json.Valid(data) {
				t.Errorf("%s: %s: StreamError is no JSON: %s", e, name, data)
			}
			if rest := split.Rest(); len(rest) > 0 {
				t.Errorf("%s: %s: StreamError leaves %q", e, name, rest)
			}
			if m.Ended() {
				t.Errorf("%s: %s: after StreamError the answer looks complete", e, name)
			}
		}
	}
}
