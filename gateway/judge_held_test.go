package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

// While a call is held the agent is kept alive, and nothing but that is sent.
func TestKeptAliveWhileHeld(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		call := a.streaming(smallRefund)
		half, other := call.calls[0][:len(call.calls[0])/2], call.calls[0][len(call.calls[0])/2:]
		lead := strings.Join(a.events[:a.leads(t)], "")
		for _, c := range []struct {
			name   string
			answer timed
			heard  []moment
		}{
			{"after a text", timed{{0, call.before}, {s, half}, {40 * s, other}, {45 * s, call.usage + call.end}},
				[]moment{{0, call.before}, {15 * s, keepAlive}, {30 * s, keepAlive}, {40 * s, call.calls[0]}, {45 * s, call.usage + call.end}}},
			{"before anything else", timed{{0, lead + half}, {20 * s, other + call.usage + call.end}},
				[]moment{{held, lead}, {held + 15*s, keepAlive}, {20 * s, call.calls[0] + call.usage + call.end}}},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					heard, err := listen(time.Now(), l.Open(t.Context(), a.path, a.call).Body)
					require.NoError(t, err)
					assert.Equal(t, c.heard, heard)
					l.assertSettled(usd(t, a.cost))
				})
			})
		}
	}
}

// A provider that goes silent within a call is given up as anywhere else: counted
// from its last event, whether or not that was held.
func TestStalledWhileHeld(t *testing.T) {
	const minute = time.Minute
	for _, a := range apis {
		call := a.streaming(smallRefund)
		events := strings.SplitAfter(call.calls[0], "\n\n")
		begun, piece, rest := events[0], events[1], strings.Join(events[2:], "")+call.usage+call.end
		ping := ": ping\n\n"
		for _, c := range []struct {
			name   string
			answer timed
			after  time.Duration // it is given up; 0 is never
		}{
			{"silent", timed{{0, call.before}, {minute, begun}, {time.Hour, ""}}, 6 * minute},
			{"silent but for comments", timed{{0, call.before}, {minute, begun}, {4 * minute, ping}, {8 * minute, ping + piece}}, 6 * minute},
			{"slow", timed{{0, call.before}, {4 * minute, begun}, {8 * minute, piece}, {12 * minute, rest}}, 0},
			{"slow, with comments", timed{{0, call.before}, {4 * minute, begun}, {6 * minute, ping}, {8 * minute, piece}, {12 * minute, rest}}, 0},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				judged(t, c.answer.answer, func(t *testing.T, l *lab) {
					heard, err := listen(time.Now(), l.Open(t.Context(), a.path, a.call).Body)
					require.NoError(t, err)
					text := strings.ReplaceAll(said(heard), keepAlive, "")
					if c.after == 0 {
						assert.Equal(t, call.text(), strings.ReplaceAll(text, ping, ""))
						l.assertSettled(usd(t, a.cost))
						return
					}
					rest, ok := strings.CutPrefix(text, call.before)
					require.True(t, ok, text)
					assertStreamError(t, &a, rest, "upstream_timeout")
					assert.Equal(t, c.after, heard[len(heard)-1].At)
					assert.Equal(t, "upstream_timeout", l.Step().Error)
					l.assertSettled(l.Step().Cost)
					l.assertSlotFree()
				}, func(cfg *gateway.Config) { cfg.Limits.KeepAlive = -1 })
			})
		}
	}
}

// An error of the provider's within a call is passed on. The call is not.
func TestProviderFailsWithinCall(t *testing.T) {
	for name, fails := range map[string]string{
		"chat":      `data: {"error":{"message":"The server had an error","type":"server_error","code":null}}` + "\n\n",
		"messages":  "event: error\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n",
		"responses": "event: error\n" + `data: {"type":"error","code":"server_error","message":"The server had an error","sequence_number":9}` + "\n\n",
	} {
		a := of(name)
		call := a.streaming(largeRefund)
		half := call.calls[0][:strings.LastIndex(strings.TrimSuffix(call.calls[0], "\n\n"), "\n\n")+2]
		t.Run(name, func(t *testing.T) {
			judged(t, timed{{0, call.before + half}, {time.Second, fails}, {2 * time.Second, ""}}.answer, func(t *testing.T, l *lab) {
				assert.Equal(t, call.before+fails, l.Post(a.path, a.call).Body)
				l.assertSettled(l.Step().Cost)
				l.assertSlotFree()
			})
		})
		t.Run(name+"/and the error holds a call itself", func(t *testing.T) {
			if name != "chat" {
				return
			}
			both := strings.Replace(fails, `{"error"`, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"0000"}}]}}],"error"`, 1)
			judged(t, stream(call.before, half, both), func(t *testing.T, l *lab) {
				rest, ok := strings.CutPrefix(l.Post(a.path, a.call).Body, call.before)
				require.True(t, ok)
				assertStreamError(t, a, rest, "upstream_protocol_error")
			})
		})
	}
}
