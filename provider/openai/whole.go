package openai

import (
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// The members that tell what an answer consumed.
var (
	ofAnswer   = []string{"model", "service_tier", "usage", "error"}
	ofResponse = append(ofAnswer[:len(ofAnswer):len(ofAnswer)], "tool_usage", "output", "status")
)

// Body implements [provider.Meter].
func (m *meter) Body(p []byte) {
	names := ofAnswer
	if m.endpoint == provider.Responses {
		names = ofResponse
	}
	m.whole.Write(p, names, m.readWhole)
}

// readWhole reads the members of a whole answer.
func (m *meter) readWhole(tap *jsonscan.Tap) {
	var s jsonscan.Scanner
	s.Reset(tap.Value("model"))
	wire.Keep(&m.reply.model, &s)
	s.Reset(tap.Value("service_tier"))
	wire.Keep(&m.reply.tier, &s)
	s.Reset(tap.Value("error"))
	m.failed = s.Kind() != jsonscan.Invalid && !s.Null()
	s.Reset(tap.Value("usage"))
	if s.Kind() == jsonscan.Object {
		m.reply.counts.read(&s)
		if s.End(); s.Err() != nil {
			m.reply.counts = unreported
		}
	}
	if m.endpoint != provider.Responses {
		return
	}
	s.Reset(tap.Value("tool_usage"))
	m.reply.tools(&s)
	if m.reply.searches == wire.Unreported || !m.reply.images.reported { // it is from before there was tool_usage
		s.Reset(tap.Value("output"))
		m.calls, m.made = billedCalls(&s)
	}
	s.Reset(tap.Value("status"))
	if s.Kind() == jsonscan.String {
		status := string(s.Str())
		m.pending = status == "queued" || status == "in_progress"
	}
}

// billedCalls counts the web searches and the images in the output of a response.
func billedCalls(s *jsonscan.Scanner) (searches, images int64) {
	if s.Kind() != jsonscan.Array {
		return 0, 0
	}
	s.Array(func(int) {
		var item outputItem
		item.read(s)
		if item.search {
			searches++
		}
		if item.image {
			images++
		}
	})
	return searches, images
}
