package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// at makes both providers be at a base URL without /v1.
func at(base string) func(*gateway.Config) {
	return func(cfg *gateway.Config) {
		cfg.Providers = []provider.Provider{
			&openai.Provider{APIKey: openAIKey, URL: base + "/v1"},
			&anthropic.Provider{APIKey: claudeKey, URL: base},
		}
	}
}

// listener serves connections, one after the other, as f says.
func listener(t *testing.T, f func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// readRequest reads a request of up to 64 KB as a server does.
func readRequest(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err == nil {
		io.Copy(io.Discard, r.Body)
	}
}

func quietServer(h http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	return s
}

// A provider that cannot be reached is 502 in the agent's dialect, to be tried
// again, and costs nothing.
func TestUnreachable(t *testing.T) {
	untrusted := quietServer(nil)
	untrusted.StartTLS()
	defer untrusted.Close()

	for _, c := range []struct {
		name string
		base string
		step bool // it may have reached the provider, and so is a step of the run
	}{
		{"connection refused", refusedServer(t), false},
		{"a name that is not known", "http://provider.invalid", false},
		{"a certificate that is not trusted", untrusted.URL, true},
		{"TLS is spoken to who does not", listener(t, func(c net.Conn) { io.WriteString(c, "hello\n") }), true},
		{"closed before it answers", listener(t, readRequest), true},
		{"reset before it answers", listener(t, func(c net.Conn) {
			readRequest(c)
			c.(*net.TCPConn).SetLinger(0)
		}), true},
		{"closed within the header", listener(t, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: appl")
		}), true},
		{"something else than HTTP", listener(t, func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, "220 mail.test ESMTP\r\n")
		}), true},
	} {
		if strings.HasPrefix(c.name, "TLS") {
			c.base = strings.Replace(c.base, "http:", "https:", 1)
		}
		for _, stream := range []bool{false, true} {
			for _, api := range []struct{ path, call string }{{"/v1/chat/completions", chatCall}, {"/v1/messages", claudeCall}} {
				t.Run(fmt.Sprintf("%s/%s/stream=%t", c.name, api.path, stream), func(t *testing.T) {
					b := newRig(t, roomy, at(c.base))
					call := strings.Replace(api.call, "{", fmt.Sprintf(`{"stream":%t,`, stream), 1)
					got := b.Post(api.path, call, "X-Rungate-Run-Id: r")
					e := refusal(t, got, 502, "upstream_unreachable")
					assert.Equal(t, "true", got.Header.Get("X-Should-Retry"))
					assert.Equal(t, "r", got.Header.Get("X-Rungate-Run-Id"))
					assert.Equal(t, api.path == "/v1/messages", got.JSON(t)["type"] == "error", "in the agent's dialect")
					assert.NotContains(t, e["message"], "127.0.0.1", "where providers are is not the agent's business")

					r := b.Run("r")
					assert.Zero(t, r.Spent)
					assert.Zero(t, r.InFlight)
					assert.Equal(t, c.step, r.Steps == 1)
					assert.Equal(t, "0.00", b.Get("/v1/runs/r").JSON(t)["limits"].([]any)[0].(map[string]any)["reserved_usd"])
					if c.step {
						s := b.Steps("r")[0]
						assert.Equal(t, 502, s.Status)
						assert.Equal(t, "upstream_unreachable", s.Error)
					}
				})
			}
		}
	}
}

// A provider may answer before it has read the request, over either version of
// HTTP.
func TestEarlyAnswer(t *testing.T) {
	large := `{"model":"gpt-4.1","messages":[{"role":"user","content":"` + strings.Repeat("x", 3<<20) + `"}]}`
	const tooLarge = `{"error":{"message":"too large","code":"too_large"}}`
	var servers []*httptest.Server
	defer func() {
		var all sync.WaitGroup // each lingers for half a second
		for _, s := range servers {
			all.Go(s.Close)
		}
		all.Wait()
	}()
	for _, c := range []struct {
		name  string
		serve func(*httptest.Server)
	}{
		{"HTTP/1.1", (*httptest.Server).Start},
		{"HTTP/1.1 with TLS", (*httptest.Server).StartTLS},
		{"HTTP/2", func(s *httptest.Server) {
			s.EnableHTTP2 = true
			s.StartTLS()
		}},
	} {
		for _, how := range []string{"an error", "a stream", "it leaves"} {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				s := quietServer(func(w http.ResponseWriter, r *http.Request) {
					io.ReadFull(r.Body, make([]byte, 100<<10)) // and no more
					switch how {
					case "an error":
						w.WriteHeader(413)
						io.WriteString(w, tooLarge)
					case "a stream":
						of("chat").answer()(w, r)
					case "it leaves":
						panic(http.ErrAbortHandler)
					}
				})
				c.serve(s)
				servers = append(servers, s)
				b := newRig(t, roomy, at(s.URL), func(cfg *gateway.Config) {
					if s.TLS != nil {
						cfg.Transport = s.Client().Transport
					}
				})
				got := b.Post("/v1/chat/completions", large, "X-Rungate-Run-Id: r")
				require.NoError(t, got.Err)
				switch how {
				case "an error":
					assert.Equal(t, 413, got.StatusCode)
					assert.Equal(t, tooLarge, got.Body)
				case "a stream":
					assert.Equal(t, of("chat").text(), got.Body)
				case "it leaves":
					refusal(t, got, 502, "upstream_unreachable")
				}
				assert.Zero(t, b.Run("r").InFlight)
			})
		}
	}
}

// An agent may leave while its request is on its way to the provider.
func TestAgentLeavesWhileSending(t *testing.T) {
	large := `{"model":"gpt-4.1","messages":[{"role":"user","content":"` + strings.Repeat("x", 3<<20) + `"}]}`
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("h2=%t", h2), func(t *testing.T) {
			begun, done := make(chan struct{}), make(chan struct{})
			s := quietServer(func(w http.ResponseWriter, r *http.Request) {
				io.ReadFull(r.Body, make([]byte, 100<<10))
				begun <- struct{}{}
				<-done
				io.Copy(io.Discard, r.Body)
			})
			s.EnableHTTP2 = h2
			s.StartTLS()
			defer s.Close()
			defer close(done)
			b := newRig(t, roomy, at(s.URL), func(cfg *gateway.Config) { cfg.Transport = s.Client().Transport })
			for range 3 {
				conn, err := net.Dial("tcp", strings.TrimPrefix(b.URL, "http://"))
				require.NoError(t, err)
				fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Rungate-Run-Id: r\r\nContent-Length: %d\r\n\r\n%s", b.Token, len(large), large)
				<-begun
				conn.Close()
			}
			require.Eventually(t, func() bool { return b.Run("r").Steps == 3 }, 5*time.Second, time.Millisecond)
			assert.Zero(t, b.Run("r").InFlight)
			assert.Equal(t, "client_gone", b.Steps("r")[0].Error)
		})
	}
}
