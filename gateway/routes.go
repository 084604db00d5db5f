package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// A route is what a method and a path ask for.
type route struct {
	dialect  provider.Dialect // in which to answer; nil for Rungate's own endpoints
	endpoint provider.Endpoint
	id       string // what follows the endpoint's path, still escaped: "/resp_123"
	own      ownEndpoint
}

type ownEndpoint uint8

const (
	showRun ownEndpoint = iota + 1
	completeRun
	showGate
)

var (
	openAI provider.Dialect = openai.Dialect{}
	claude provider.Dialect = anthropic.Dialect{}
)

// spoken returns the dialect that a request's header tells of.
func spoken(r *http.Request) provider.Dialect {
	if r.Header.Get("Anthropic-Version") != "" {
		return claude
	}
	return openAI
}

// find returns the route of a request, and false if there is none; then it has no more
// than a dialect. SDKs differ in what they put after a base URL that ends in /v1: some
// nothing but the function, some another /v1.
func find(r *http.Request) (route, bool) {
	p := r.URL.EscapedPath()
	if !strings.HasPrefix(p, "/") { // it was stripped with what is before it
		p = "/" + p
	}
	p = strings.TrimPrefix(p, "/v1")
	if strings.HasPrefix(p, "/v1/messages") {
		p = p[len("/v1"):]
	}
	switch r.Method {
	case http.MethodPost:
		switch p {
		case "/chat/completions":
			return route{dialect: openAI, endpoint: provider.Chat}, true
		case "/messages":
			return route{dialect: claude, endpoint: provider.Messages}, true
		case "/messages/count_tokens":
			return route{dialect: claude, endpoint: provider.CountTokens}, true
		case "/responses":
			return route{dialect: openAI, endpoint: provider.Responses}, true
		case "/embeddings":
			return route{dialect: openAI, endpoint: provider.Embeddings}, true
		}
		if id, ok := segment(strings.TrimSuffix(p, "/complete"), "/runs"); ok && strings.HasSuffix(p, "/complete") {
			return route{own: completeRun, id: id}, true
		}
	case http.MethodGet:
		if id, ok := modelID(p); ok {
			return route{dialect: spoken(r), endpoint: provider.Models, id: id}, true
		}
		if id, ok := segment(p, "/runs"); ok {
			return route{own: showRun, id: id}, true
		}
		if id, ok := segment(p, "/gates"); ok {
			return route{own: showGate, id: id}, true
		}
		fallthrough
	case http.MethodDelete:
		if id, ok := segment(p, "/responses"); ok && stays(id) {
			return route{dialect: openAI, endpoint: provider.Responses, id: id}, true
		}
	}
	if p == "/messages" || strings.HasPrefix(p, "/messages/") {
		return route{dialect: claude}, false
	}
	return route{dialect: spoken(r)}, false
}

// segment returns the one segment of p below prefix, with its slash.
func segment(p, prefix string) (id string, ok bool) {
	id, ok = strings.CutPrefix(p, prefix)
	if !ok || len(id) < 2 || id[0] != '/' || strings.Contains(id[1:], "/") {
		return "", false
	}
	return id, true
}

// stays reports whether a segment, still escaped, is no way to another path: not
// for a provider either that unescapes it twice, or resolves it afterwards.
func stays(segment string) bool {
	id, err := url.PathUnescape(segment[1:])
	return err == nil && plainSegment(id)
}

// plainSegment reports the same for a segment that is not escaped.
func plainSegment(id string) bool {
	return id != "" && id != "." && id != ".." && !strings.ContainsFunc(id, func(c rune) bool {
		return c <= ' ' || c == 0x7f || strings.ContainsRune(`/\%?#`, c)
	})
}

// modelID returns what follows "/models" in p: nothing, or the name of a model with
// its slash. Names may have further slashes, escaped or not.
func modelID(p string) (id string, ok bool) {
	id, ok = strings.CutPrefix(p, "/models")
	if !ok || id == "" {
		return "", ok
	}
	name, err := url.PathUnescape(id)
	if err != nil || name[0] != '/' {
		return "", false
	}
	for part := range strings.SplitSeq(name[1:], "/") {
		if !plainSegment(part) {
			return "", false
		}
	}
	return id, true
}

// wantsWebSocket reports whether r asks to leave HTTP for Responses. Codex does
// so before it falls back to plain requests, which it does at once only for a 426.
func wantsWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && strings.HasSuffix(r.URL.Path, "/responses")
}
