package translate

import "strconv"

// A conversation is what is known of the messages that have been read.
type conversation struct {
	begun    bool      // the instructions that come first are over
	turn     speaker   // that is being written
	later    []pending // messages that come after the results of tools
	calls    []use     // all that there have been
	asked    int       // from here on they are of the assistant's message before
	ids      map[string]int
	lastText int     // where the last text of an assistant begins in the output
	results  bool    // the last turn of the user's has results of tools
	ended    speaker // who has the last turn
	answers  bool    // there is a turn of an assistant
}

// A speaker is whose turn it is.
type speaker string

const (
	nobody    speaker = ""
	user      speaker = "user"
	assistant speaker = "assistant"
	system    speaker = "system"
)

// A place is what a part of a message becomes.
type place uint8

const (
	asSystem place = iota
	asUser
	asTagged // what the system says in a user's turn
	asAssistant
	asResult // within the block of a tool's result
)

// turn is whose turn has the place.
func (p place) turn() speaker {
	switch p {
	case asSystem:
		return system
	case asAssistant:
		return assistant
	}
	return user
}

// A pending message is one of a user's, or of the system's.
type pending struct {
	message int
	entries
	turn speaker
}

// messages translates the conversation. What a tool has answered comes first in the
// turn after its call; other messages of that turn follow. The first message may be an
// assistant's, which the API has taken since the end of 2024.
func (t *messagesWriter) messages(value []byte) {
	t.list("messages", value, func(i int, m []byte) {
		t.message = i
		o := t.open("", m)
		role := speaker(word(o.take("role")))
		switch role {
		case "system", "developer":
			if !t.begun {
				t.content(o, asSystem)
				t.rest(o)
				t.arena = t.arena[:0]
				break
			}
			t.later = append(t.later, pending{i, o, system})
		case user:
			t.begin()
			t.later = append(t.later, pending{i, o, user})
		case "tool", "function":
			t.begin()
			t.result(o, role)
		case assistant:
			t.begin()
			t.flush()
			t.message = i
			t.assistant(o)
			t.arena = t.arena[:0]
		default:
			t.refuse("role", "this role is not known; it is system, developer, user, assistant, tool or function")
		}
	})
	t.begin()
	t.flush()
	t.message = -1
	t.ending()
}

// begin ends the instructions that come first, and begins the messages.
func (t *messagesWriter) begin() {
	if t.begun {
		return
	}
	if t.object {
		t.inTurn(system)
		t.out = append(t.out, `{"type":"text","text":"Answer with one JSON object and nothing else."}`...)
	}
	t.begun = true
	if t.turn == system {
		t.out = append(t.out, ']')
	}
	t.turn = nobody
	t.key("messages")
	t.out = append(t.out, '[')
}

// inTurn begins a block of content in somebody's turn.
func (t *messagesWriter) inTurn(who speaker) {
	if t.turn != who {
		t.endTurn()
		t.turn = who
		switch {
		case !t.begun:
			t.key("system")
			t.out = append(t.out, '[')
			return
		case t.turn == user:
			t.results = false
		}
		t.comma()
		t.out = append(t.out, `{"role":"`...)
		t.out = append(t.out, who...)
		t.out = append(t.out, `","content":[`...)
	}
	t.comma()
}

// endTurn ends the turn that is being written.
func (t *messagesWriter) endTurn() {
	if t.turn != nobody {
		t.out = append(t.out, `]}`...)
		t.turn = nobody
	}
}

// flush writes the messages that had to wait for the results of tools.
func (t *messagesWriter) flush() {
	for _, c := range t.calls[t.asked:] {
		if !c.answered {
			t.refuse("", "the call "+strconv.Quote(cleaned([]byte(c.id)))+" has no answer; add its tool message")
		}
	}
	t.asked = len(t.calls)
	last := len(t.later) // what the system says from here on may stand by itself
	for last > 0 && t.later[last-1].turn == system {
		last--
	}
	for i, p := range t.later {
		t.message = p.message
		switch {
		case t.err != nil:
		case p.turn == user:
			t.content(p.entries, asUser)
		case t.can.midway && i >= last && t.turn != nobody && t.turn != assistant:
			t.content(p.entries, asSystem)
		default: // only those that end a user's turn have been seen to be taken
			before := len(t.out)
			if t.content(p.entries, asTagged); len(t.out) > before {
				t.note("system", "in a user turn")
			}
		}
		t.rest(p.entries)
	}
	t.later = t.later[:0]
	t.arena = t.arena[:0]
}

// ending sees to how the conversation ends.
func (t *messagesWriter) ending() {
	switch {
	case t.err != nil:
	case t.turn == nobody:
		t.refuse("messages", "there is no message that the model could answer; send one of a user's")
	case t.turn != assistant:
	case !t.can.prefill:
		t.refuse("messages", "the model does not go on with an assistant message; let a user message be the last")
	case t.form != nil:
		t.refuse("messages", "an answer that has a schema cannot go on with an assistant message; let a user message be the last")
	default:
		t.trim()
	}
	t.ended = t.turn
	t.endTurn()
	t.out = append(t.out, ']')
}

// trim cuts the white space off the end of the text that the answer goes on with,
// which is refused there.
func (t *messagesWriter) trim() {
	end := len(t.out) - len(`"}`)
	to := end
	for {
		switch n := to - t.lastText; {
		case n > 1 && t.out[to-1] == ' ':
			to--
			continue
		case n > 2 && t.out[to-2] == '\\' && (t.out[to-1] == 'n' || t.out[to-1] == 't' || t.out[to-1] == 'r') && !escaped(t.out[t.lastText:to-2]):
			to -= 2
			continue
		}
		break
	}
	if to < end {
		t.out = append(t.out[:to], `"}`...)
		t.note("messages", "white space at the end cut off")
	}
}

// escaped reports whether what follows is escaped, by the backslashes at the end.
func escaped(b []byte) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}
