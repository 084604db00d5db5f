package gateway_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// paced answers with parts of a stream, so long apart.
func paced(pause time.Duration, parts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, p := range parts {
			if i > 0 {
				pass(pause)
			}
			io.WriteString(w, p)
			http.NewResponseController(w).Flush()
		}
	}
}

// With "hold": "answer", nothing of a stream that may have a gated call reaches the
// agent before its end, not even a comment: then it is a 202, or all of it at once.
func TestHoldAnswer(t *testing.T) {
	for _, a := range apis {
		for _, calls := range [][]proposed{nil, {smallRefund}, {largeRefund}} {
			c := a.streaming(calls...)
			if calls == nil {
				c = called{before: strings.Join(a.events[:3], ""), end: strings.Join(a.events[3:], "")}
			}
			parts := append([]string{c.before}, c.calls...)
			parts = append(parts, c.usage, c.end)
			parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
			h := paced(9*time.Second, parts...)
			gated(t, `{}`, h, func(t *testing.T, l *gateLab) {
				began := time.Now()
				resp := l.Open(t.Context(), a.path, a.declares(true))
				assert.Equal(t, time.Duration(len(parts)-1)*9*time.Second, time.Since(began), "any status is possible until then")
				heard, err := listen(began, resp.Body)
				require.NoError(t, err)
				if len(calls) > 0 && calls[0] == largeRefund {
					assert.Equal(t, 202, resp.StatusCode)
					l.Decide(true)
					assert.Equal(t, c.text(), l.Post(a.path, a.declares(true)).Body)
					return
				}
				assert.Equal(t, c.text(), said(heard))
				assert.Equal(t, 200, resp.StatusCode)
				assert.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
				assert.Empty(t, l.Gates())
			})
		}
	}
}

// Only requests that declare a gated tool are affected.
func TestHoldNotWithoutTheTool(t *testing.T) {
	for _, a := range apis {
		c := a.streaming(look)
		gated(t, `{}`, paced(time.Minute, c.before, c.calls[0]+c.usage+c.end), func(t *testing.T, l *gateLab) {
			began := time.Now()
			body := strings.ReplaceAll(a.declares(true), "issue_refund", "other")
			resp := l.Open(t.Context(), a.path, body)
			assert.Less(t, time.Since(began), time.Minute)
			heard, err := listen(began, resp.Body)
			require.NoError(t, err)
			assert.Contains(t, said(heard), ": keep-alive\n\n")
			assert.Equal(t, c.text(), strings.ReplaceAll(said(heard), ": keep-alive\n\n", ""))
		})
	}
}

// With "hold": "tool", a stream reaches the agent up to the first gated call, as it
// comes, and ends with an error in it; the retry replays the whole answer.
func TestHoldTool(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			c := a.streaming(look, largeRefund, smallRefund)
			gated(t, `{"hold":"tool"}`, paced(9*time.Second, c.before, c.calls[0], c.calls[1], c.calls[2], c.usage+c.end), func(t *testing.T, l *gateLab) {
				began := time.Now()
				resp := l.Open(t.Context(), a.path, a.declares(true))
				assert.Less(t, time.Since(began), time.Second)
				heard, err := listen(began, resp.Body)
				require.NoError(t, err)
				before := c.before
				if a.name != "chat" { // whose calls are complete all at once
					before += c.calls[0]
				}
				assert.Equal(t, c.before, heard[0].Text)
				text := strings.ReplaceAll(said(heard), ": keep-alive\n\n", "")
				rest, ok := strings.CutPrefix(text, before)
				require.True(t, ok, text)
				assertStreamError(t, &a, rest, "approval_pending")
				assert.Contains(t, rest, l.Gate().ID)
				assert.EqualValues(t, 1, l.Run().Steps)
				l.assertSettled(usd(t, a.cost))

				pending(t, l.Post(a.path, a.declares(true)))
				l.Decide(true)
				r := l.Post(a.path, a.declares(true))
				assert.Equal(t, c.text(), r.Body)
				assert.EqualValues(t, 1, l.forwarded.Load())
			})
		})
	}
}

// A stream that begins with a gated call is a 202 also then, if it comes at once.
func TestHoldToolWithoutText(t *testing.T) {
	for _, a := range apis {
		c := a.streaming(largeRefund)
		answer := strings.Join(a.events[:1], "") + c.calls[0] + c.usage + c.end
		gated(t, `{"hold":"tool"}`, stream(answer), func(t *testing.T, l *gateLab) {
			pending(t, l.Post(a.path, a.declares(true)))
			l.Decide(true)
			assert.Equal(t, answer, l.Post(a.path, a.declares(true)).Body)
		})
	}
}

// What leads in to a stream is held for a moment, and then sent. A gated call that
// comes just then, with no word that the stream has ended, finds it begun or not: the
// agent gets an error in it or a 202, and later all of it, once.
func TestHoldToolAtTheMoment(t *testing.T) {
	a := of("chat")
	c := a.streaming(largeRefund)
	lead, rest := a.events[0], c.calls[0]+c.usage
	for _, mode := range []string{"accepted", "wait=1"} {
		for range 5 {
			gated(t, `{"hold":"tool"}`, paced(held, lead, rest), func(t *testing.T, l *gateLab) {
				r := l.PostWith(a.path, a.declares(true), "X-Rungate-Approval: "+mode)
				require.NoError(t, r.Err)
				if r.StatusCode != 202 {
					require.Equal(t, 200, r.StatusCode)
					text, ok := strings.CutPrefix(r.Body, lead)
					require.True(t, ok, r.Body)
					assertStreamError(t, a, text, "approval_pending")
				}
				l.Decide(true)
				assert.Equal(t, lead+rest, l.Post(a.path, a.declares(true)).Body)
			})
		}
	}
}
