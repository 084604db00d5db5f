package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/provider"
)

// An answer is what comes back from the provider.
type answer struct {
	resp    *http.Response
	ctx     context.Context         // of the call to the provider
	cancel  context.CancelCauseFunc // ends that
	meter   provider.Meter          // nil for an answer that costs nothing
	tried   bool                    // a request has gone out, or may have
	dials   *atomic.Bool            // it waits for a connection; nil if that is not known
	asked   bool                    // usage was asked for that the agent did not ask for
	stays   bool                    // the call to the provider goes on when the agent leaves
	follow  func() bool             // ends that it is cancelled then, of a stream
	begun   bool                    // the agent has been sent the header; guarded by watch.writing
	lead    []byte                  // of a stream, what came before any content; likewise
	shown   bool                    // of a stream, the agent has got some; likewise
	came    bool                    // of a stream, content has been passed on
	content bool                    // of a stream, it has come
	stream  bool                    // the answer is one
	over    bool                    // the stream has said how it ends
	failed  bool                    // namely that the provider has failed
	fault   provider.Fault          // by what

	rest step      // relays what is still to come; nil for nothing
	body io.Reader // brings it
}

// Why the gateway itself ended a call to a provider.
var (
	errSlowStart = errors.New("the provider did not begin to answer in time")
	errStalled   = errors.New("the provider's answer has stalled")
	errClaimLost = errors.New("another call may have taken the approval, since its lease was not renewed in time")
)

// forward sends the call to the provider and waits for its answer to begin.
func (c *call) forward(ctx context.Context) error {
	c.announceFailover(ctx)
	c.forwarded = true
	if !c.free() { // else it says nothing about the model
		c.attempt = c.g.health.Begin(health.Target(c.target))
	}
	up := ctx
	c.answer.stays = c.g.cfg.Metering.OnDisconnect == DrainUpstream
	if c.answer.stays || c.req.Stream {
		up = c.settling
	}
	up, c.answer.cancel = context.WithCancelCause(c.watchConnection(up))
	c.answer.ctx = up
	if c.req.Stream {
		c.followAgent()
	}
	out, err := c.outgoing(up)
	if err != nil {
		return &refusal{code: codeUnreachable, cause: err, message: fmt.Sprintf(
			"Rungate: the call cannot be signed for provider %q; an operator has to look at its key.", c.upstream.Name())}
	}
	c.watch.start(c)
	c.answer.tried = true
	resp, err := c.upstream.transport.RoundTrip(out) //nolint:bodyclose // end closes it
	if err != nil {
		return c.unanswered(ctx, err)
	}
	c.watch.answered()
	c.answer.resp = resp
	resp.Request = nil // it may be large
	if !c.tries.more {
		c.dropBody()
	}
	return nil
}

// dropBody lets go of the body of the request, which may be large, unless the
// request may have to be known again by it.
func (c *call) dropBody() {
	if c.sent == nil {
		return
	}
	if !c.mayGate() {
		if c.sent.done() && !c.lentOut {
			giveBackBody(c.req.Body)
		}
		c.req.Body, c.req.Directives = nil, nil
	}
	if c.foreign != nil {
		c.foreign.Translation.Body, c.foreign.req.Body = nil, nil
	}
	c.sent.bytes = nil
	c.sent = nil
}

// followAgent has the call to the provider of a stream cancelled when the agent
// leaves, if that is wanted.
func (c *call) followAgent() {
	if c.g.cfg.Metering.OnDisconnect == CancelUpstream && c.answer.follow == nil {
		c.answer.stays = false
		ctx, cancel := c.r.Context(), c.answer.cancel
		c.answer.follow = context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	}
}

// outgoing makes the request for the provider.
func (c *call) outgoing(ctx context.Context) (*http.Request, error) {
	r := c.r
	u, err := c.url()
	if err != nil {
		return nil, err
	}
	out := r.WithContext(ctx) // a copy, and all of the agent's connection is taken off it
	out.URL, out.Host, out.RequestURI, out.RemoteAddr = u, u.Host, "", ""
	out.Body, out.ContentLength, out.TransferEncoding, out.Trailer = nil, 0, nil, nil
	out.Close, out.TLS = false, nil
	if c.foreign != nil {
		out.Header = c.foreignHeader()
	} else {
		out.Header = make(http.Header, len(r.Header)+1)
		copyHeader(out.Header, r.Header, withheld)
	}
	if _, ok := r.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // else the Transport would name itself
	}
	if r.Method == http.MethodPost {
		body := c.outgoingBytes()
		c.sent = &payload{bytes: body, rest: body, header: out.Header}
		out.ContentLength = int64(len(c.sent.bytes))
		out.Body = c.sent
		out.GetBody = c.sent.another // for a connection that turns out to be closed
	}
	return out, c.upstream.Sign(ctx, out.Header)
}

// url is where the call goes at the provider.
func (c *call) url() (*url.URL, error) {
	u := c.upstream.urls[c.asked().Endpoint]
	if c.foreign != nil || c.route.id == "" && c.r.URL.RawQuery == "" {
		return u, nil // shared: a Transport does not change it
	}
	own := *u
	own.RawQuery = c.r.URL.RawQuery
	if id := c.route.id; id != "" {
		plain, err := url.PathUnescape(id)
		if err != nil {
			return nil, err
		}
		own.RawPath, own.Path = own.EscapedPath()+id, own.Path+plain
	}
	return &own, nil
}

// outgoingBytes is the body as the provider gets it: as the agent wrote it, but
// for the directives, the name of the model if it has another one there, and
// the request for usage.
func (c *call) outgoingBytes() []byte {
	if c.foreign != nil {
		return c.foreign.Translation.Body
	}
	edits := [3]provider.Edit{c.req.CutDirectives, c.req.UseModel(c.target.Model)}
	if c.g.cfg.Metering.StreamUsage == IncludeUsage {
		edits[2] = c.req.AskUsage
		c.answer.asked = c.req.AskUsage != provider.Edit{}
	}
	return provider.Splice(c.req.Body, edits[:]...)
}

// watchConnection has it known whether the provider was still being connected to when it
// is given up, which may be before that fails by itself: then nothing was sent, and
// nothing can have been paid for.
func (c *call) watchConnection(ctx context.Context) context.Context {
	if limit := c.patient(); limit <= 0 || limit > connectTimeout {
		return ctx
	}
	dials := new(atomic.Bool)
	c.answer.dials = dials
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { dials.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { dials.Store(false) },
	})
}

// dialling reports whether the provider was still being connected to.
func (a *answer) dialling() bool { return a.dials != nil && a.dials.Load() }

// unanswered says why there is no answer.
func (c *call) unanswered(agent context.Context, err error) error {
	name := c.upstream.Name()
	var dial *net.OpError
	c.answer.tried = !c.answer.dialling()
	switch cause := context.Cause(c.answer.ctx); {
	case agent.Err() != nil:
		return &goneError{err}
	case errors.Is(cause, errClaimLost):
		return cause
	case errors.Is(cause, errSlowStart):
		return &refusal{code: codeTimeout, cause: err, message: fmt.Sprintf(
			"Rungate: provider %q did not begin to answer within %s.", name, c.watch.limit())}
	case errors.As(err, &dial) && dial.Op == "dial":
		c.answer.tried = false // nothing was sent, nothing can have been paid for
		return &refusal{code: codeUnreachable, cause: err, message: fmt.Sprintf("Rungate: provider %q cannot be reached.", name)}
	}
	return &refusal{code: codeUnreachable, cause: err, message: fmt.Sprintf(
		"Rungate: the connection to provider %q broke before it answered.", name)}
}
