package webhook_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/run"
)

func TestEndpoint(t *testing.T) {
	in := newInbox(t, nil)
	p := &webhook.Endpoint{URL: in.URL + "/hooks?token=t", Secret: secret, AllowPrivate: true}
	e := pending()
	require.NoError(t, p.Notify(t.Context(), e))
	got := in.only(t)
	assert.Equal(t, http.MethodPost, got.Method)
	assert.Equal(t, "/hooks", got.Path)
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	assert.Equal(t, e.ID(), got.Header.Get("webhook-id"))
	assert.Equal(t, got.Header.Get("X-Rungate-Timestamp"), got.Header.Get("webhook-timestamp"))

	var m notify.Message
	require.NoError(t, json.Unmarshal(got.Body, &m))
	assert.Equal(t, run.ApprovalPending, m.Event)
	assert.Equal(t, e.ID(), m.ID)
	assert.Equal(t, strconv.FormatInt(m.DeliveredAt.Unix(), 10), got.Header.Get("X-Rungate-Timestamp"))
	assert.JSONEq(t, string(notify.MessageOf(e).Data), string(m.Data))
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		err    string // empty is delivered
	}{
		{"200", answers(200), ""},
		{"202", answers(202), ""},
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ""},
		{"a redirect is not followed", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "answered with status 307"},
		{"400", answers(400), "answered with status 400"},
		{"410", answers(410), "answered with status 410"},
		{"500", answers(500), "answered with status 500"},
		{"no answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		{"endless header", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, "server response headers exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newInbox(t, tt.answer)
			p := &webhook.Endpoint{URL: in.URL + "/?token=t0ken", Secret: secret, AllowPrivate: true}
			err := p.Notify(t.Context(), started())
			assert.Equal(t, 1, in.count(), "requests")
			if tt.err == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.err)
			assert.NotContains(t, err.Error(), "t0ken")
		})
	}
}

// An answer without an end is not read to it.
func TestEndlessAnswer(t *testing.T) {
	in := newInbox(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.Write(make([]byte, 1<<10))
		}
	})
	p := &webhook.Endpoint{URL: in.URL, Secret: secret, AllowPrivate: true}
	ctx := within(t, webhook.Timeout/2)
	assert.NoError(t, p.Notify(ctx, started()))
	assert.NoError(t, ctx.Err())
}

func TestNoAnswerInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := transport(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		p := &webhook.Endpoint{URL: "https://hooks.example.com", Secret: secret, Transport: hangs}
		began := time.Now()
		assert.ErrorIs(t, p.Notify(t.Context(), started()), context.DeadlineExceeded)
		assert.Equal(t, webhook.Timeout, time.Since(began))
	})
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The ID is the same whenever an event is delivered; what is signed is the time of
// the attempt.
func TestDeliveredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []http.Header
		d := notify.NewDispatcher(nil, nil, &webhook.Endpoint{URL: "https://hooks.example.com", Secret: secret, Transport: transport(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r.Header)
			status := http.StatusServiceUnavailable
			if len(seen) > 1 {
				status = http.StatusOK
			}
			return &http.Response{StatusCode: status, Body: http.NoBody}, nil
		})})
		d.Event(t.Context(), pending())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, seen, 2)
		assert.Equal(t, seen[0].Get("webhook-id"), seen[1].Get("webhook-id"))
		assert.NotEqual(t, seen[0].Get("webhook-timestamp"), seen[1].Get("webhook-timestamp"))
		assert.NotEqual(t, seen[0].Get("webhook-signature"), seen[1].Get("webhook-signature"))
		assert.NotEqual(t, seen[0].Get("X-Rungate-Signature"), seen[1].Get("X-Rungate-Signature"))
		require.NoError(t, d.Close(t.Context()))
	})
}

