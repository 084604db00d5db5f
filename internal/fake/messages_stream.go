package fake

import (
	"encoding/json"
	"net/http"
)

// streamMessage sends an answer as events.
func (c *call) streamMessage(m message) {
	s := c.stream(http.StatusOK)

	start := m
	start.Content = []any{}
	start.StopReason, start.Stop = nil, nil
	start.Usage.Output, start.Usage.OutputDetails = 1, nil // what was output when it began
	s.padded("message_start", messageStart{"message_start", start})

	for i, b := range m.Content {
		switch b := b.(type) {
		case textBlock:
			s.padded("content_block_start", blockStart{"content_block_start", i, textBlock{Type: "text"}})
			s.ping(i)
			for _, word := range pieces(b.Text) {
				s.padded("content_block_delta", blockDelta{"content_block_delta", i, textBlock{"text_delta", word}})
			}
		case toolUseBlock:
			input := string(b.Input)
			if input == "{}" { // nothing is streamed of it
				input = ""
			}
			b.Input = json.RawMessage("{}")
			s.padded("content_block_start", blockStart{"content_block_start", i, b})
			s.ping(i)
			for _, part := range append([]string{""}, pieces(input)...) { // an empty one comes first
				s.padded("content_block_delta", blockDelta{"content_block_delta", i, inputDelta{"input_json_delta", part}})
			}
		}
		s.padded("content_block_stop", blockStop{"content_block_stop", i})
	}

	end := m.Usage
	end.CacheCreation, end.ServiceTier, end.InferenceGeo = nil, "", ""
	s.padded("message_delta", messageDelta{"message_delta", messageEnd{StopReason: m.StopReason, Stop: m.Stop}, end})
	s.padded("message_stop", messageStop{"message_stop"})
}

// ping sends a ping, as comes after the start of the first block.
func (s *stream) ping(block int) {
	if block == 0 {
		s.write("event: ping\ndata: {\"type\": \"ping\"}\n\n")
	}
}
