package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/translate"
)

// A foreign call goes to a provider of another dialect than its agent's. Up to where
// it is sent, and from where its answer has been translated, it is like any other.
type foreign struct {
	*translate.Translation
	req    provider.Request   // as the provider is sent it
	notes  translate.Notes    // on its header, and on its answer if that is whole
	stream *translate.Stream  // nil before there is one
	kind   provider.EventKind // of the provider's event that is being passed on
	out    []byte             // what that has become
	events sse.Splitter       // of out
}

// translate translates the request, if the provider's dialect is not the agent's.
func (c *call) translate(context.Context) error {
	if c.upstream.dialect == c.route.dialect.Name() {
		return nil
	}
	mode := c.translation()
	if mode == policy.NoTranslation {
		return &refusal{code: codeInvalidRequest, rule: ruleTranslatable, message: fmt.Sprintf(
			"Rungate: %s speaks the %s format, and nothing is translated here. Ask for it in that format.", c.target, c.upstream.dialect)}
	}
	_, most, _ := c.g.prices.Load().Limits(c.upstream.seller, c.target.Model)
	to := c.upstream.Dialect()
	t, err := translate.Request(&c.req, to, translate.Options{Model: c.target.Model, MaxOutput: most, Lenient: mode == policy.LenientTranslation})
	if e, ok := errors.AsType[*translate.RefusedError](err); ok {
		code := codeInvalidRequest
		if e.Code == codeUnsupportedThread {
			code = e.Code
		}
		return &refusal{code: code, rule: ruleTranslatable, context: fieldContext{e.Path}, message: fmt.Sprintf(
			"Rungate: this request cannot be translated for %s, which speaks the %s format: %s.", c.target, to.Name(), e)}
	}
	if err != nil {
		return err
	}
	f := &foreign{Translation: t, req: provider.Request{Endpoint: t.Endpoint, Body: t.Body}}
	if err := to.Parse(&f.req); err != nil {
		return &refusal{code: codeInvalidRequest, rule: ruleTranslatable, cause: err, message: fmt.Sprintf(
			"Rungate: this request cannot be translated for %s: what would come of it cannot be read for sure: %v.", c.target, err)}
	}
	for _, name := range ownHeaders {
		if c.r.Header[name] != nil {
			f.notes.Add(strings.ToLower(name), "dropped")
		}
	}
	c.foreign = f
	return nil
}

// ownHeaders ask for what only their own API has.
var ownHeaders = [...]string{"Anthropic-Beta", "Anthropic-Workspace-Id", "Anthropic-User-Profile-Id", "Openai-Beta"}

// ruleTranslatable is what a call is refused by that would have to be translated, and
// is not.
const ruleTranslatable = "translatable"

// translation is what becomes of the call where it has to be translated.
func (c *call) translation() policy.Translation {
	if p := c.tries.plan; p != nil && p.Translation != "" {
		return p.Translation
	}
	return c.g.cfg.Translation
}

// asked is the request as the provider is sent it.
func (c *call) asked() *provider.Request {
	if c.foreign != nil {
		return &c.foreign.req
	}
	return &c.req
}

// foreignHeader is the header of a translated request, of which nothing is taken over
// but by whom it is sent.
func (c *call) foreignHeader() http.Header {
	h := http.Header{"Content-Type": jsonType, "User-Agent": c.r.Header["User-Agent"]}
	for name, values := range c.foreign.Header {
		h[name] = values
	}
	return h
}

// foreignAnswer puts into the header of the answer what of the provider's the agent
// can read.
func (c *call) foreignAnswer(h http.Header) {
	from := c.answer.resp.Header
	for _, name := range [...]string{"Content-Type", "Retry-After", "Retry-After-Ms", "X-Should-Retry"} {
		if v := from[name]; v != nil {
			h[name] = v
		}
	}
	if id := from.Get(c.upstream.Dialect().RequestIDHeader()); id != "" {
		h.Set(c.route.dialect.RequestIDHeader(), id)
	}
}

// translateWhole translates an answer that is no stream.
func (c *call) translateWhole(body []byte) ([]byte, error) {
	body, notes, err := c.foreign.Answer(body, time.Now())
	if err != nil {
		return nil, c.garbled(err)
	}
	for _, n := range notes {
		c.foreign.notes.Add(n.Field, n.What)
	}
	return body, nil
}

// passForeign passes on what the events of a provider that have come become in the
// agent's dialect.
func (c *call) passForeign(events *sse.Splitter) error {
	f := c.foreign
	for {
		e, ok := events.Next()
		if !ok {
			return nil
		}
		c.gather(e.Raw)
		f.kind = provider.EventOther
		if c.answer.meter != nil {
			f.kind = c.meterEvent(&e)
		}
		if c.judgement.refused != nil { // only what it has cost is waited for
			if err := c.afterRefusal(f.kind); err != nil {
				return err
			}
			continue
		}
		if e.Data == nil { // a comment
			continue
		}
		c.watch.hear()
		var err error
		if f.out, err = f.stream.Event(f.out[:0], e.Name, e.Data); err != nil {
			return c.garbled(err)
		}
		if err := c.passTranslated(); err != nil {
			return err
		}
	}
}

// passTranslated passes on the events that are in f.out.
func (c *call) passTranslated() error {
	if err := c.foreign.events.Feed(c.foreign.out); err != nil {
		return c.garbled(err)
	}
	return c.passEvents(&c.foreign.events)
}

// endForeign passes on what is still to be said when the provider's bytes have ended.
func (c *call) endForeign() (err error) {
	f := c.foreign
	if f.out, err = f.stream.End(f.out[:0]); err != nil {
		return c.garbled(err)
	}
	if len(f.out) == 0 {
		return nil
	}
	f.kind = provider.EventEnd
	return c.passTranslated()
}

// translated are the notes on the call; nil if it was not translated, or nothing of it
// was lost.
func (c *call) translated() translate.Notes {
	if c.foreign == nil {
		return nil
	}
	all := append(translate.Notes(nil), c.foreign.Notes...)
	for _, n := range c.foreign.notes {
		all.Add(n.Field, n.What)
	}
	if c.foreign.stream != nil {
		for _, n := range c.foreign.stream.Notes() {
			all.Add(n.Field, n.What)
		}
	}
	return all
}
