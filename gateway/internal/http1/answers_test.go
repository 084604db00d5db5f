//go:build unix

package http1_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/http1"
)

// What a server can answer is understood as an http.Transport does. A want says the status
// and the body; whether the answer is broken off; whether there is none; and whether the
// next request goes over the same connection.
func TestAnswersAreReadAsByHTTPTransport(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("0123456789", 5000)
	for _, c := range []struct {
		name   string
		method string // GET if empty
		answer string
		open   bool // the server leaves the connection open
		stray  bool // the server sends what nobody asked for; an http.Transport may take it for the next answer
		want   string
		std    string // what an http.Transport says, if that is something else
	}{
		{name: "content length", answer: hello, open: true, want: `200 "hello" kept`},
		{name: "content length, and closed by the server", answer: hello, want: `200 "hello"`},
		{name: "content length, twice the same", answer: ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello" kept`},
		{name: "content length, twice another", answer: ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", open: true, want: "none"},
		{name: "content length of a list", answer: ok + "Content-Length: 5, 5\r\n\r\nhello", open: true, want: "none"},
		{name: "content length below zero", answer: ok + "Content-Length: -5\r\n\r\nhello", open: true, want: "none"},
		{name: "content length with a sign", answer: ok + "Content-Length: +5\r\n\r\nhello", open: true, want: "none"},
		{name: "content length that is no number", answer: ok + "Content-Length: five\r\n\r\nhello", open: true, want: "none"},
		{name: "content length beyond any", answer: ok + "Content-Length: 99999999999999999999\r\n\r\nhello", open: true, want: "none"},
		{name: "content length zero", answer: ok + "Content-Length: 0\r\n\r\n", open: true, want: `200 "" kept`},
		{name: "long", answer: ok + "Content-Length: 50000\r\n\r\n" + long, open: true, want: fmt.Sprintf("200 %q kept", long)},
		{name: "too short", answer: ok + "Content-Length: 6\r\n\r\nhello", want: `200 "hello" broken`},
		{name: "too long", answer: hello + "!", open: true, stray: true, want: `200 "hello"`},
		{name: "another answer behind it", answer: hello + hello, open: true, stray: true, want: `200 "hello"`},
		{name: "something behind no body", answer: "HTTP/1.1 204 No Content\r\n\r\n!", open: true, stray: true, want: `204 ""`},

		{name: "chunks", answer: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", open: true, want: `200 "hello" kept`},
		{name: "chunks, and their extensions", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\n", open: true, want: `200 "hello" kept`},
		{name: "chunks, none", answer: ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", open: true, want: `200 "" kept`},
		{name: "chunks and a content length", answer: ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n", open: true, want: `200 "hello" kept`},
		{name: "chunks with trailers", answer: ok + "Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", open: true, want: `200 "hello" kept A=b C=d`},
		{name: "chunks with trailers without end", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: " + long, want: `200 "hello" broken`},
		{name: "chunks with malformed trailers", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA b\r\n\r\n", open: true, want: `200 "hello" broken`},
		{name: "chunks without the last", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", want: `200 "hello" broken`},
		{name: "chunks without the last line", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", want: `200 "hello" broken`},
		{name: "a chunk broken off", answer: ok + "Transfer-Encoding: chunked\r\n\r\n6\r\nhello", want: `200 "hello" broken`},
		{name: "a chunk longer than it says", answer: ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", open: true, want: `200 "hell" broken`},
		{name: "a chunk of no size", answer: ok + "Transfer-Encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n", open: true, want: `200 "" broken`},
		{name: "something behind the chunks", answer: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n!", open: true, stray: true, want: `200 "hello"`},
		{name: "another encoding", answer: ok + "Transfer-Encoding: gzip\r\n\r\nhello", want: "none"},
		{name: "two encodings", answer: ok + "Transfer-Encoding: gzip, chunked\r\n\r\nhello", want: "none"},

		{name: "until the connection is closed", answer: ok + "\r\nhello", want: `200 "hello"`},
		{name: "nothing until the connection is closed", answer: ok + "\r\n", want: `200 ""`},
		{name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello"`},
		{name: "HTTP/1.0 that keeps alive", answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello" kept`},
		{name: "HTTP/1.0 with chunks", answer: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", want: "200 \"5\\r\\nhello\\r\\n0\\r\\n\\r\\n\""},
		{name: "the server says that it closes", answer: ok + "Connection: close\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello"`},
		{name: "the server says so in a list", answer: ok + "Connection: foo, Close\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello"`},

		{name: "to HEAD", method: "HEAD", answer: ok + "Content-Length: 5\r\n\r\n", open: true, want: `200 "" kept`},
		{name: "to HEAD, with chunks", method: "HEAD", answer: ok + "Transfer-Encoding: chunked\r\n\r\n", open: true, want: `200 "" kept`},
		{name: "to HEAD, of unknown length", method: "HEAD", answer: ok + "\r\n", open: true, want: `200 "" kept`},
		{name: "to HEAD, with a body", method: "HEAD", answer: hello, open: true, stray: true, want: `200 ""`},
		{name: "no content", answer: "HTTP/1.1 204 No Content\r\n\r\n", open: true, want: `204 "" kept`},
		{name: "no content, of some length", answer: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", open: true, want: `204 "" kept`},
		{name: "not modified", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", open: true, want: `304 "" kept`},
		{name: "an error", answer: "HTTP/1.1 529 Overloaded\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\n{}", open: true, want: `529 "{}" kept`},
		{name: "a status below all", answer: "HTTP/1.1 099 What\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `99 "hello"`},

		{name: "informed before", answer: "HTTP/1.1 100 Continue\r\n\r\n" + hello, open: true, want: `200 "hello" kept`},
		{name: "informed often before", answer: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n", 20) + hello, open: true, want: `200 "hello" kept`},
		{name: "informed, and no more", answer: "HTTP/1.1 100 Continue\r\n\r\n", want: "none"},
		{name: "informed without end", answer: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+long+"\r\n\r\n", 220) + hello, want: "none"},
		{name: "another protocol", answer: "HTTP/1.1 101 Switching Protocols\r\n\r\n", open: true, want: `101 ""`},
		{name: "another protocol, by name", answer: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello",
			want: `101 ""`, std: `101 "hello"`}, // nobody has asked for it

		{name: "a header of 10 MB", answer: ok + strings.Repeat("A: "+long+"\r\n", 200) + "Content-Length: 5\r\n\r\nhello", open: true, want: `200 "hello" kept`},
		{name: "a header of 11 MB", answer: ok + strings.Repeat("A: "+long+"\r\n", 220) + "Content-Length: 5\r\n\r\nhello", open: true, want: "none"},
		{name: "a header in several lines", answer: ok + "A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello" kept`},
		{name: "a header of the same name twice", answer: ok + "A: b\r\na: c\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello" kept`},
		{name: "lines that end in a line feed", answer: "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", open: true, want: `200 "hello" kept`},
		{name: "a header without a colon", answer: ok + "A b\r\n\r\n", want: "none"},
		{name: "a header with a space before the colon", answer: ok + "A : b\r\nContent-Length: 0\r\n\r\n", open: true, want: `200 "" kept`},
		{name: "a header without a name", answer: ok + ": b\r\n\r\n", want: "none"},
		{name: "a header that is broken off", answer: ok + "Content-Le", want: "none"},
		{name: "a status line that is broken off", answer: "HTTP/1", want: "none"},
		{name: "no reason", answer: "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", open: true, want: `200 "hello" kept`},
		{name: "no status", answer: "HTTP/1.1\r\n\r\n", want: "none"},
		{name: "a status of two digits", answer: "HTTP/1.1 20 OK\r\n\r\n", want: "none"},
		{name: "a status of letters", answer: "HTTP/1.1 abc OK\r\n\r\n", want: "none"},
		{name: "no HTTP", answer: "SSH-2.0-OpenSSH\r\n\r\n", want: "none"},
		{name: "an empty line before", answer: "\r\n" + hello, want: "none"},
		{name: "nothing", answer: "", want: "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, cut := range []int{0, 1, 7} {
				if cut > 0 && len(c.answer) > 5000 {
					continue
				}
				var conns atomic.Int32
				address := listen(t, func(_ int, nc *net.TCPConn, br *bufio.Reader) {
					conns.Add(1)
					defer nc.Close()
					for {
						req, err := http.ReadRequest(br)
						if err != nil {
							return
						}
						if req.URL.Path == "/next" {
							io.WriteString(nc, hello)
							continue
						}
						if cut == 0 {
							io.WriteString(nc, c.answer)
						} else {
							for part := range slices.Chunk([]byte(c.answer), cut) {
								nc.Write(part)
							}
						}
						if !c.open {
							return
						}
					}
				})
				std := &http.Transport{DisableCompression: true, DisableKeepAlives: c.stray}
				own := &http1.Transport{Address: address, Dial: new(net.Dialer).DialContext, MaxIdle: 1, IdleTimeout: time.Minute}
				t.Cleanup(std.CloseIdleConnections)
				t.Cleanup(own.CloseIdleConnections)
				read := func(rt http.RoundTripper) (string, *http.Response) {
					conns.Store(0)
					said, resp := outcome(t, rt, c.method, "http://"+address+"/")
					if resp == nil {
						return said, nil
					}
					if cut == 0 { // else it is open what has come when the next request is sent
						next, _ := outcome(t, rt, "GET", "http://"+address+"/next")
						require.Equal(t, `200 "hello"`, next)
					}
					if conns.Load() == 1 && cut == 0 {
						said += " kept"
					}
					for _, k := range slices.Sorted(maps.Keys(resp.Trailer)) {
						said += " " + k + "=" + resp.Trailer.Get(k)
					}
					return said, resp
				}
				got, resp := read(own)
				want, stdResp := read(std)
				if cut > 0 {
					c.want, c.std = strings.Replace(c.want, " kept", "", 1), strings.Replace(c.std, " kept", "", 1)
				}
				assert.Equal(t, shorten(c.want), shorten(got))
				if c.std == "" {
					c.std = c.want
				}
				assert.Equal(t, shorten(c.std), shorten(want), "http.Transport")
				if resp != nil && stdResp != nil {
					assert.Equal(t, stdResp.Status, resp.Status)
					assert.Equal(t, stdResp.Proto, resp.Proto)
					assert.True(t, maps.EqualFunc(stdResp.Header, resp.Header, slices.Equal))
					assert.Equal(t, stdResp.Trailer, resp.Trailer)
					assert.Equal(t, stdResp.ContentLength, resp.ContentLength)
					assert.Equal(t, stdResp.TransferEncoding, resp.TransferEncoding)
					assert.Equal(t, stdResp.Close, resp.Close)
				}
			}
		})
	}
}

// outcome calls a server and says what comes of it; the answer is nil if there is none.
func outcome(t *testing.T, rt http.RoundTripper, method, url string) (string, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "none", nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	said := fmt.Sprintf("%d %q", resp.StatusCode, body)
	if err != nil {
		said += " broken"
	}
	return said, resp
}

func shorten(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%s… (%d)%s", s[:100], len(s), s[len(s)-10:])
	}
	return s
}
