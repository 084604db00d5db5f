package openai

import (
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// chunk reads a chunk of a Chat Completions stream.
func (m *meter) chunk(data []byte) provider.EventKind {
	if n, ok := m.shape.Text(data); ok {
		m.bytes += n
		return m.part(true)
	}
	m.shape.Drop()
	before := m.bytes
	var (
		s        jsonscan.Scanner
		holes    wire.Holes
		reply    = m.reply // staged, since the chunk may break further on
		usage    bool      // there is a usage object
		list     bool      // there is a list of choices
		choices  int       // so many are in it
		finished bool      // one of them is
		holds    bool      // one of them holds content
		failed   bool
	)
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "model":
			wire.Keep(&reply.model, &s)
		case "service_tier":
			wire.Keep(&reply.tier, &s)
		case "choices":
			if list = s.Kind() == jsonscan.Array; list {
				s.Array(func(int) {
					choices++
					content, end := m.choice(&s, &holes)
					holds, finished = holds || content, finished || end
				})
			}
		case "usage":
			if usage = s.Kind() == jsonscan.Object; usage {
				reply.counts.read(&s)
			}
		case "error":
			failed = !s.Null()
		case "obfuscation":
			holes.Open(&s)
		}
	})
	s.End()
	if s.Err() != nil {
		m.bytes = before
		return m.unreadable(data)
	}
	m.reply = reply
	switch {
	case failed:
		m.failed = true
		return provider.EventError
	case choices > 0:
		if holds {
			m.shape.Take(data, &holes, m.bytes-before)
		}
		return m.part(holds || finished)
	case list && usage:
		return provider.EventUsage
	}
	return provider.EventOther
}

// choice reads one choice of a chunk and reports whether it holds content, and
// whether it says that it is finished.
func (m *meter) choice(s *jsonscan.Scanner, holes *wire.Holes) (holds, finished bool) {
	index := int64(0)
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "index":
			index = wire.Count(s)
		case "delta":
			holds = m.delta(s, holes)
		case "finish_reason":
			finished = s.Kind() == jsonscan.String
		}
	})
	m.choices.start(index)
	if finished {
		m.choices.finish(index)
	}
	return holds, finished
}

// delta counts the content of a choice: texts, reasoning, arguments of calls,
// and the transcript of a recording, but not the recording.
func (m *meter) delta(s *jsonscan.Scanner, holes *wire.Holes) (holds bool) {
	var w jsonscan.Weight
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "role":
		case "audio":
			wire.Members(s, func(key []byte) {
				holds = true
				if string(key) == "transcript" {
					s.Weigh(&w)
				}
			})
		case "tool_calls":
			toolCalls(s, holes, &w)
		default:
			if s.Kind() != jsonscan.Null {
				holes.Text(s, &w)
			}
		}
	})
	n := w.Text + w.Blob
	m.bytes += n
	return holds || n > 0
}

// toolCalls weighs the pieces of tool calls.
func toolCalls(s *jsonscan.Scanner, holes *wire.Holes, w *jsonscan.Weight) {
	if s.Kind() != jsonscan.Array {
		return
	}
	s.Array(func(int) {
		wire.Members(s, func(key []byte) {
			if string(key) != "function" {
				s.Weigh(w)
				return
			}
			wire.Members(s, func(key []byte) {
				if string(key) == "arguments" {
					holes.Text(s, w)
				} else {
					s.Weigh(w)
				}
			})
		})
	})
}

// choices are the choices of a stream by their index. Those beyond the 128 that
// OpenAI allows are not told apart.
type choices struct {
	started, finished [2]uint64
}

func (c *choices) start(i int64)  { c.started[i>>6&1] |= 1 << (i & 63) }
func (c *choices) finish(i int64) { c.finished[i>>6&1] |= 1 << (i & 63) }

// done reports whether every choice that was started is finished.
func (c *choices) done() bool {
	return c.started != [2]uint64{} && c.started == c.finished
}
