package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// A provider answers before it has read all of the request, and its answer is withheld for
// an approval: the call that takes over and asks the agent to wait does not give away what
// the provider is still sent.
func TestBodyOfAWithheldAnswerIsNotLentAgain(t *testing.T) {
	var first io.ReadCloser
	head := make([]byte, 10)
	n := 0
	gw := newLocal(t, approvingBy(`{"mode":"accepted"}`), unread(func(r *http.Request) (*http.Response, error) {
		n++
		if n == 1 {
			io.ReadFull(r.Body, head)
			first = r.Body // read on after the answer has come
			return answers(of("chat").calling(largeRefund))(r)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		return answers(chatAnswer)(r)
	}))
	body := func(c string) string {
		return `{"model":"gpt-4.1","messages":[{"role":"user","content":"` + strings.Repeat(c, 5000) + `"}],"tools":[{"type":"function","function":{"name":"issue_refund","parameters":{"type":"object"}}}]}`
	}
	w := serve(t, gw, &run.Ref{}, "POST", "/v1/chat/completions", body("A"))
	require.Equal(t, 202, w.StatusCode, w.Body)
	serve(t, gw, &run.Ref{}, "POST", "/v1/chat/completions", body("B"))
	rest, err := io.ReadAll(first)
	require.NoError(t, err)
	got := string(head) + string(rest)
	assert.Equal(t, strings.Count(body("A"), "A"), strings.Count(got, "A"), "%d bytes are of another call", strings.Count(got, "B"))
}
