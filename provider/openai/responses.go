package openai

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// responseEvent reads an event of a Responses stream.
func (m *meter) responseEvent(data []byte) provider.EventKind {
	if n, ok := m.shape.Text(data); ok {
		m.bytes += n
		return m.part(true)
	}
	m.shape.Drop()
	var (
		s     jsonscan.Scanner
		w     jsonscan.Weight
		holes wire.Holes
		kind  []byte
		entry outputItem
		reply = m.reply // staged, since the event may break further on
	)
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			if s.Kind() == jsonscan.String {
				kind = s.Str()
			}
		case "delta":
			holes.Text(&s, &w)
		case "sequence_number", "obfuscation":
			holes.Open(&s)
		case "part":
			wire.Members(&s, func(key []byte) {
				if string(key) == "text" {
					s.Weigh(&w)
				}
			})
		case "item":
			entry.read(&s)
		case "response":
			reply.read(&s)
		}
	})
	s.End()
	if s.Err() != nil {
		return m.unreadable(data)
	}
	m.reply = reply
	switch string(kind) {
	case "response.created", "response.queued", "response.in_progress":
		return m.part(false)
	case "response.output_item.added":
		return m.part(!entry.container)
	case "response.content_part.added", "response.reasoning_summary_part.added":
		return m.part(w.Text > 0)
	case "response.completed", "response.incomplete":
		m.ended = true
		return provider.EventEnd
	case "response.failed":
		m.ended, m.failed = true, true
		return provider.EventError
	case "error":
		m.failed = true
		return provider.EventError
	case "response.output_item.done":
		if entry.search {
			m.calls++
		}
		if entry.image {
			m.made++
		}
	}
	if !bytes.HasPrefix(kind, []byte("response.")) {
		return provider.EventOther
	}
	if bytes.HasSuffix(kind, []byte(".delta")) && !bytes.HasSuffix(kind, []byte("audio.delta")) {
		if n := w.Text + w.Blob; n > 0 {
			m.bytes += n
			m.shape.Take(data, &holes, n)
		}
	}
	return m.part(true)
}

// An outputItem is what an item of a Responses answer is to the meter.
type outputItem struct {
	container bool // it is a message or reasoning, whose content comes in parts
	search    bool // it is a web search, which is billed
	image     bool // it is an image that a tool has made, likewise
}

func (o *outputItem) read(s *jsonscan.Scanner) {
	var call, search bool
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "type":
			if s.Kind() != jsonscan.String {
				return
			}
			switch string(s.Str()) {
			case "message", "reasoning":
				o.container = true
			case "web_search_call":
				call = true
			case "image_generation_call":
				o.image = true
			}
		case "action":
			wire.Members(s, func(key []byte) {
				if string(key) == "type" && s.Kind() == jsonscan.String {
					search = string(s.Str()) == "search"
				}
			})
		}
	})
	o.search = call && search
}

// A reply is what an answer says about itself: the members of a response
// object, or of a chat completion, or those that a stream gives piece by piece.
type reply struct {
	model, tier string
	counts      counts
	searches    int64 // web searches
	images      imageCounts
}

// read reads a response object. The latest of a stream counts.
func (r *reply) read(s *jsonscan.Scanner) {
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "model":
			wire.Keep(&r.model, s)
		case "service_tier":
			wire.Keep(&r.tier, s)
		case "usage":
			if s.Kind() == jsonscan.Object {
				r.counts.read(s)
			}
		case "tool_usage":
			r.tools(s)
		}
	})
}

// tools reads "tool_usage": what is billed for tools, and is not in "usage".
func (r *reply) tools(s *jsonscan.Scanner) {
	r.searches, r.images = wire.Unreported, imageCounts{}
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "web_search":
			wire.Members(s, func(key []byte) {
				if string(key) == "num_requests" {
					r.searches = wire.Count(s)
				}
			})
		case "image_gen":
			r.images.read(s)
		}
	})
}
