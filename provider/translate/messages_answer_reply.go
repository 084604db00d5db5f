package translate

import (
	"errors"
	"strconv"
	"time"

	"github.com/rungate/rungate/provider/internal/wire"
)

// A reply is what a message tells besides its content.
type reply struct {
	id, model string
	stop      string // why it ends
	why       []byte // the text of a string that explains a refusal; nil is none
	counts    messageCounts
}

func newReply() reply { return reply{counts: uncounted} }

// member reads a member of a message, or of what a stream tells of it later. What
// is null changes nothing.
func (m *reply) member(name, value []byte, notes *Notes) error {
	if string(value) == "null" {
		return nil
	}
	switch string(name) {
	case "id":
		m.id = string(word(value))
	case "model":
		m.model = string(word(value))
	case "stop_reason":
		m.stop = string(word(value))
	case "stop_details":
		notes.Add("stop_details", "dropped")
		return m.details(value)
	case "stop_sequence", "container", "context_management":
		notes.Add(string(name), "dropped")
	case "usage":
		return m.counts.read(value)
	}
	return nil
}

// named checks that the message has an id and names its model.
func (m *reply) named() error {
	if m.id == "" || m.model == "" {
		return errors.New("it has no id, or names no model")
	}
	return nil
}

// details reads how a message comes to end.
func (m *reply) details(value []byte) error {
	if !begins(value, '{') {
		return nil
	}
	return members(value, func(name, value []byte) error {
		if string(name) == "explanation" && begins(value, '"') {
			m.why = append(m.why[:0], value...)
		}
		return nil
	})
}

// reported reports whether the message tells its usage.
func (m *reply) reported() bool {
	return m.counts.input != wire.Unreported || m.counts.output != wire.Unreported
}

// refused reports whether there is a text to the refusal that the message is.
func (m *reply) refused() bool { return m.stop == "refusal" && len(m.why) > len(`""`) }

// finish is why the message ends, in the words of Chat. Calls is how many are in it.
func (m *reply) finish(calls int, legacy bool, notes *Notes) (string, error) {
	switch m.stop {
	case "":
		return "", errors.New("it does not tell why it ends")
	case "pause_turn":
		return "", errors.New("it pauses in the middle of a turn")
	case "refusal":
		return "content_filter", nil
	case "tool_use":
		if calls == 0 {
			return "", errors.New("it ends for a call that it does not hold")
		}
	case "end_turn", "stop_sequence":
		if calls == 0 {
			return "stop", nil
		}
	case "max_tokens", "model_context_window_exceeded":
		return "length", nil
	default: // whatever it is, the answer may not be complete
		notes.Add("stop_reason", "told as length")
		return "length", nil
	}
	if legacy {
		return "function_call", nil
	}
	return "tool_calls", nil
}

// appendHead appends what a completion and its chunks begin with, up to the first
// of the choices.
func (m *reply) appendHead(b []byte, object string, at time.Time) []byte {
	b = wire.AppendString(append(b, `"id":`...), chatID(m.id))
	b = append(append(b, `,"object":"`...), object...)
	b = strconv.AppendInt(append(b, `","created":`...), at.Unix(), 10)
	b = wire.AppendString(append(b, `,"model":`...), m.model)
	return append(b, `,"choices":[`...)
}

// appendRefusal appends the text of a refusal, or null.
func (m *reply) appendRefusal(b []byte) []byte {
	if m.refused() {
		return append(b, m.why...)
	}
	return append(b, "null"...)
}
