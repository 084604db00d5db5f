package translate

import (
	"fmt"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A chatTurn is a message of the request.
type chatTurn struct {
	role    role
	passing bool // it is for the time until the next turn of the user only
	told    bool // it is the system's, told in a turn of the user
	content span
	index   int32
}

// A role is who speaks in a turn.
type role uint8

const (
	noRole role = iota
	userRole
	assistantRole
	systemRole
)

// turns reads the messages of the request.
func (c *chatWriter) turns() []chatTurn {
	s := c.top[memberMessages]
	if !c.begins(s, '[') {
		c.refuse("messages", "a list is wanted")
		return nil
	}
	list := make([]chatTurn, 0, 32)
	var scan jsonscan.Scanner
	scan.Reset(c.raw(s))
	scan.Array(func(i int) {
		if scan.Kind() != jsonscan.Object {
			c.refuse(fmt.Sprintf("messages.%d", i), "an object is wanted")
			scan.Skip()
			return
		}
		t := chatTurn{index: int32(i)}
		scan.Object(func(name []byte) {
			from, to := scan.Skip()
			v := span{s.from + uint32(from), s.from + uint32(to)}
			if from == to || c.in[v.from] == 'n' { // null
				return
			}
			c.turn(&t, name, v)
		})
		if t.role == noRole {
			c.refuse(fmt.Sprintf("messages.%d.role", i), "it is missing")
		}
		list = append(list, t)
	})
	if err := scan.Err(); err != nil { // Parse has found it before
		c.broken("messages", err)
	}
	return list
}

// turn reads a member of a message.
func (c *chatWriter) turn(t *chatTurn, name []byte, value span) {
	at := func(member string) string { return fmt.Sprintf("messages.%d%s", t.index, member) }
	switch string(name) {
	case "content":
		t.content = value
	case "role":
		switch word := c.text(value); string(word) {
		case "user":
			t.role = userRole
		case "assistant":
			t.role = assistantRole
		case "system":
			t.role = systemRole
		default:
			c.refuse(at(".role"), "%.80q is not known", word)
		}
	case "clear_at":
		switch word := c.text(value); string(word) {
		case "next_user_message":
			t.passing = true
		case "never":
		default:
			c.lacks(at(".clear_at"), "messages.clear_at", "%.80q is not known", word)
		}
	case "output_config": // of a system message, for what follows it
		c.notes.Add("messages.output_config", "dropped")
	default:
		c.unknown(at(""), "messages", name)
	}
}

// conversation writes the messages: that of the system first, and then the turns.
// Turns of one role that follow each other are one to Anthropic, and so are the tool
// calls in them, or the results of these.
func (c *chatWriter) conversation() {
	turns := c.current(c.turns())
	c.system(chatTurn{content: c.top[memberSystem], index: -1})
	said, last := false, chatTurn{} // of the message that is written last
	for len(turns) > 0 && c.err == nil {
		n := 1
		for n < len(turns) && turns[n].role == turns[0].role {
			n++
		}
		group := turns[:n]
		turns = turns[n:]
		written := len(c.b)
		switch group[0].role {
		case userRole:
			c.users(group)
		case assistantRole:
			c.assistants(group, len(turns) == 0)
		case systemRole:
			for _, t := range group {
				c.system(t)
			}
		}
		if len(c.b) > written {
			last = group[n-1]
			said = said || last.role != systemRole
		}
		if group[0].role != assistantRole || len(turns) == 0 {
			c.settled()
		}
	}
	switch {
	case !said:
		c.refuse("messages", "there is nothing in them; send a message of the user")
	case last.role == assistantRole: // it would be answered, and no error tells
		c.refuse(fmt.Sprintf("messages.%d", last.index), "Chat Completions does not go on with what the assistant has begun; end with a message of the user")
	}
}

// current returns the turns that still count. Those of the system within the
// conversation are told in turns of the user, unless it is one of OpenAI's models that
// reads them: the templates of many others refuse them there (ollama #17774).
func (c *chatWriter) current(turns []chatTurn) []chatTurn {
	latest := int32(-1) // of the user's
	for _, t := range turns {
		if t.role == userRole {
			latest = t.index
		}
	}
	turns = slices.DeleteFunc(turns, func(t chatTurn) bool { return t.passing && t.index < latest })
	for i := range turns {
		if t := &turns[i]; t.role == systemRole && !c.can.vendors && !t.content.none() {
			t.role, t.told = userRole, true
			c.notes.Add("messages.system", "in a user turn")
		}
	}
	return turns
}

// message begins a message, up to its content.
func (c *chatWriter) message(role string) {
	if c.b[len(c.b)-1] != '[' {
		c.put(`,`)
	}
	c.put(`{"role":"` + role + `","content":`)
}
