package openai

import (
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// counts are the fields of a usage object that have a price. OpenAI counts
// inclusively: cached, written and audio tokens are in input, reasoning and
// audio tokens in output. A field that is not reported is [wire.Unreported].
type counts struct {
	input, cached, written, audioInput int64
	output, audioOutput, reasoning     int64
}

var unreported = counts{
	wire.Unreported, wire.Unreported, wire.Unreported, wire.Unreported,
	wire.Unreported, wire.Unreported, wire.Unreported,
}

// read reads a usage object, of whichever endpoint.
func (c *counts) read(s *jsonscan.Scanner) {
	*c = unreported
	s.Object(func(key []byte) {
		switch string(key) {
		case "prompt_tokens", "input_tokens":
			c.input = wire.Count(s)
		case "completion_tokens", "output_tokens":
			c.output = wire.Count(s)
		case "prompt_tokens_details", "input_tokens_details":
			wire.Members(s, func(key []byte) {
				switch string(key) {
				case "cached_tokens":
					c.cached = wire.Count(s)
				case "cache_write_tokens":
					c.written = wire.Count(s)
				case "audio_tokens":
					c.audioInput = wire.Count(s)
				}
			})
		case "completion_tokens_details", "output_tokens_details":
			wire.Members(s, func(key []byte) {
				switch string(key) {
				case "reasoning_tokens":
					c.reasoning = wire.Count(s)
				case "audio_tokens":
					c.audioOutput = wire.Count(s)
				}
			})
		}
	})
}

// tokens takes the counts apart, so that no token is in two of them. A part is
// never larger than what is left of its whole; a token that is both cached and
// audio is cached.
func (c *counts) tokens() provider.Tokens {
	var t provider.Tokens
	rest := max(c.input, 0)
	t.CacheRead, rest = take(c.cached, rest)
	t.CacheWrite, rest = take(c.written, rest)
	t.AudioInput, t.Input = take(c.audioInput, rest)
	t.AudioOutput, t.Output = take(c.audioOutput, max(c.output, 0))
	t.Reasoning, _ = take(c.reasoning, t.Output)
	return t
}

// imageCounts are what the tool that makes images has consumed, with a model of its
// own: the fields of "image_gen". One that is 0, or less, is not reported.
type imageCounts struct {
	reported           bool
	input, inputImages int64 // inputImages are in input
	output, outputText int64 // outputText is in output
}

func (c *imageCounts) read(s *jsonscan.Scanner) {
	c.reported = true
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "input_tokens":
			c.input = wire.Count(s)
		case "output_tokens":
			c.output = wire.Count(s)
		case "input_tokens_details":
			wire.Members(s, func(key []byte) {
				if string(key) == "image_tokens" {
					c.inputImages = wire.Count(s)
				}
			})
		case "output_tokens_details":
			wire.Members(s, func(key []byte) {
				if string(key) == "text_tokens" {
					c.outputText = wire.Count(s)
				}
			})
		}
	})
}

// pass is what was consumed, by the model. What is not told apart is a prompt of text,
// and images that have come of it.
func (c *imageCounts) pass(model string) provider.Pass {
	p := provider.Pass{Model: model}
	p.Input, p.Output = max(c.input, 0), max(c.output, 0)
	p.ImageInput, _ = take(c.inputImages, p.Input)
	_, p.ImageOutput = take(c.outputText, p.Output)
	return p
}

// take returns as much of want as there is, and what it leaves.
func take(want, there int64) (got, left int64) {
	got = min(max(want, 0), there)
	return got, there - got
}
