package inproc_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rungate/rungate/internal/inproc"
)

// BenchmarkRoundTrip is one small JSON answer to a small request, read to its
// end: what inproc itself costs. The same over loopback is there to compare.
func BenchmarkRoundTrip(b *testing.B) {
	answer := bytes.Repeat([]byte("x"), 1<<10)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	})
	server := httptest.NewServer(h)
	defer server.Close()

	for _, c := range []struct {
		name string
		rt   http.RoundTripper
	}{
		{"inproc", &inproc.Transport{Handler: h}},
		{"loopback", &http.Transport{DisableCompression: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			req, err := http.NewRequest(http.MethodPost, server.URL+"/v1/messages", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer x")
			buf := make([]byte, 2<<10)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.ReadFull(resp.Body, buf)
				if n != len(answer) || !errors.Is(err, io.ErrUnexpectedEOF) {
					b.Fatal(n, err)
				}
				resp.Body.Close()
			}
		})
	}
}

// BenchmarkStream is one event of a stream, written, flushed and read.
func BenchmarkStream(b *testing.B) {
	event := bytes.Repeat([]byte("x"), 200)
	rt := &inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write(event)
			w.(http.Flusher).Flush()
		}
	})}
	req, err := http.NewRequest(http.MethodPost, "http://model.test/v1/messages", nil)
	if err != nil {
		b.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, len(event))
	b.ReportAllocs()
	b.SetBytes(int64(len(event)))
	for b.Loop() {
		if _, err := io.ReadFull(resp.Body, buf); err != nil {
			b.Fatal(err)
		}
	}
}
