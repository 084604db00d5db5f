package run_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

func TestFingerprint(t *testing.T) {
	const body = `{"model":"m","messages":[{"role":"user","content":"hé"}],"n":1}`
	same := map[string]string{
		"the same":             body,
		"as a stream":          `{"stream":true,"stream_options":{"include_usage":true},"model":"m","messages":[{"role":"user","content":"hé"}],"n":1}`,
		"other directives":     `{"rungate":{"run_id":"r"},"model":"m","messages":[{"role":"user","content":"hé"}],"n":1}`,
		"another order":        `{"n":1,"messages":[{"content":"hé","role":"user"}],"model":"m"}`,
		"white space":          "{ \"model\" : \"m\",\n\"messages\":[ {\"role\":\"user\" ,\"content\":\"hé\"} ],\"n\":1 }\n",
		"the spelling of text": `{"model":"m","messages":[{"role":"user","content":"h\u00e9"}],"n":1}`,
	}
	want := run.FingerprintOf("chat", []byte(body))
	for name, b := range same {
		assert.Equal(t, want, run.FingerprintOf("chat", []byte(b)), name)
	}
	seen := map[run.Fingerprint]string{want: "the first"}
	for name, b := range map[string]string{
		"another text":              `{"model":"m","messages":[{"role":"user","content":"h"}],"n":1}`,
		"another number":            `{"model":"m","messages":[{"role":"user","content":"hé"}],"n":2}`,
		"a number spelt otherwise":  `{"model":"m","messages":[{"role":"user","content":"hé"}],"n":1.0}`,
		"one more member":           `{"model":"m","messages":[{"role":"user","content":"hé"}],"n":1,"x":null}`,
		"one member less":           `{"model":"m","messages":[{"role":"user","content":"hé"}]}`,
		"a member within":           `{"model":"m","messages":[{"role":"user","content":"hé","stream":true}],"n":1}`,
		"two messages":              `{"model":"m","messages":[{"role":"user","content":"hé"},{"role":"user","content":"hé"}],"n":1}`,
		"members of another object": `{"model":"m","messages":[{"role":"user"},{"content":"hé"}],"n":1}`,
		"an array in an array":      `{"model":"m","messages":[[{"role":"user","content":"hé"}]],"n":1}`,
		"a string for a number":     `{"model":"m","messages":[{"role":"user","content":"hé"}],"n":"1"}`,
		"names changed":             `{"model":"m","messages":[{"user":"role","content":"hé"}],"n":1}`,
		"no JSON":                   `model`,
		"what follows":              body + "x",
		"nothing":                   ``,
		"an empty object":           `{}`,
	} {
		f := run.FingerprintOf("chat", []byte(b))
		assert.Empty(t, seen[f], "%s is like another", name)
		seen[f] = name
	}
	assert.NotEqual(t, want, run.FingerprintOf("messages", []byte(body)), "another path")
	assert.NotEqual(t, run.FingerprintOf("responses/a", nil), run.FingerprintOf("responses/b", nil), "another path without a body")
}

func BenchmarkFingerprint(b *testing.B) {
	for _, n := range []int{1, 100} {
		body := []byte(`{"model":"m","messages":[` + strings.Repeat(`{"role":"user","content":"`+strings.Repeat("x", 460)+`"},`, 2*n) + `{}]}`)
		b.Run(fmt.Sprintf("%dKB", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				run.FingerprintOf("chat", body)
			}
		})
	}
}
