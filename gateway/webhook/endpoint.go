package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// An Endpoint is a notify.Notifier that posts each event's notify.Message to a
// URL, signed. What is answered with 2xx within [Timeout] is delivered; redirects
// are not followed. It must not be changed or copied after its first use.
//
// The message is signed twice, with the same key. X-Rungate-Signature is "v1="
// and the hexadecimal HMAC-SHA256 of "TIMESTAMP.BODY", where TIMESTAMP is the
// X-Rungate-Timestamp, in Unix seconds. The headers webhook-id, webhook-timestamp
// and webhook-signature are those of Standard Webhooks, which the OpenAI and
// Anthropic SDKs verify. Receivers know an event again by its webhook-id, and
// should refuse timestamps of more than five minutes ago.
type Endpoint struct {
	URL string

	// Secret is the key of the signatures: base64 of 24 to 64 bytes behind
	// "whsec_", as Standard Webhooks have it, or any text, which is the key as it
	// is. Anthropic's SDKs verify the former only.
	Secret provider.Secret

	// PreviousSecret signs as well, if it is given, so that receivers can change
	// from one secret to the next at leisure.
	PreviousSecret provider.Secret

	// AllowPrivate allows addresses that are not public ones of the internet, and
	// HTTP without TLS.
	AllowPrivate bool

	// Transport carries the messages. Nil is a transport that uses no proxy and
	// enforces AllowPrivate when it dials; any other has to do that itself.
	Transport http.RoundTripper

	client client
}

// Check reports what is wrong with the fields, and nil if nothing is.
func (p *Endpoint) Check() error {
	errs := []error{checkURL(p.URL, p.AllowPrivate)}
	if p.Secret == "" {
		errs = append(errs, errors.New("secret: is missing"))
	} else if _, err := key(p.Secret); err != nil {
		errs = append(errs, fmt.Errorf("secret: %w", err))
	}
	if _, err := key(p.PreviousSecret); err != nil {
		errs = append(errs, fmt.Errorf("previous secret: %w", err))
	}
	return errors.Join(errs...)
}

// Notify implements notify.Notifier.
func (p *Endpoint) Notify(ctx context.Context, e *run.Event) error {
	m := notify.MessageOf(e)
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	h := http.Header{}
	if err := p.sign(h, m.ID, strconv.FormatInt(m.DeliveredAt.Unix(), 10), body); err != nil {
		return err
	}
	return p.client.post(ctx, p.Transport, p.AllowPrivate, p.URL, h, body)
}

// String names the endpoint without what may be secret in its URL. Another URL is
// another endpoint, other secrets are not.
func (p *Endpoint) String() string { return name("webhook", p.URL) }
