package translate

import (
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// messageCounts are what a message counts. No token of the input is in two of
// them. One that is not told is [wire.Unreported].
type messageCounts struct {
	input, cached       int64 // cached is read from the cache
	written             int64 // to it
	fiveMinutes, anHour int64 // parts of written
	output, thinking    int64 // thinking is in output
}

var uncounted = messageCounts{
	wire.Unreported, wire.Unreported, wire.Unreported, wire.Unreported,
	wire.Unreported, wire.Unreported, wire.Unreported,
}

// read reads a usage object. What it does not tell stays as it was.
func (c *messageCounts) read(text []byte) error {
	var s jsonscan.Scanner
	s.Reset(text)
	report := func(to *int64) {
		if n := wire.Count(&s); n != wire.Unreported {
			*to = n
		}
	}
	wire.Members(&s, func(name []byte) {
		switch string(name) {
		case "input_tokens":
			report(&c.input)
		case "cache_read_input_tokens":
			report(&c.cached)
		case "cache_creation_input_tokens":
			report(&c.written)
		case "cache_creation":
			wire.Members(&s, func(name []byte) {
				switch string(name) {
				case "ephemeral_5m_input_tokens":
					report(&c.fiveMinutes)
				case "ephemeral_1h_input_tokens":
					report(&c.anHour)
				}
			})
		case "output_tokens":
			report(&c.output)
		case "output_tokens_details":
			wire.Members(&s, func(name []byte) {
				if string(name) == "thinking_tokens" {
					report(&c.thinking)
				}
			})
		}
	})
	return s.Err()
}

// appendTo appends the usage as Chat tells it: what is read from the cache and
// written to it is part of the prompt.
func (c *messageCounts) appendTo(b []byte) []byte {
	written := c.written
	if written == wire.Unreported {
		written = max(c.fiveMinutes, 0) + max(c.anHour, 0)
	}
	prompt := max(c.input, 0) + max(c.cached, 0) + written
	completion := max(c.output, 0)
	for _, n := range []struct {
		name  string
		count int64
	}{
		{`{"prompt_tokens":`, prompt},
		{`,"completion_tokens":`, completion},
		{`,"total_tokens":`, prompt + completion},
		{`,"prompt_tokens_details":{"cached_tokens":`, max(c.cached, 0)},
		{`,"cache_write_tokens":`, written},
		{`,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":`, min(max(c.thinking, 0), completion)},
	} {
		b = strconv.AppendInt(append(b, n.name...), n.count, 10)
	}
	return append(b, `,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`...)
}
