package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/rungate/rungate/gateway/internal/http1"
)

// BenchmarkRoundTrip is a request with its answer, read to its end, over a connection that
// is kept, of a server that does next to nothing. An http.Transport is there to compare.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		body := bytes.Repeat([]byte("x"), size)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		go echoLengths(l, body)
		for _, c := range []struct {
			name string
			rt   http.RoundTripper
			body func() io.ReadCloser
		}{
			{"http1", &http1.Transport{Address: l.Addr().String(), Dial: new(net.Dialer).DialContext, MaxIdle: 1, IdleTimeout: time.Minute},
				func() io.ReadCloser { return known{bytes.NewReader(body), body} }},
			{"net", &http.Transport{DisableCompression: true},
				func() io.ReadCloser { return io.NopCloser(bytes.NewReader(body)) }},
		} {
			b.Run(fmt.Sprintf("%s/%dKB", c.name, size>>10), func(b *testing.B) {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://"+l.Addr().String()+"/v1/messages", nil)
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				req.Header["User-Agent"] = nil
				req.ContentLength = int64(size)
				b.ReportAllocs()
				for b.Loop() {
					req.Body = c.body()
					resp, err := c.rt.RoundTrip(req)
					if err != nil {
						b.Fatal(err)
					}
					if n, err := io.Copy(io.Discard, resp.Body); n != int64(size) || err != nil {
						b.Fatal(n, err)
					}
					resp.Body.Close()
				}
			})
		}
	}
}

// known is a body that is known as a whole.
type known struct {
	io.Reader
	bytes []byte
}

func (k known) Bytes() []byte { return k.bytes }
func (known) Close() error    { return nil }

// echoLengths answers each request, which has a body as long as the answer's, with the same.
func echoLengths(l net.Listener, body []byte) {
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s", strconv.Itoa(len(body)), body)
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			br := bufio.NewReader(c)
			for {
				for {
					line, err := br.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						break
					}
				}
				if _, err := br.Discard(len(body)); err != nil {
					return
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}
