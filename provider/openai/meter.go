package openai

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Meter implements [provider.Dialect]. To read a stored response, which is a
// request without a model, consumes nothing.
func (Dialect) Meter(r *provider.Request) provider.Meter {
	m := meters.Get().(*meter)
	*m = meter{
		endpoint:  r.Endpoint,
		free:      r.Endpoint.Free() || r.Model == "",
		input:     r.Input,
		maxOutput: r.MaxOutput,
		untold:    untoldSearches(r),
		previews:  searchesByPreview(r),
		imager:    imageModel(r),
		reply:     reply{counts: unreported, searches: wire.Unreported},
	}
	return m
}

// meters are lent to answers.
var meters = sync.Pool{New: func() any { return new(meter) }}

// Recycle implements [provider.Recycler].
func (m *meter) Recycle() {
	*m = meter{}
	meters.Put(m)
}

// untoldSearches returns how many web searches an answer of Chat stands for, which
// does not tell of them: one for each choice, if the request or its model searches.
func untoldSearches(r *provider.Request) int64 {
	if r.Endpoint != provider.Chat {
		return 0
	}
	if strings.Contains(r.Model, "-search-preview") || strings.Contains(r.Model, "-search-api") ||
		slices.ContainsFunc(r.Tools, func(t provider.Tool) bool { return t.Type == "web_search_options" }) {
		return max(1, r.Choices)
	}
	return 0
}

// searchesByPreview reports whether the request's tool for web searches is a preview.
// If it has the other one too, an answer does not tell which of them has searched.
func searchesByPreview(r *provider.Request) bool {
	return slices.ContainsFunc(r.Tools, func(t provider.Tool) bool {
		unversioned, _ := provider.ToolKind(t.Type)
		return unversioned == "web_search_preview"
	})
}

// imageModel returns the model by which the provider makes images for the request's
// model: what the tool for that names, or else the default, by OpenAI's reference of the
// Responses API.
func imageModel(r *provider.Request) string {
	for i := range r.Tools {
		if t := &r.Tools[i]; t.Model != "" && t.Type == "image_generation" {
			return t.Model
		}
	}
	return "gpt-image-1"
}

// mostImageTokens is how much output an image is taken for that is not reported: as much as
// one of gpt-image-1 has at most, by platform.openai.com/docs/guides/image-generation.
const mostImageTokens = 6240

// A meter reads one answer. It holds on to nothing of the request's body.
type meter struct {
	endpoint  provider.Endpoint
	input     int64 // the estimate
	maxOutput int64
	untold    int64 // web searches that the answer makes and does not report
	previews  bool  // a preview tool makes them
	imager    string

	whole wire.Whole // an answer that is no stream

	shape   wire.Shape // of the events of a stream that only bring text
	reply   reply
	calls   int64 // web searches that passed
	made    int64 // images likewise
	choices choices
	bytes   int64 // of content that passed
	free    bool  // it costs nothing
	content bool  // some has
	pending bool  // the answer will be made after this
	failed  bool  // the answer is an error, or ends in one
	ended   bool  // the stream has said so
}

// Event implements [provider.Meter].
func (m *meter) Event(name, data []byte) provider.EventKind {
	data = bytes.TrimSpace(data)
	switch {
	case string(data) == "[DONE]":
		m.ended = true
		return provider.EventEnd
	case string(name) == "error":
		m.failed = true
		return provider.EventError
	case len(data) == 0 || data[0] != '{':
		return provider.EventOther
	case m.endpoint == provider.Responses:
		return m.responseEvent(data)
	}
	return m.chunk(data)
}

// part tells an event that is part of the answer from one that only leads in.
func (m *meter) part(holds bool) provider.EventKind {
	if !holds && !m.content {
		return provider.EventLead
	}
	m.content = true
	return provider.EventContent
}

// unreadable takes an event that is no JSON for content, since a client may be
// less strict.
func (m *meter) unreadable(data []byte) provider.EventKind {
	m.bytes += int64(len(data))
	return m.part(true)
}

// Ended implements [provider.Meter].
func (m *meter) Ended() bool {
	return m.ended || m.choices.done() || m.whole.Ended()
}

// Usage implements [provider.Meter].
func (m *meter) Usage() provider.Usage {
	if m.free {
		return provider.Usage{}
	}
	if m.whole.Begun() {
		m.bytes = m.whole.Bytes()
		m.whole.Peek(m.readWhole)
	}
	c := m.reply.counts
	images := m.reply.images.pass(m.imager)
	untoldImages := m.made > 0 && !m.reply.images.reported
	if untoldImages {
		images.Output = m.made * mostImageTokens
		images.ImageOutput = images.Output
	}
	if m.failed && !m.content && c.input < 0 && c.output < 0 && images.Total() == 0 {
		return provider.Usage{}
	}
	u := provider.Usage{
		Model:       m.reply.model,
		ServiceTier: wire.Unusual(m.reply.tier),
		WebSearches: m.reply.searches,
	}
	if u.WebSearches == wire.Unreported {
		u.WebSearches = m.calls
		if m.content || m.whole.Begun() && !m.failed && m.bytes > 0 {
			u.WebSearches += m.untold
		}
	}
	if m.previews {
		u.PreviewSearches = u.WebSearches
	}
	if c.input == wire.Unreported {
		c.input = m.input
		u.Estimated = true
	}
	switch {
	case m.endpoint == provider.Embeddings:
		c.output = 0 // vectors are no tokens
	case c.output == wire.Unreported && m.pending:
		c.output = m.maxOutput
		u.Estimated = true
	case c.output == wire.Unreported, !m.whole.Begun() && !m.Ended(): // some servers report as they go
		c.output = max(c.output, wire.Tokens(m.bytes))
		u.Estimated = true
	}
	u.Tokens = c.tokens()
	u.Estimated = u.Estimated || untoldImages
	if images.Total() > 0 {
		u.Passes = []provider.Pass{{Tokens: u.Tokens}, images}
		u.Tokens = u.Tokens.Plus(images.Tokens)
	}
	return u
}
