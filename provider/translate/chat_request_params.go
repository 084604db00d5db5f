package translate

import (
	"strconv"
	"strings"
)

// How long an answer may be where the request does not say, in tokens: as long as the
// model's can be, or so long if that is not known, or if the answer is not streamed,
// since a call is cut that is silent for minutes. No Claude of today stops before it
// unless its limit is known.
const defaultLimit = 32_000

// limit writes how long the answer may be, and returns it.
func (t *messagesWriter) limit(o entries) int64 {
	field := "max_completion_tokens"
	value, old := o.take(field), o.take("max_tokens")
	if value == nil {
		field, value = "max_tokens", old
	}
	limit, most := t.to.MaxOutput, t.to.MaxOutput
	switch {
	case value != nil:
		limit = t.count(field, value)
		if most > 0 && limit > most {
			limit = most
			t.note(field, "clamped to "+strconv.FormatInt(most, 10))
		}
	case most <= 0 || most > defaultLimit && !t.ask.Stream:
		limit = defaultLimit
	}
	t.key("max_tokens")
	t.out = strconv.AppendInt(t.out, limit, 10)
	return limit
}

// count reads a number of at least 1.
func (t *messagesWriter) count(field string, value []byte) int64 {
	n := integer(value)
	if n < 1 {
		t.refuse(field, "a whole number above 0 is wanted")
	}
	return n
}

// streaming translates whether the answer is streamed, and how.
func (t *messagesWriter) streaming(o entries) {
	o.take("stream")
	if t.ask.Stream {
		t.key("stream")
		t.out = append(t.out, "true"...)
	}
	options := o.take("stream_options")
	if options == nil {
		return
	}
	before := len(t.arena)
	inner := t.open("stream_options", options)
	t.back.usage = begins(inner.take("include_usage"), 't')
	inner.take("include_obfuscation")
	t.restIn("stream_options", inner)
	t.arena = t.arena[:before]
}

// sampling writes how the next token is chosen: by one of the two numbers, since Claude
// takes no more. A model that thinks does not let itself be told much.
func (t *messagesWriter) sampling(temperature, topP []byte, thinks bool) {
	heat, isHeat := number(temperature)
	share, isShare := number(topP)
	switch {
	case temperature == nil:
	case !isHeat:
		t.refuse("temperature", "a number is wanted")
	case heat == 1 && (!t.can.sampling || thinks || isShare && share != 1): // it is that
	case !t.can.sampling, thinks:
		t.note("temperature", "dropped")
	case heat > 1:
		t.note("temperature", "clamped to 1")
		t.key("temperature")
		t.out = append(t.out, '1')
	default:
		t.key("temperature")
		t.out = append(t.out, temperature...)
	}
	switch {
	case topP == nil:
	case !isShare:
		t.refuse("top_p", "a number is wanted")
	case share == 1: // it is that
	case !t.can.sampling, thinks && share < 0.95, temperature != nil && heat != 1:
		t.note("top_p", "dropped")
	default:
		t.key("top_p")
		t.out = append(t.out, topP...)
	}
}

// stops translates the sequences at which the answer stops.
func (t *messagesWriter) stops(o entries) {
	value := o.take("stop")
	some := false
	add := func(_ int, stop []byte) {
		switch {
		case !begins(stop, '"'):
			t.refuse("stop", "a text or a list of texts is wanted")
		case blank(stop):
			t.note("stop", "white space dropped")
		case !some:
			t.key("stop_sequences")
			t.out = append(t.out, '[')
			some = true
			fallthrough
		default:
			t.comma()
			t.out = append(t.out, stop...)
		}
	}
	switch {
	case value == nil:
	case begins(value, '['):
		t.list("stop", value, add)
	default:
		add(0, value)
	}
	if some {
		t.out = append(t.out, ']')
	}
}

// onlyText refuses what asks for an answer that the other API cannot give.
func (t *messagesWriter) onlyText(o entries) {
	if n := o.take("n"); n != nil && t.count("n", n) > 1 {
		t.refuse("n", "the other API gives one answer to a call; make several calls")
	}
	if modes := o.take("modalities"); modes != nil {
		t.list("modalities", modes, func(_ int, mode []byte) {
			if string(word(mode)) != "text" {
				t.refuse("modalities", "the other API answers with text only")
			}
		})
	}
	if logs := o.take("logprobs"); logs != nil && string(logs) != "false" {
		t.refuse("logprobs", "the other API does not tell how likely tokens were; do without")
	}
	if top := o.take("top_logprobs"); top != nil && string(top) != "0" {
		t.refuse("top_logprobs", "the other API does not tell how likely tokens were; do without")
	}
	for _, p := range []struct{ name, reason string }{
		{"audio", "the other API answers with text only"},
		{"moderation", "the other API does not moderate what it reads and writes; do it in a call of its own"},
		{"web_search_options", "the other API searches in another way and at other prices; search with a tool of your own"},
	} {
		if o.take(p.name) != nil {
			t.refuse(p.name, p.reason)
		}
	}
	if strings.Contains(t.ask.Model, "-search-") {
		t.refuse("model", "it searches the web by itself, which the other API's models do not")
	}
}

// leftOut notes what costs quality or money only.
func (t *messagesWriter) leftOut(o entries) {
	for _, p := range []struct{ name, usual string }{
		{"frequency_penalty", "0"}, {"presence_penalty", "0"}, {"logit_bias", "{}"}, {"seed", ""},
		{"verbosity", `"medium"`}, {"prediction", ""}, {"metadata", "{}"}, {"store", "false"},
	} {
		if v := o.take(p.name); v != nil && string(v) != p.usual {
			if f, ok := number(v); !ok || f != 0 || p.usual != "0" {
				t.note(p.name, "dropped")
			}
		}
	}
}
