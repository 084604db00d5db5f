// Package webhook shows that the official SDKs verify Rungate's webhooks.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

const (
	secret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	previous = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

func pending() *run.Event {
	return &run.Event{Type: run.ApprovalPending, At: time.Now(), Agent: "support", Gate: &run.Gate{
		ID: "gate_8xk2m", Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"usd":1240}`)}},
	}}
}

// A receiver that verifies what it gets with the OpenAI SDK.
func Example() {
	client := openai.NewClient(option.WithAPIKey("unused"), option.WithWebhookSecret(secret))
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = client.Webhooks.VerifySignature(body, r.Header)
		}
		var m notify.Message
		if err == nil {
			err = json.Unmarshal(body, &m)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Println("verified:", m.Event)
	}))
	defer receiver.Close()

	endpoint := &webhook.Endpoint{URL: receiver.URL, Secret: secret, AllowPrivate: true} // it is on this machine
	if err := endpoint.Notify(context.Background(), pending()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// verified: approval.pending
}

// verifiers are what the SDKs say of a webhook.
var verifiers = map[string]func(secret string, body []byte, h http.Header) error{
	"OpenAI, VerifySignature": func(secret string, body []byte, h http.Header) error {
		client := openai.NewClient(option.WithAPIKey("unused"), option.WithWebhookSecret(secret))
		return client.Webhooks.VerifySignature(body, h)
	},
	"OpenAI, Unwrap": func(secret string, body []byte, h http.Header) error {
		client := openai.NewClient(option.WithAPIKey("unused"), option.WithWebhookSecret(secret))
		_, err := client.Webhooks.Unwrap(body, h)
		return err
	},
	"Anthropic, Unwrap": func(secret string, body []byte, h http.Header) error {
		client := anthropic.NewClient(anthropicoption.WithAPIKey("unused"), anthropicoption.WithWebhookKey(secret))
		_, err := client.Beta.Webhooks.Unwrap(body, h)
		return err
	},
}

func TestVerified(t *testing.T) {
	for name, verify := range verifiers {
		t.Run(name, func(t *testing.T) {
			body, h := sent(t, secret, "")
			assert.NoError(t, verify(secret, body, h))
			assert.Error(t, verify(previous, body, h), "another secret")
			assert.Error(t, verify(secret, bytes.ReplaceAll(body, []byte("1240"), []byte("1241")), h), "another body")
			h.Set("webhook-id", "evt_other")
			assert.Error(t, verify(secret, body, h), "another id")

			body, h = sent(t, secret, previous)
			assert.NoError(t, verify(secret, body, h), "the new secret, while it is changed")
			assert.NoError(t, verify(previous, body, h), "and the previous one")
		})
	}
}

// A secret that is any text can be verified by the OpenAI SDK only.
func TestVerifiedByText(t *testing.T) {
	body, h := sent(t, "correct horse battery staple", "")
	assert.NoError(t, verifiers["OpenAI, Unwrap"]("correct horse battery staple", body, h))
}

// sent returns the request that tells of an event.
func sent(t *testing.T, secret, previous provider.Secret) (body []byte, h http.Header) {
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h = r.Header
		body, _ = io.ReadAll(r.Body)
	}))
	defer receiver.Close()
	p := &webhook.Endpoint{URL: receiver.URL, Secret: secret, PreviousSecret: previous, AllowPrivate: true}
	require.NoError(t, p.Notify(t.Context(), pending()))
	return body, h
}
