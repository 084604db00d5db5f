package gateway_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// An answer that comes compressed is withheld and delivered unpacked.
func TestCompressedAnswerGated(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund)
		compressing := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", map[bool]string{false: "application/json", true: "text/event-stream"}[streamed])
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Set-Cookie", "a=b")
			w.Header().Set("X-Ratelimit-Remaining-Requests", "7")
			z := gzip.NewWriter(w)
			io.WriteString(z, answer)
			z.Close()
		}
		gated(t, `{}`, compressing, func(t *testing.T, l *gateLab) {
			pending(t, l.Post(a.path, a.declares(streamed)))
			l.Decide(true)
			r := l.Post(a.path, a.declares(streamed))
			assert.Equal(t, answer, r.Body)
			assert.Empty(t, r.Header.Get("Content-Encoding"))
			assert.Empty(t, r.Header.Get("Set-Cookie"))
			assert.Equal(t, "7", r.Header.Get("X-Ratelimit-Remaining-Requests"))
			assert.Equal(t, usd(t, a.cost).String(), r.Header.Get("X-Rungate-Cost-Usd"))
		})
	})
}

// overloaded is how the providers say in a stream that they have failed.
var overloaded = map[string]string{
	"chat":      `data: {"error":{"message":"overloaded","type":"server_error"}}` + "\n\n",
	"messages":  `event: error` + "\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n",
	"responses": `event: error` + "\n" + `data: {"type":"error","code":"server_error","message":"overloaded"}` + "\n\n",
}

// If the provider fails, the approval is not used up.
func TestApprovalOutlivesFailures(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, smallRefund)
		for _, c := range []struct {
			name string
			h    http.HandlerFunc
		}{
			{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
			{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }},
			{"400", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }},
			{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
			{"a part of an answer", func(w http.ResponseWriter, r *http.Request) {
				sends(streamed, answer[:40])(w, r)
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}},
			{"an error instead of content", stream(overloaded[a.name])},
		} {
			if c.name == "an error instead of content" && !streamed {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				failing := true
				gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
					if failing {
						failing = false
						c.h(w, r)
						return
					}
					sends(streamed, answer)(w, r)
				}, func(t *testing.T, l *gateLab) {
					body := strings.ReplaceAll(a.asksDear(a.declares(streamed)), "issue_refund", "look_up") // it is not held back
					pending(t, l.Post(a.path, body))
					l.Decide(true)
					r := l.Post(a.path, body)
					assert.NotContains(t, r.Body, "issue_refund")
					g := l.Gate()
					assert.Equal(t, run.GateApproved, g.Status)
					assert.Zero(t, g.Claimed)
					assert.Equal(t, answer, l.Post(a.path, body).Body)
					assert.Equal(t, run.GateUsed, l.Gate().Status)
					assert.Zero(t, l.Dollars().Reserved)
				})
			})
		}
	})
}
