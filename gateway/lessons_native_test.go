package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider/openai"
)

// guarded is a policy under which any call could fall over to any provider, though by a
// fault alone that no recorded exchange has.
const guarded = `{"name":"prod","failover":[{"models":["*"],"to":["spare/gpt-4.1-mini","openai/gpt-4.1-mini","anthropic/claude-haiku-4-5"],"max_attempts":5,"on":["unreachable"]}]}`

// withSpare adds a provider that is not to be asked.
func withSpare(t *testing.T) func(*gateway.Config) {
	spare := newScript(t)
	spare.Answer(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s: nobody else is to be asked", r.Method, r.URL)
	})
	return func(cfg *gateway.Config) {
		cfg.Aliases, cfg.Metering.StreamUsage = nil, gateway.EstimateUsage
		cfg.Providers = append(cfg.Providers, &openai.Provider{ID: "spare", URL: spare.URL + "/v1", Serves: []string{"gpt-4.1-mini"}})
	}
}

// Every recorded exchange goes through as it was also where a failover is at hand that is
// not used: no byte of a request or an answer is another one, of an error's neither.
func TestRecordingsUnderFailover(t *testing.T) {
	cases, err := recordings.All("openai.chat", "openai.responses", "anthropic.messages", "anthropic.count_tokens", "openai.embeddings")
	require.NoError(t, err)
	for _, c := range cases {
		if c.Method == "POST" && !namesModel(c) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			// Errors would have the next one begin elsewhere: each has a gateway of its own.
			replay(t, newRig(t, guarded, withSpare(t)), c, gateway.EstimateUsage)
		})
	}
}

// Where a failover is tried and nobody serves the call, the agent gets its own provider's
// error byte for byte: clients go by its words.
func TestErrorsAreTheFirstOnes(t *testing.T) {
	cases, err := recordings.All("openai.chat", "openai.responses", "anthropic.messages")
	require.NoError(t, err)
	n := 0
	for _, c := range cases {
		if c.Status < 400 || !namesModel(c) {
			continue
		}
		n++
		t.Run(c.Name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","failover":[{"models":["*"],"to":["spare/gpt-4.1-mini"],"translation":"lenient"}]}`, withSpare(t), func(cfg *gateway.Config) {
				cfg.Providers[2].(*openai.Provider).URL = refusedServer(t) + "/v1"
			})
			b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.ResponseHeader {
					w.Header()[k] = v
				}
				w.WriteHeader(c.Status)
				w.Write(c.Response)
			})
			path := c.Path
			if c.Query != "" {
				path += "?" + c.Query
			}
			got := b.Post(path, string(c.Request), "Anthropic-Version: 2023-06-01")
			assert.Equal(t, c.Status, got.StatusCode)
			assert.Equal(t, string(c.Response), got.Body)
			for k, v := range c.ResponseHeader {
				assert.Equal(t, v, got.Header[k], k)
			}
			assert.Equal(t, string(c.Request), b.Forwarded().Body)
		})
	}
	require.Greater(t, n, 10)
}

