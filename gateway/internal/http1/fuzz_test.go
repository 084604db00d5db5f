//go:build unix

package http1_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/http1"
)

// A scripted is a connection over which the same is answered to whatever is sent, and
// which the server closes then.
type scripted struct {
	net.Conn
	answer io.Reader
	sent   bytes.Buffer
	asked  chan struct{} // closed when something was sent, or the connection is closed
	once   sync.Once
}

func (s *scripted) Read(p []byte) (int, error) {
	<-s.asked
	return s.answer.Read(p)
}

func (s *scripted) Write(p []byte) (int, error) {
	s.sent.Write(p)
	s.once.Do(func() { close(s.asked) })
	return len(p), nil
}

func (s *scripted) Close() error {
	s.once.Do(func() { close(s.asked) })
	return nil
}

func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// FuzzAnswer has the same answer read as by an http.Transport.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"", hello, hello + hello, "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + hello,
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nPragma: no-cache\r\nContent-Length: 5, 5\r\n\r\nhello",
	} {
		for _, method := range []uint8{0, 1, 2} {
			f.Add([]byte(s), method, false)
			f.Add([]byte(s), method, true)
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte, method uint8, slow bool) {
		read := func(transport func(dial func(context.Context, string, string) (net.Conn, error)) http.RoundTripper) (string, *http.Response) {
			rt := transport(func(context.Context, string, string) (net.Conn, error) {
				c := &scripted{answer: bytes.NewReader(answer), asked: make(chan struct{})}
				if slow {
					c.answer = iotest.OneByteReader(c.answer)
				}
				return c, nil
			})
			return outcome(t, rt, []string{"GET", "HEAD", "POST"}[method%3], "http://model.test/")
		}
		got, resp := read(func(dial func(context.Context, string, string) (net.Conn, error)) http.RoundTripper {
			return &http1.Transport{Address: "model.test:80", Dial: dial}
		})
		want, std := read(func(dial func(context.Context, string, string) (net.Conn, error)) http.RoundTripper {
			return &http.Transport{DialContext: dial, DisableCompression: true, DisableKeepAlives: true}
		})
		if resp != nil && resp.StatusCode == http.StatusSwitchingProtocols {
			return // of which http1 knows nothing
		}
		require.Equal(t, want, got)
		if resp == nil {
			return
		}
		assert.Equal(t, std.Status, resp.Status)
		assert.Equal(t, std.Proto, resp.Proto)
		assert.Equal(t, std.Header, resp.Header)
		assert.Equal(t, std.Trailer, resp.Trailer)
		assert.Equal(t, std.ContentLength, resp.ContentLength)
		assert.Equal(t, std.TransferEncoding, resp.TransferEncoding)
		assert.Equal(t, std.Close, resp.Close)
		assert.Equal(t, std.Uncompressed, resp.Uncompressed)
	})
}

// FuzzRequest has a request written. What is not refused is one request to whoever reads it,
// with the body that it has.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"a", "", " ", "a b", "a\r\nB: c", "a\n", "\x00", "é", "content-length", "Content-Length", "transfer-encoding", "chunked", "connection", "host",
		"Trailer", "0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "expect", "100-continue", ":", "\t", "5", "%0d%0a", "//a",
	} {
		for _, method := range []string{"POST", "GET", s} {
			f.Add(method, s, s, s, s, s)
			f.Add(method, "/", s, "A", s, "hello")
			f.Add(method, "/v1", "a=b", s, "5", s)
			f.Add(method, "/v1", "a=b", s, "chunked", s)
		}
	}
	f.Fuzz(func(t *testing.T, method, path, query, name, value, content string) {
		c := &scripted{answer: bytes.NewReader([]byte(hello)), asked: make(chan struct{})}
		rt := &http1.Transport{Address: "model.test:80", Dial: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
		req := (&http.Request{
			Method: method, URL: &url.URL{Scheme: "http", Host: "model.test", Path: path, RawQuery: query},
			Header: http.Header{name: {value}}, Body: body(content),
		}).WithContext(t.Context())
		resp, err := rt.RoundTrip(req)
		if err != nil {
			require.Zero(t, c.sent.Len(), "%v", err)
			return
		}
		resp.Body.Close()
		br := bufio.NewReader(&c.sent)
		got, err := http.ReadRequest(br)
		if err != nil && strings.Contains(err.Error(), "parse ") {
			return // a path that cannot be one
		}
		require.NoError(t, err)
		body, err := io.ReadAll(got.Body)
		require.NoError(t, err)
		assert.Equal(t, cmp.Or(method, "GET"), got.Method)
		assert.Equal(t, "model.test", got.Host)
		assert.Equal(t, query, got.URL.RawQuery)
		assert.Equal(t, content, string(body))
		assert.False(t, got.Close)
		for k, v := range got.Header {
			if k != "Content-Length" {
				assert.True(t, strings.EqualFold(k, name), k)
				assert.Equal(t, []string{textproto.TrimString(value)}, v)
			}
		}
		_, err = br.ReadByte()
		assert.ErrorIs(t, err, io.EOF)
	})
}
