package translate

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// stream implements [direction].
func (m *toMessages) stream(at time.Time) eventer {
	return &messageStream{back: m, at: at, part: chatPart{counts: noChatCounts}}
}

// A messageStream makes the events of a message out of chunks.
type messageStream struct {
	back  *toMessages
	at    time.Time
	part  chatPart // of the last chunk
	notes Notes

	id     string // of the message; empty while it has not started
	blocks streamBlocks
	reason string // why it has finished; empty if it has not
	weight int64  // bytes that the model has written
	calls  bool   // it calls tools
	refuse bool   // it refuses
	over   bool   // it has ended, or failed and said so
	err    error  // why there is no going on
}

// event implements [eventer]. What comes after the end is left.
func (c *messageStream) event(dst, name, data []byte) ([]byte, error) {
	data = bytes.TrimSpace(data)
	if c.err != nil || c.over || len(data) == 0 {
		return dst, c.err
	}
	from := len(dst)
	var err error
	switch {
	case string(data) == "[DONE]":
		dst, err = c.finish(dst)
	case string(name) == "error":
		c.part.failed = true
	default:
		err = c.part.read(data, "delta", &c.notes)
	}
	switch {
	case err != nil || c.over:
	case c.part.failed:
		c.over = true
		dst = appendMessagesFaultEvent(dst, data)
	default:
		dst, err = c.chunk(dst)
	}
	if err != nil {
		c.err = fmt.Errorf("translate: a stream of Chat Completions: %w", err)
		return dst[:from], c.err
	}
	return dst, nil
}

// end implements [eventer]. Some servers leave out that a stream is done.
func (c *messageStream) end(dst []byte) ([]byte, error) {
	return c.event(dst, nil, []byte("[DONE]"))
}

// noted implements [eventer].
func (c *messageStream) noted() Notes { return c.notes }

// chunk appends what the chunk becomes that has been read.
func (c *messageStream) chunk(dst []byte) ([]byte, error) {
	p := &c.part
	if !p.chosen {
		return dst, nil
	}
	if c.id == "" {
		dst = c.start(dst)
	}
	c.weight += p.weight
	for _, text := range p.texts {
		dst = c.blocks.text(dst, c, text)
	}
	if len(p.refusal) > 0 {
		c.refuse = true
		dst = c.blocks.text(dst, c, p.refusal)
	}
	var err error
	for i := range p.calls {
		c.calls = true
		if dst, err = c.blocks.call(dst, c, &p.calls[i]); err != nil {
			return dst, err
		}
	}
	if len(p.reason) > 0 {
		c.reason = string(p.reason)
	}
	if c.blocks.held > maxWaiting {
		return dst, errors.New("its calls are more than can be kept")
	}
	return dst, nil
}

// start appends how the message begins. What it consumes is told at its end.
func (c *messageStream) start(dst []byte) []byte {
	c.id = messageID(string(c.part.id), c.at)
	dst = appendMessageHead(openEvent(dst, "message_start", `,"message":{`), c.id, string(c.part.model))
	dst = appendMessageStop(append(dst, `,"content":[],`...), "")
	dst = append(dst, `,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":null,`...)
	dst = append(dst, `"output_tokens":0,"output_tokens_details":null,"server_tool_use":null,"service_tier":"standard","inference_geo":null}}`...)
	return closeEvent(openEvent(closeEvent(dst), "ping", ""))
}

// finish appends how the message ends.
func (c *messageStream) finish(dst []byte) ([]byte, error) {
	reason, err := stopReason(c.reason, c.calls, c.refuse, &c.notes)
	if err != nil {
		return dst, err
	}
	if dst, err = c.blocks.finish(dst, c); err != nil {
		return dst, err
	}
	counts := &c.part.counts
	counts.estimate(c.back.input, c.weight, &c.notes)
	dst = appendMessageStop(openEvent(dst, "message_delta", `,"delta":{`), reason)
	dst = append(counts.appendTo(append(dst, `},"usage":{`...)), `,"server_tool_use":null}`...)
	dst = closeEvent(openEvent(closeEvent(dst), "message_stop", ""))
	c.over = true
	return dst, nil
}

// openEvent appends the beginning of an event, and of its data after the type.
func openEvent(dst []byte, kind, data string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(dst, "\ndata: {\"type\":\""...), kind...)
	return append(append(dst, '"'), data...)
}

// openBlockEvent appends the beginning of an event of the content block of that index.
func openBlockEvent(dst []byte, kind string, index int, data string) []byte {
	dst = strconv.AppendInt(openEvent(dst, kind, `,"index":`), int64(index), 10)
	return append(dst, data...)
}

// closeEvent appends the end of an event.
func closeEvent(dst []byte) []byte { return append(dst, "}\n\n"...) }
