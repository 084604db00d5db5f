package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// unread is a transport that leaves the request's body to its function.
type unread func(*http.Request) (*http.Response, error)

func (u unread) RoundTrip(r *http.Request) (*http.Response, error) { return u(r) }

// Bodies share memory, one after the other. What a transport reads is what the agent
// has sent all the same: also after the answer has come, as with HTTP/2, and where the
// request is sent twice.
func TestBodiesDoNotMix(t *testing.T) {
	const calls = 200
	sent := make(chan string, 2*calls)
	var reading sync.WaitGroup
	read := func(body io.ReadCloser, before string) {
		defer body.Close()
		rest, _ := io.ReadAll(body)
		sent <- before + string(rest)
	}
	gw := newLocal(t, `{"name":"prod"}`, unread(func(r *http.Request) (*http.Response, error) {
		switch r.Header.Get("X-How") {
		case "read before":
			read(r.Body, "")
		case "read after":
			part := make([]byte, 1000)
			n, _ := io.ReadFull(r.Body, part)
			reading.Go(func() { read(r.Body, string(part[:n])) })
		case "read twice":
			again, _ := r.GetBody()
			read(r.Body, "")
			reading.Go(func() { read(again, "") })
		}
		return answers(chatAnswer)(r)
	}))
	sizes := []int{10, 1_000, 3_000, 15_000, 50_000}
	want := map[string]int{}
	for i := range calls {
		body := `{"model":"gpt-4.1","messages":[{"role":"user","content":"` + strings.Repeat(string(rune('a'+i%26)), sizes[i%len(sizes)]+50*(i%11)) + `"}]}`
		how := []string{"read before", "read after", "read twice"}[i%3]
		serve(t, gw, &run.Ref{}, "POST", "/v1/chat/completions", body, "X-How: "+how)
		want[body]++
		if how == "read twice" {
			want[body]++
		}
	}
	reading.Wait()
	close(sent)
	for body := range sent {
		want[body]--
	}
	for body, missing := range want {
		if !assert.Zero(t, missing, "a body of %d bytes: %.60s…", len(body), body) {
			break
		}
	}
}
