package anthropic

import (
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// counts are the fields of a usage object that have a price. Anthropic counts
// exclusively: no input token is in two of them. A field that is not reported is
// [wire.Unreported].
type counts struct {
	input, cacheRead, cacheWrite int64
	fiveMinutes, oneHour         int64 // how cacheWrite divides
	output, thinking             int64 // thinking is in output
}

var unreported = counts{
	wire.Unreported, wire.Unreported, wire.Unreported, wire.Unreported,
	wire.Unreported, wire.Unreported, wire.Unreported,
}

// field reads one field of a usage object, or leaves it. A field that is not
// reported leaves what an earlier event has reported of it.
func (c *counts) field(key []byte, s *jsonscan.Scanner) {
	switch string(key) {
	case "input_tokens":
		report(&c.input, s)
	case "cache_read_input_tokens":
		report(&c.cacheRead, s)
	case "cache_creation_input_tokens":
		report(&c.cacheWrite, s)
	case "cache_creation":
		wire.Members(s, func(key []byte) {
			switch string(key) {
			case "ephemeral_5m_input_tokens":
				report(&c.fiveMinutes, s)
			case "ephemeral_1h_input_tokens":
				report(&c.oneHour, s)
			}
		})
	case "output_tokens":
		report(&c.output, s)
	case "output_tokens_details":
		wire.Members(s, func(key []byte) {
			if string(key) == "thinking_tokens" {
				report(&c.thinking, s)
			}
		})
	}
}

func report(field *int64, s *jsonscan.Scanner) {
	if n := wire.Count(s); n != wire.Unreported {
		*field = n
	}
}

// tokens sorts the counts by how they are billed. Cache writes of unknown
// lifetime are for five minutes; but if they are more than the division tells,
// since server tools have written more after the start of a stream, the rest is
// for an hour if the request asks for nothing else.
func (c *counts) tokens(longCache bool) provider.Tokens {
	t := provider.Tokens{
		Input:     max(c.input, 0),
		CacheRead: max(c.cacheRead, 0),
		Output:    max(c.output, 0),
	}
	t.Reasoning = min(max(c.thinking, 0), t.Output)

	short, long := max(c.fiveMinutes, 0), max(c.oneHour, 0)
	total := c.cacheWrite
	if total == wire.Unreported {
		total = short + long
	}
	t.CacheWrite1h = min(long, total)
	t.CacheWrite = min(short, total-t.CacheWrite1h)
	rest := total - t.CacheWrite1h - t.CacheWrite
	divided := c.fiveMinutes != wire.Unreported || c.oneHour != wire.Unreported
	if divided && longCache {
		t.CacheWrite1h += rest
	} else {
		t.CacheWrite += rest
	}
	return t
}

// A pass is one entry of "iterations".
type pass struct {
	kind, model string
	counts      counts
}

// A reply is what an answer says about its consumption. In a stream it is
// overwritten field by field.
type reply struct {
	model            string
	counts           counts
	searches         int64
	tier, geo, speed string
	passes           []pass
}

// message reads a member of a message, or leaves it.
func (r *reply) message(key []byte, s *jsonscan.Scanner) {
	switch string(key) {
	case "model":
		wire.Keep(&r.model, s)
	case "usage":
		r.usage(s)
	}
}

// usage reads a usage object.
func (r *reply) usage(s *jsonscan.Scanner) {
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "server_tool_use":
			wire.Members(s, func(key []byte) {
				if string(key) == "web_search_requests" {
					report(&r.searches, s)
				}
			})
		case "service_tier":
			wire.Keep(&r.tier, s)
		case "inference_geo":
			wire.Keep(&r.geo, s)
		case "speed":
			wire.Keep(&r.speed, s)
		case "iterations":
			r.iterations(s)
		default:
			r.counts.field(key, s)
		}
	})
}

func (r *reply) iterations(s *jsonscan.Scanner) {
	if s.Kind() != jsonscan.Array {
		return
	}
	r.passes = nil
	s.Array(func(int) {
		p := pass{counts: unreported}
		wire.Members(s, func(key []byte) {
			switch string(key) {
			case "type":
				wire.Keep(&p.kind, s)
			case "model":
				wire.Keep(&p.model, s)
			default:
				p.counts.field(key, s)
			}
		})
		r.passes = append(r.passes, p)
	})
}

// tokens returns what was consumed, and the passes it consists of where that is
// more than one sampling of the answer's model.
//
// The counts of the whole leave out some passes (compaction, advisors), so the
// sum of the passes holds. Only thinking is told for the whole alone: it is that
// of the passes that wrote the message, first come, first filled.
func (r *reply) tokens(longCache bool) (provider.Tokens, []provider.Pass) {
	whole := r.counts.tokens(longCache)
	switch len(r.passes) {
	case 0:
		return whole, nil
	case 1:
		if p := r.passes[0]; p.kind == "message" && p.model == "" {
			return whole, nil
		}
	}
	thinking := whole.Reasoning
	var sum provider.Tokens
	passes := make([]provider.Pass, len(r.passes))
	for i := range r.passes {
		p := &r.passes[i]
		t := p.counts.tokens(longCache)
		if p.kind == "message" && t.Reasoning == 0 {
			t.Reasoning = min(thinking, t.Output)
			thinking -= t.Reasoning
		}
		passes[i] = provider.Pass{Model: p.model, Tokens: t}
		sum = sum.Plus(t)
	}
	return sum, passes
}
