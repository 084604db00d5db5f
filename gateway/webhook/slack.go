package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// Slack is a notify.Notifier that tells people of gates: who asks for what, and
// what was decided. It posts messages to an incoming webhook of Slack, or of a
// server that takes the same. It must not be changed or copied after its first
// use.
//
// What agents and models say is shown as plain text or code, within bounds: it
// can mention nobody, link nowhere and look like nothing else.
type Slack struct {
	URL provider.Secret // of the incoming webhook; who knows it can post

	// ConsoleURL is where the console is served. If it is given, messages link to
	// the page of their gate there, "gates/ID" below it.
	ConsoleURL string

	AllowPrivate bool              // as in Endpoint
	Transport    http.RoundTripper // as in Endpoint

	client client
}

// Check reports what is wrong with the fields, and nil if nothing is.
func (s *Slack) Check() error {
	err := checkURL(s.URL.Reveal(), s.AllowPrivate)
	if s.ConsoleURL == "" {
		return err
	}
	u, bad := url.Parse(s.ConsoleURL)
	if bad != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		err = errors.Join(err, fmt.Errorf("console URL: %q is not the URL of a page", s.ConsoleURL))
	}
	return err
}

// Wants implements notify.Selector: it tells of approvals alone.
func (s *Slack) Wants(t run.EventType) bool { return headlines[t] != "" }

// Notify implements notify.Notifier.
func (s *Slack) Notify(ctx context.Context, e *run.Event) error {
	if !s.Wants(e.Type) || e.Gate == nil {
		return nil
	}
	body, err := json.Marshal(s.message(e))
	if err != nil {
		return err
	}
	return s.client.post(ctx, s.Transport, s.AllowPrivate, s.URL.Reveal(), http.Header{}, body)
}

// String names the webhook without its secret.
func (s *Slack) String() string { return name("slack", s.URL.Reveal()) }

// page is the console's page of a gate; empty if there is none.
func (s *Slack) page(g *run.Gate) string {
	if s.ConsoleURL == "" {
		return ""
	}
	page, err := url.JoinPath(s.ConsoleURL, "gates", url.PathEscape(g.ID))
	if err != nil {
		return ""
	}
	return page
}
