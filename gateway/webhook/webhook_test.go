package webhook_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

const (
	secret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	previous = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

var noon = time.Date(2026, 4, 26, 12, 48, 12, 0, time.UTC)

// inbox is a server that keeps what it is sent.
type inbox struct {
	*httptest.Server
	answer http.HandlerFunc // nil is 200

	mu   sync.Mutex
	mail []letter
}

type letter struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

func newInbox(t testing.TB, answer http.HandlerFunc) *inbox {
	in := &inbox{answer: answer}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		in.mu.Lock()
		in.mail = append(in.mail, letter{r.Method, r.URL.Path, r.Header, body})
		in.mu.Unlock()
		if in.answer != nil {
			in.answer(w, r)
		}
	}))
	t.Cleanup(in.Close)
	return in
}

// only is the one letter that has come.
func (in *inbox) only(t testing.TB) letter {
	in.mu.Lock()
	defer in.mu.Unlock()
	require.Len(t, in.mail, 1)
	return in.mail[0]
}

func (in *inbox) count() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.mail)
}

func started() *run.Event {
	return &run.Event{Type: run.RunStarted, At: noon, Run: run.Run{Key: run.Key{Team: "team:ops", ID: "nightly"}}, Agent: "alice"}
}

func pending() *run.Event {
	k := run.Key{Team: "team:ops", ID: "refund"}
	return &run.Event{Type: run.ApprovalPending, At: noon, Run: run.Run{Key: k}, Agent: "support", Gate: &run.Gate{
		ID: "gate_8xk2m", Run: k, Agent: "support", Rule: "refund:over-$500", Reason: "It is much.", Kind: run.ActionGate, Request: "POST /v1/chat/completions", Model: "gpt-4",
		Cost: budget.Dollar / 80, Priced: true, Channel: "slack://#customer-ops", Status: run.GatePending, Opened: noon, Expires: noon.Add(time.Hour),
		Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"order":"ord_2H4p","amount_usd":1240.00}`)}},
	}}
}

func within(t testing.TB, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func answers(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, strings.Repeat("x", 1<<20))
	}
}
