package translate

import (
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// chatCounts are what an answer of Chat Completions says of its usage. Cached and
// written tokens are in its input, and reasoning in its output. What is not
// reported is [wire.Unreported].
type chatCounts struct{ input, cached, written, output, reasoning int64 }

var noChatCounts = chatCounts{wire.Unreported, wire.Unreported, wire.Unreported, wire.Unreported, wire.Unreported}

// read reads a usage object. What that does not report stays as an earlier one has
// reported it.
func (c *chatCounts) read(s *jsonscan.Scanner) {
	report := func(field *int64) {
		if n := wire.Count(s); n != wire.Unreported {
			*field = n
		}
	}
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "prompt_tokens":
			report(&c.input)
		case "completion_tokens":
			report(&c.output)
		case "prompt_tokens_details":
			wire.Members(s, func(key []byte) {
				switch string(key) {
				case "cached_tokens":
					report(&c.cached)
				case "cache_write_tokens":
					report(&c.written)
				}
			})
		case "completion_tokens_details":
			wire.Members(s, func(key []byte) {
				if string(key) == "reasoning_tokens" {
					report(&c.reasoning)
				}
			})
		}
	})
}

// estimate fills in what was not reported, by the estimate of the input and by the
// bytes of the output.
func (c *chatCounts) estimate(input, bytes int64, notes *Notes) {
	if c.input == wire.Unreported || c.output == wire.Unreported {
		notes.Add("usage", "estimated")
	}
	if c.input == wire.Unreported {
		c.input = input
	}
	if c.output == wire.Unreported {
		c.output = wire.Tokens(bytes)
	}
}

// appendTo appends the members of a usage object of Messages, where no token is in
// two counts of the input. How long what was written stays in the cache is not told.
func (c *chatCounts) appendTo(b []byte) []byte {
	input := max(c.input, 0)
	cached := min(max(c.cached, 0), input)
	written := min(max(c.written, 0), input-cached)
	b = strconv.AppendInt(append(b, `"input_tokens":`...), input-cached-written, 10)
	b = strconv.AppendInt(append(b, `,"cache_creation_input_tokens":`...), written, 10)
	b = strconv.AppendInt(append(b, `,"cache_read_input_tokens":`...), cached, 10)
	b = strconv.AppendInt(append(b, `,"output_tokens":`...), max(c.output, 0), 10)
	b = strconv.AppendInt(append(b, `,"output_tokens_details":{"thinking_tokens":`...), min(max(c.reasoning, 0), max(c.output, 0)), 10)
	return append(b, '}')
}