// What no gateway has to understand arrives, in its order and its spelling, also at a
// target of the same dialect that takes the first one's place: there only the name of the
// model is another one (bifrost #5764, #4354, #6132, agentgateway #1777, envoy #2147,
// oh-my-pi #4182).
func TestNativeRequestsAreNotTouched(t *testing.T) {
	const claude = `{"stream":false, "x_new" : {"b":1,"a":[1.0,1e2,"\u00e9\/"]} ,"fallbacks":[{"model":"claude-haiku-4-5"}],
	"system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"B"}],"context_management":{"edits":[]},"mcp_servers":[],
	"model":"anthropic/claude-sonnet-4-5","messages":[{"content":[{"signature":"c2ln","thinking":"Hm.","type":"thinking","x":1},{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}],"role":"assistant"},{"role":"user","content":"More"}],
	"max_tokens":7,"metadata":{"user_id":"u"}, "max_tokens_to_sample":3}`
	const chat = `{ "x_new":1 ,"max_tokens":7,"max_completion_tokens":8,"model":"openai/gpt-4.1","prediction":{"type":"content","content":"x"},"reasoning":{"x":1.50},"messages":[{"content":"A","role":"system","x":null},{"role":"developer","content":"B"},{"role":"user","content":[{"type":"text","text":"\u2028"}]}],"provider":{"order":["a"]}}`
	headers := []string{"Anthropic-Version: 2026-10-21", "Anthropic-Beta: a-2026-01-01,a_new_one-2099-01-01", "OpenAI-Beta: x=v9", "X-Somebodys-Own: 1"}
	for _, tt := range []struct{ path, body, was, is, policy string }{
		{"/v1/messages?beta=true&x=1", claude, "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5", guarded},
		{"/v1/chat/completions?x=1", chat, "openai/gpt-4.1", "gpt-4.1", guarded},
		{"/v1/chat/completions?x=1", chat, "openai/gpt-4.1", "gpt-4.1-nano", failoverOf(`{"models":["openai/*"],"to":["openai/gpt-4.1-nano"]}`)},
		{"/v1/messages?beta=true&x=1", strings.Replace(claude, `"signature":"c2ln",`, "", 1), "anthropic/claude-sonnet-4-5", "claude-haiku-4-5", failoverOf(`{"models":["anthropic/*"],"to":["anthropic/claude-haiku-4-5"]}`)},
	} {
		t.Run(tt.path+" "+tt.is, func(t *testing.T) {
			b := newRig(t, tt.policy, withSpare(t))
			n := 0
			b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
				if n++; n == 1 && tt.policy != guarded {
					failing(500, brokenBody)(w, r)
					return
				}
				text, _ := io.ReadAll(r.Body) // what comes back is what has arrived
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Request-Id", "req_1")
				w.Header().Set("Anthropic-Ratelimit-Requests-Remaining", "9")
				w.Write(text)
			})
			got := b.Post(tt.path, tt.body, headers...)
			require.Equal(t, 200, got.StatusCode, got.Body)
			assert.Equal(t, strings.Replace(tt.body, tt.was, tt.is, 1), got.Body)
			assert.Equal(t, "req_1", got.Header.Get("Request-Id"))
			assert.Equal(t, "9", got.Header.Get("Anthropic-Ratelimit-Requests-Remaining"))
			for _, s := range b.Provider.Seen() {
				assert.Equal(t, tt.path, s.URI)
				for _, h := range headers {
					name, value, _ := strings.Cut(h, ": ")
					assert.Equal(t, value, s.Header.Get(name), name)
				}
			}
		})
	}
}

// A stream goes through as it comes, with its padding, its comments and what is not known
// of it, also where it is held back for a moment since another target could serve it.
func TestNativeStreamsAreNotTouched(t *testing.T) {
	text := strings.Join([]string{
		"event: message_start\ndata: " + `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"usage":{"input_tokens":1,"output_tokens":1}}           }` + "\n\n",
		": a comment\n\n", "event: ping\ndata: {\"type\": \"ping\"}\n\n", "event: a_new_one\ndata: {\"type\":\"a_new_one\",\"x\":1}   \n\n",
		"event: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n",
		"event: content_block_delta\r\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"K` + "\u00f6ln \u2028" + `"}    }` + "\r\n\r\n",
		"id: 7\nretry: 10\nevent: content_block_stop\ndata:{\"type\":\"content_block_stop\",\"index\":0}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"a_new_one\"},\"usage\":{\"output_tokens\":5}}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"       }\n\n"}, "")
	for _, size := range []int{1, 7, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := newRig(t, guarded, withSpare(t))
			b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for rest := text; rest != ""; {
					n := min(size, len(rest))
					io.WriteString(w, rest[:n])
					flush(w)
					rest = rest[n:]
				}
			})
			got := b.Post("/v1/messages", foreigners[1].streamed)
			require.NoError(t, got.Err)
			assert.Equal(t, text, got.Body)
		})
	}
}
