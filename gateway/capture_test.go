package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

// all keeps all of a content.
func all(_ context.Context, _ gateway.ContentKind, content []byte) []byte { return content }

// Prompts and answers are in the trail where that is asked for, and cut and redacted
// as is asked for.
func TestCapture(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			body, answer, h := a.whole(), a.calling(smallRefund), http.HandlerFunc(nil)
			if streamed {
				c := a.streaming(smallRefund)
				body, answer = a.call, c.text()
				h = stream(answer)
			} else {
				h = ofProvider(answer)
			}
			for name, c := range map[string]struct {
				capture gateway.Capture
				want    []string
				request string
				answer  string
				cut     bool
			}{
				"off":        {want: []string{"run.started", "call.allowed", "answer.allowed", "call.ended"}},
				"everything": {capture: gateway.Capture{Bytes: 1 << 20, Redact: all}, request: body, answer: answer},
				"cut":        {capture: gateway.Capture{Bytes: 20, Redact: all}, request: body[:20], answer: answer[:20], cut: true},
				"redacted": {capture: gateway.Capture{Bytes: 1 << 20, Redact: func(_ context.Context, kind gateway.ContentKind, content []byte) []byte {
					return append([]byte(kind+": "), bytes.ReplaceAll(content, []byte("H"), []byte("*"))...)
				}}, request: "request: " + strings.ReplaceAll(body, "H", "*"), answer: "answer: " + strings.ReplaceAll(answer, "H", "*")},
				"redacted to nothing": {capture: gateway.Capture{Bytes: 1 << 20, Redact: func(context.Context, gateway.ContentKind, []byte) []byte { return nil }},
					want: []string{"run.started", "call.allowed", "answer.allowed", "call.ended"}},
			} {
				t.Run(a.name+map[bool]string{false: "/whole/", true: "/stream/"}[streamed]+name, func(t *testing.T) {
					d := newDiary(t)
					b := newRig(t, judging, d.on, func(cfg *gateway.Config) { cfg.Capture = c.capture })
					b.Provider.Answer(h)
					r := b.Post(a.path, body, nightly)
					require.Equal(t, 200, r.StatusCode)
					require.Equal(t, answer, r.Body)
					if c.want == nil {
						c.want = []string{"run.started", "call.request", "call.allowed", "answer.allowed", "call.answer", "call.ended"}
					}
					require.Equal(t, c.want, d.Types())
					entries := d.All()
					for _, e := range entries {
						switch m := e.Members; m["type"] {
						case "call.request":
							assert.Equal(t, c.request, m["content"])
							assert.Equal(t, c.cut, m["cut"] != nil)
							if c.cut {
								assert.EqualValues(t, len(body), m["bytes"])
							}
						case "call.answer":
							assert.Equal(t, c.answer, m["content"])
							assert.Equal(t, c.cut, m["cut"] != nil)
						default:
							assert.NotContains(t, string(e.Text), "ord_1")
						}
						assert.NotContains(t, string(e.Text), b.Token)
						assert.NotContains(t, string(e.Text), "of the provider")
					}
				})
			}
		}
	}
}

// The request of a call that is refused is kept as well, once; and none of somebody
// unknown.
func TestCaptureOfRefusals(t *testing.T) {
	d := newDiary(t)
	b := newRig(t, `{"name":"p","models":{"deny":["*"]}}`, d.on, func(cfg *gateway.Config) { cfg.Capture = gateway.Capture{Bytes: 100, Redact: all} })
	for range 3 {
		require.Equal(t, 403, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	}
	require.Equal(t, 401, b.Post("/v1/chat/completions", chatCall, "Authorization: ").StatusCode)
	assert.Equal(t, []string{"run.started", "call.request", "call.refused", "call.refused"}, d.Types())
}

// A content is cut between characters.
func TestCaptureCutsBetweenCharacters(t *testing.T) {
	d := newDiary(t)
	b := newRig(t, "", d.on, func(cfg *gateway.Config) { cfg.Capture = gateway.Capture{Bytes: 12, Redact: all} })
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", `{"user":"äöü","model":"gpt-4.1","messages":[]}`, nightly).StatusCode)
	assert.Equal(t, `{"user":"ä`, d.All()[1].Members["content"])
}
