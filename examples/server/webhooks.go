package main

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A webhookDoc says which events a program is sent.
type webhookDoc struct {
	URL            string          `json:"url"`
	Events         []string        `json:"events"` // globs; none is all
	Secret         provider.Secret `json:"secret"`
	PreviousSecret provider.Secret `json:"previous_secret"`
	AllowPrivate   bool            `json:"allow_private"`
}

// A slackDoc says where people are told of approvals.
type slackDoc struct {
	URL          provider.Secret `json:"url"`
	ConsoleURL   string          `json:"console_url"`
	AllowPrivate bool            `json:"allow_private"`
}

// notifier sends what the document says.
func (w *webhookDoc) notifier() *notify.Filter {
	return &notify.Filter{Events: w.Events, Notifier: &webhook.Endpoint{
		URL: w.URL, Secret: w.Secret, PreviousSecret: w.PreviousSecret, AllowPrivate: w.AllowPrivate,
	}}
}

func (s *slackDoc) notifier() *webhook.Slack {
	return &webhook.Slack{URL: s.URL, ConsoleURL: s.ConsoleURL, AllowPrivate: s.AllowPrivate}
}

func (l *loader) webhook(path string, w *webhookDoc) {
	l.secret(path+".secret", &w.Secret)
	l.secret(path+".previous_secret", &w.PreviousSecret)
	l.checked(path, w.notifier().Check())
	if n := len(w.Secret); 0 < n && n < minSecret {
		l.fail(path+".secret", "want at least %d random characters", minSecret)
	}
}

func (l *loader) slack(path string, s *slackDoc) {
	l.secret(path+".url", &s.URL)
	l.checked(path, s.notifier().Check())
}

// checked notes what a notifier has found wrong with its fields, a line for each.
func (l *loader) checked(path string, err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		field, reason, _ := strings.Cut(line, ": ")
		l.fail(path+"."+strings.ReplaceAll(strings.ToLower(field), " ", "_"), "%s", reason)
	}
}

// hooks are the webhooks by their URLs. All else of them can be exchanged.
type hooks map[string]*hook

// A hook is a notifier that can be exchanged.
type hook struct{ now atomic.Pointer[notify.Filter] }

// Wants implements notify.Selector.
func (h *hook) Wants(t run.EventType) bool { return h.now.Load().Wants(t) }

// Notify implements notify.Notifier.
func (h *hook) Notify(ctx context.Context, e *run.Event) error { return h.now.Load().Notify(ctx, e) }

func (h *hook) String() string { return h.now.Load().String() }

// replace takes over webhooks. One that has not been there from the beginning is
// none.
func (hs hooks) replace(docs []webhookDoc) {
	for i := range docs {
		if h := hs[docs[i].URL]; h != nil {
			h.now.Store(docs[i].notifier())
		}
	}
}

// notifiers are told of events, as the settings say.
func (srv *server) notifiers(s *settings) []notify.Notifier {
	all := make([]notify.Notifier, 0, len(s.Webhooks)+len(s.Slack))
	for i := range s.Webhooks {
		h := &hook{}
		srv.hooks[s.Webhooks[i].URL] = h
		all = append(all, h)
	}
	srv.hooks.replace(s.Webhooks)
	for i := range s.Slack {
		all = append(all, s.Slack[i].notifier())
	}
	return all
}
