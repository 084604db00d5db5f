package anthropic

import (
	"bytes"
	"sync"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Meter implements [provider.Dialect].
func (Dialect) Meter(r *provider.Request) provider.Meter {
	m := meters.Get().(*meter)
	*m = meter{
		free:      r.Endpoint.Free() || r.Model == "",
		input:     r.Input,
		longCache: r.LongCache,
		reply:     reply{counts: unreported},
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

// A meter reads one answer. It holds on to nothing of the request's body.
type meter struct {
	free      bool
	input     int64 // the estimate
	longCache bool

	whole wire.Whole // an answer that is no stream

	shape   wire.Shape // of the events of a stream that only bring text
	reply   reply
	final   bool  // the reply's output is all there is
	bytes   int64 // of content that passed
	content bool  // some has
	failed  bool  // the answer is an error, or ends in one
	ended   bool  // the stream has said so
}

// ofAnswer are the members that tell what an answer consumed.
var ofAnswer = []string{"model", "usage", "error"}

// Body implements [provider.Meter].
func (m *meter) Body(p []byte) {
	m.whole.Write(p, ofAnswer, m.readWhole)
}

// readWhole reads the members of a whole answer.
func (m *meter) readWhole(tap *jsonscan.Tap) {
	var s jsonscan.Scanner
	s.Reset(tap.Value("model"))
	wire.Keep(&m.reply.model, &s)
	s.Reset(tap.Value("error"))
	m.failed = s.Kind() != jsonscan.Invalid && !s.Null()
	s.Reset(tap.Value("usage"))
	if s.Kind() == jsonscan.Object {
		reply := m.reply
		reply.usage(&s)
		if s.End(); s.Err() == nil {
			m.reply = reply
			m.final = reply.counts.output != wire.Unreported
		}
	}
}

// Event implements [provider.Meter].
func (m *meter) Event(name, data []byte) provider.EventKind {
	data = bytes.TrimSpace(data)
	switch {
	case string(name) == "error":
		m.failed = true
		return provider.EventError
	case len(data) == 0 || data[0] != '{':
		return provider.EventOther
	}
	return m.event(data)
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
func (m *meter) Ended() bool { return m.ended || m.whole.Ended() }

// Usage implements [provider.Meter].
func (m *meter) Usage() provider.Usage {
	if m.free {
		return provider.Usage{}
	}
	if m.whole.Begun() {
		m.bytes = m.whole.Bytes()
		m.whole.Peek(m.readWhole)
	}
	r := &m.reply
	if m.failed && !m.content && r.counts.input < 0 && r.counts.output < 0 {
		return provider.Usage{}
	}
	u := provider.Usage{
		Model:        r.model,
		WebSearches:  r.searches,
		ServiceTier:  wire.Unusual(r.tier),
		InferenceGeo: wire.Unusual(r.geo),
		Speed:        wire.Unusual(r.speed),
	}
	u.Tokens, u.Passes = r.tokens(m.longCache)
	if u.Passes != nil {
		return u
	}
	// A translator may start a stream with counts of zero, since it does not
	// know them yet.
	if r.counts.input == wire.Unreported || !m.final && u.TotalInput() == 0 {
		u.Input = m.input
		u.Estimated = true
	}
	if !m.final {
		u.Output = max(u.Output, wire.Tokens(m.bytes))
		u.Estimated = true
	}
	return u
}
