package fake

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxBody is the largest request that is read, as Anthropic has it.
const maxBody = 32 << 20

// A Provider is an http.Handler for the APIs' paths, with or without /v1 before
// them:
//
//	POST /v1/chat/completions
//	POST /v1/responses            GET, DELETE /v1/responses/{id}
//	POST /v1/embeddings
//	POST /v1/messages
//	POST /v1/messages/count_tokens
//	GET  /v1/models[/{id}]
//
// Where both vendors have a path, a request with the header anthropic-version is
// for Anthropic. The zero Provider is ready to use and safe for concurrent use;
// its fields are not changed while it is in use.
type Provider struct {
	// Key is what requests must authenticate with, in the way of their dialect.
	// Where it is empty, all are let in.
	Key string

	// Models are the names of the models that are served; others are not found.
	// Where it is empty, every name is a model, and a few of either vendor are
	// listed.
	Models []string

	// Delay is waited between the events of a stream. Zero is none.
	Delay time.Duration

	// Script may answer a request in the model's place, if its key is right. Nil,
	// and a nil Reply, leave it to the model. It is called by many goroutines at
	// once, and keeps or changes neither argument.
	Script func(r *http.Request, body []byte) *Reply

	// Keep is how many requests are remembered, the latest ones. Zero is 100,
	// and a negative Keep is none.
	Keep int

	mu     sync.Mutex
	log    []Request
	counts map[string]int
	served int
	stored []stored // responses, the latest ones
}

// ServeHTTP implements [http.Handler].
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c := &call{p: p, w: w, r: r, body: body, delay: p.Delay}
	c.path = strings.TrimPrefix(r.URL.Path, "/v1")
	c.anthropic = strings.HasPrefix(c.path, "/messages") || r.Header.Get("Anthropic-Version") != ""
	c.id = requestID(c.anthropic, p.record(r, body))
	c.vendorHeader()
	if err != nil {
		c.fail(tooLarge)
		return
	}
	if f := p.authenticate(r, c.anthropic); f != nil {
		c.fail(*f)
		return
	}
	if p.Script != nil {
		if reply := p.Script(r, body); reply != nil {
			c.script(reply)
			return
		}
	}
	c.serve()
}

// serve lets the model answer.
func (c *call) serve() {
	if err := c.unpack(); err != nil {
		c.fail(invalid("The request body could not be unpacked: " + err.Error()))
		return
	}
	switch c.r.Method + " " + c.path {
	case "POST /chat/completions":
		c.chat()
	case "POST /responses":
		c.responses()
	case "POST /embeddings":
		c.embeddings()
	case "POST /messages":
		c.messages()
	case "POST /messages/count_tokens":
		c.countTokens()
	case "GET /models":
		c.models("")
	default:
		c.serveOne()
	}
}

// serveOne answers requests for one thing of an id.
func (c *call) serveOne() {
	kind, id, _ := strings.Cut(strings.TrimPrefix(c.path, "/"), "/")
	switch {
	case id == "":
		c.fail(unknownPath(c.r))
	case c.r.Method == http.MethodGet && kind == "models":
		c.models(id)
	case c.r.Method == http.MethodGet && kind == "responses":
		c.readResponse(id)
	case c.r.Method == http.MethodDelete && kind == "responses":
		c.deleteResponse(id)
	default:
		c.fail(unknownPath(c.r))
	}
}

// unpack undoes the encoding of the request's body.
func (c *call) unpack() error {
	if c.r.Header.Get("Content-Encoding") != "gzip" {
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	c.body, err = io.ReadAll(io.LimitReader(z, maxBody))
	return err
}

// authenticate returns why a request may not be served, or nil.
func (p *Provider) authenticate(r *http.Request, anthropic bool) *failure {
	if p.Key == "" {
		return nil
	}
	key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if k := r.Header.Get("X-Api-Key"); anthropic && k != "" {
		key = k
	}
	if key == p.Key {
		return nil
	}
	f := wrongKey(key)
	return &f
}