// Nothing of the environment decides where messages go.
func TestNoProxy(t *testing.T) {
	assert.Nil(t, webhook.NewTransport(false).Proxy)
	assert.Nil(t, webhook.NewTransport(true).Proxy)
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name     string
		endpoint *webhook.Endpoint
		want     string // empty is nil
	}{
		{"all is well", &webhook.Endpoint{URL: "https://hooks.example.com/rungate", Secret: secret}, ""},
		{"a secret of one's own", &webhook.Endpoint{URL: "https://hooks.example.com/rungate", Secret: "correct horse"}, ""},
		{"private", &webhook.Endpoint{URL: "http://10.0.0.1:8080", Secret: secret, PreviousSecret: previous, AllowPrivate: true}, ""},
		{"a public address", &webhook.Endpoint{URL: "https://1.1.1.1", Secret: secret}, ""},
		{"nothing", &webhook.Endpoint{}, "URL: is missing\nsecret: is missing"},
		{"no URL at all", &webhook.Endpoint{URL: "https://to ken@host:x y", Secret: secret}, "URL: "},
		{"another scheme", &webhook.Endpoint{URL: "ftp://hooks.example.com", Secret: secret}, `URL: scheme "ftp"; want https or http`},
		{"no scheme", &webhook.Endpoint{URL: "hooks.example.com", Secret: secret}, `URL: scheme ""; want https or http`},
		{"no host", &webhook.Endpoint{URL: "https:///rungate", Secret: secret}, "URL: names no host"},
		{"in the clear", &webhook.Endpoint{URL: "http://hooks.example.com", Secret: secret}, "URL: http tells everybody on the way; use https, or allow private addresses (allow_private: true)"},
		{"loopback", &webhook.Endpoint{URL: "https://127.0.0.1:8080", Secret: secret}, "URL: 127.0.0.1 is not a public address; allow private addresses (allow_private: true) if it is meant"},
		{"loopback, IPv6", &webhook.Endpoint{URL: "https://[::1]/", Secret: secret}, "URL: ::1 is not a public address; allow private addresses (allow_private: true) if it is meant"},
		{"not base64", &webhook.Endpoint{URL: "https://hooks.example.com", Secret: "whsec_???"}, `secret: what follows "whsec_" is not base64`},
		{"short", &webhook.Endpoint{URL: "https://hooks.example.com", Secret: "whsec_c2hvcnQ="}, `secret: what follows "whsec_" is base64 of 5 bytes; want 24 to 64`},
		{"the previous one", &webhook.Endpoint{URL: "https://hooks.example.com", Secret: secret, PreviousSecret: "whsec_???"}, `previous secret: what follows "whsec_" is not base64`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.endpoint.Check()
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			for _, s := range []string{"???", "c2hvcnQ", "ken@"} {
				assert.NotContains(t, err.Error(), s)
			}
		})
	}
}

// What cannot be signed is not sent.
func TestNoSecret(t *testing.T) {
	for _, s := range []*webhook.Endpoint{{}, {Secret: "whsec_???"}} {
		s.URL, s.Transport = "https://hooks.example.com", transport(func(*http.Request) (*http.Response, error) {
			t.Error("it was sent")
			return nil, http.ErrAbortHandler
		})
		assert.Error(t, s.Notify(t.Context(), started()))
	}
}

// A name is the same wherever the receiver is, tells receivers of one host apart, and
// has no secret.
func TestNames(t *testing.T) {
	assert.Equal(t, "webhook hooks.example.com 6e7bb1e4", (&webhook.Endpoint{URL: "https://me:pass@hooks.example.com/token"}).String())
	assert.Equal(t, "webhook hooks.example.com 6e7bb1e4", (&webhook.Endpoint{URL: "https://me:pass@hooks.example.com/token", Secret: secret, AllowPrivate: true}).String())
	assert.NotEqual(t, "webhook hooks.example.com 6e7bb1e4", (&webhook.Endpoint{URL: "https://me:pass@hooks.example.com/other"}).String())
	assert.Equal(t, "slack hooks.slack.com a5010d12", (&webhook.Slack{URL: "https://hooks.slack.com/services/T0/B0/token"}).String())
}
