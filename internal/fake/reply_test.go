package fake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
)

const (
	hello       = `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}`
	helloStream = `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hello"}]}`
)

func TestReadyReplies(t *testing.T) {
	tests := []struct {
		name      string
		reply     *fake.Reply
		openai    string
		anthropic string
	}{
		{"RateLimited", fake.RateLimited(1500 * time.Millisecond),
			`429 requests rate_limit_exceeded Rate limit reached for requests. Please try again in 2s.`,
			`429 rate_limit_error This request would exceed your organization's rate limit of 50 requests per minute.`},
		{"QuotaExceeded", fake.QuotaExceeded(),
			`429 insufficient_quota insufficient_quota You exceeded your current quota, please check your plan and billing details.`,
			`400 invalid_request_error Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.`},
		{"ServerError", fake.ServerError(),
			`500 server_error <nil> The server had an error while processing your request. Sorry about that!`,
			`500 api_error Internal server error`},
		{"Overloaded", fake.Overloaded(),
			`503 server_error <nil> That model is currently overloaded with other requests. You can retry your request.`,
			`529 overloaded_error Overloaded`},
		{"Invalid", fake.Invalid("No."),
			`400 invalid_request_error <nil> No.`,
			`400 invalid_request_error No.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &fake.Provider{Script: func(*http.Request, []byte) *fake.Reply { return tt.reply }}

			resp, body := call(t, p, "POST", chatPath, "")
			o := decode(t, body)
			assert.Equal(t, tt.openai, fmt.Sprint(resp.StatusCode, " ", o.at("error", "type"), " ", o.at("error", "code"), " ", o.at("error", "message")))
			assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))

			resp, body = call(t, p, "POST", messagesPath, "")
			o = decode(t, body)
			assert.Equal(t, tt.anthropic, fmt.Sprint(resp.StatusCode, " ", o.at("error", "type"), " ", o.at("error", "message")))
			assert.Equal(t, resp.Header.Get("Request-Id"), o["request_id"])
			assert.Equal(t, fmt.Sprint(resp.StatusCode != http.StatusBadRequest), resp.Header.Get("X-Should-Retry"))

			if tt.name == "RateLimited" {
				assert.Equal(t, "2", resp.Header.Get("Retry-After"))
			}
		})
	}
}

func TestReply(t *testing.T) {
	scripted := func(r *fake.Reply) *fake.Provider {
		return &fake.Provider{Script: fake.Queue(r)}
	}
	whole := post(t, chatPath, hello)

	t.Run("a body is sent as it is", func(t *testing.T) {
		resp, body := call(t, scripted(&fake.Reply{Status: 502, Header: http.Header{"content-type": {"text/html"}}, Body: "<html>\n"}), "POST", chatPath, hello)
		assert.Equal(t, 502, resp.StatusCode)
		assert.Equal(t, "text/html", resp.Header.Get("Content-Type"))
		assert.Equal(t, "<html>\n", body)
	})
	t.Run("its type is JSON, its status 200", func(t *testing.T) {
		resp, body := call(t, scripted(&fake.Reply{Body: `{"id" : 1}`}), "POST", chatPath, hello)
		assert.Equal(t, 200, resp.StatusCode)
		assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		assert.Equal(t, `{"id" : 1}`, body)
	})
	t.Run("a status may have no body", func(t *testing.T) {
		resp, body := call(t, scripted(&fake.Reply{Status: 500}), "POST", chatPath, hello)
		assert.Equal(t, 500, resp.StatusCode)
		assert.Empty(t, body)
	})
	t.Run("a header goes with the model's answer", func(t *testing.T) {
		resp, body := call(t, scripted(&fake.Reply{Header: http.Header{"X-Extra": {"1"}}}), "POST", chatPath, hello)
		assert.Equal(t, "1", resp.Header.Get("X-Extra"))
		assert.Equal(t, decode(t, whole)["choices"], decode(t, body)["choices"])
	})
	t.Run("a recorded stream is sent event by event", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const recorded = "data: one\n\nevent: two\ndata: two\n\ndata: not ended"
			reply := fake.Stream(recorded)
			reply.Delay = time.Second
			resp, err := send(t, scripted(reply), "POST", chatPath, hello)
			require.NoError(t, err)
			assert.Equal(t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
			start := time.Now()
			p := make([]byte, 100)
			n, err := resp.Body.Read(p)
			require.NoError(t, err)
			assert.Equal(t, "data: one\n\n", string(p[:n]))
			assert.Zero(t, time.Since(start))
			rest, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, recorded, string(p[:n])+string(rest))
			assert.Equal(t, 2*time.Second, time.Since(start))
		})
	})
	t.Run("an answer may wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			call(t, scripted(&fake.Reply{Wait: time.Minute}), "POST", chatPath, hello)
			assert.Equal(t, time.Minute, time.Since(start))
		})
	})
	t.Run("but not for a client that has left", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			p := scripted(&fake.Reply{Wait: time.Hour})
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://model.test"+chatPath, strings.NewReader(hello))
			require.NoError(t, err)
			_, err = (&inproc.Transport{Handler: p}).RoundTrip(req)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			start := time.Now()
			synctest.Wait() // for the handler, which is not among what is waited for with t
			assert.Zero(t, time.Since(start))
		})
	})
	t.Run("a connection may break before the header", func(t *testing.T) {
		_, err := send(t, scripted(&fake.Reply{Cut: -1}), "POST", chatPath, hello)
		assert.ErrorIs(t, err, io.EOF)
	})
	t.Run("or in the body", func(t *testing.T) {
		for _, body := range []string{hello, helloStream} {
			resp, err := send(t, scripted(&fake.Reply{Cut: 100}), "POST", chatPath, body)
			require.NoError(t, err)
			assert.Equal(t, 200, resp.StatusCode)
			got, err := io.ReadAll(resp.Body)
			assert.Equal(t, io.ErrUnexpectedEOF, err)
			assert.Len(t, got, 100)
		}
	})
	t.Run("or not, if the body is over before", func(t *testing.T) {
		_, body := call(t, scripted(&fake.Reply{Body: "{}", Cut: 100}), "POST", chatPath, hello)
		assert.Equal(t, "{}", body)
	})
	t.Run("an answer may be compressed", func(t *testing.T) {
		resp, body := call(t, scripted(&fake.Reply{Gzip: true}), "POST", chatPath, hello)
		assert.Equal(t, "gzip", resp.Header.Get("Content-Encoding"))
		assert.Equal(t, decode(t, whole)["choices"], decode(t, unzip(t, body))["choices"])
	})
	t.Run("so may a stream", func(t *testing.T) {
		_, body := call(t, scripted(&fake.Reply{Gzip: true}), "POST", chatPath, helloStream)
		assert.Greater(t, len(events(t, unzip(t, body))), 10)
	})
}

func unzip(t *testing.T, s string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(s))
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return string(b)
}

func TestQueue(t *testing.T) {
	p := &fake.Provider{Script: fake.Queue(fake.Overloaded(), nil, fake.ServerError())}
	var got []int
	for range 5 {
		resp, _ := call(t, p, "POST", chatPath, hello)
		got = append(got, resp.StatusCode)
	}
	assert.Equal(t, []int{503, 200, 500, 200, 200}, got)
}

func TestScriptSeesTheRequest(t *testing.T) {
	p := &fake.Provider{Key: "sk", Script: func(r *http.Request, body []byte) *fake.Reply {
		if r.Header.Get("X-Break") == "" {
			return nil
		}
		return &fake.Reply{Body: string(body)}
	}}
	_, body := call(t, p, "POST", chatPath, "echo", "Authorization", "Bearer sk", "X-Break", "1")
	assert.Equal(t, "echo", body)
	resp, _ := call(t, p, "POST", chatPath, hello, "Authorization", "Bearer sk")
	assert.Equal(t, 200, resp.StatusCode)
	resp, _ = call(t, p, "POST", chatPath, hello, "X-Break", "1")
	assert.Equal(t, 401, resp.StatusCode, "is not asked without the key")
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, body := call(t, &fake.Provider{Delay: 20 * time.Millisecond}, "POST", chatPath, helloStream)
		n := len(events(t, body))
		assert.Equal(t, time.Duration(n-1)*20*time.Millisecond, time.Since(start))
	})
}

func TestClientThatLeavesEndsStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp, err := send(t, &fake.Provider{Delay: time.Hour}, "POST", chatPath, helloStream)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		start := time.Now()
		synctest.Wait()
		assert.Zero(t, time.Since(start))
	})
}

func TestRequests(t *testing.T) {
	p := &fake.Provider{Keep: 2, Key: "sk"}
	for i := range 3 {
		call(t, p, "POST", chatPath+"?n="+fmt.Sprint(i), `{"n" : 1}`, "X-Api-Key", "rg_agt_1")
	}
	call(t, p, "GET", "/v1/models", "")

	got := p.Requests()
	require.Len(t, got, 2, "the latest")
	assert.Equal(t, "POST", got[0].Method)
	assert.Equal(t, chatPath, got[0].Path)
	assert.Equal(t, "n=2", got[0].Query)
	assert.Equal(t, `{"n" : 1}`, string(got[0].Body))
	assert.Equal(t, http.Header{"X-Api-Key": {"rg_agt_1"}}, got[0].Header)
	assert.Equal(t, "/v1/models", got[1].Path)

	assert.Equal(t, 3, p.Count(chatPath))
	assert.Equal(t, 0, p.Count("/chat/completions"), "as it was written")
	assert.Equal(t, 4, p.Count(""))

	none := &fake.Provider{Keep: -1}
	call(t, none, "GET", "/v1/models", "")
	assert.Empty(t, none.Requests())
	assert.Equal(t, 1, none.Count(""))
}

func TestDeterminism(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake.Provider{}
		for _, path := range []string{chatPath, messagesPath, responsesPath} {
			body := `{"model":"m","max_tokens":99,"input":"Hello","messages":[{"role":"user","content":"Hello"}]}`
			first, one := call(t, p, "POST", path, body)
			second, two := call(t, p, "POST", path, body)
			assert.Equal(t, one, two, "the same request, the same answer")
			assert.NotEqual(t, first.Header, second.Header, "but for the request's id")
			_, three := call(t, p, "POST", path, strings.Replace(body, "99", "98", 1))
			assert.NotEqual(t, one, three, "another request, other ids")
		}
	})
}

func TestGzipRequest(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, hello)
	require.NoError(t, z.Close())
	assert.Contains(t, post(t, chatPath, b.String(), "Content-Encoding", "gzip"), "Hello")
}

func TestConcurrentUse(t *testing.T) {
	p := &fake.Provider{Script: fake.Queue(fake.ServerError(), fake.ServerError())}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			call(t, p, "POST", responsesPath, fmt.Sprintf(`{"model":"m","input":"%d"}`, i))
			p.Requests()
		})
	}
	wg.Wait()
	assert.Equal(t, 20, p.Count(responsesPath))
}
