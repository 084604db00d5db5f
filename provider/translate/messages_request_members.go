package translate

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A topMember is a member of a Messages request.
type topMember int

const (
	memberSystem topMember = iota
	memberMessages
	memberTools
	memberToolChoice
	memberMaxTokens
	memberTemperature
	memberTopP
	memberTopK
	memberStop
	memberThinking
	memberOutputConfig
	memberOutputFormat
	memberMetadata
	memberServiceTier
	memberCacheControl
	numMembers
)

// read takes the members out of the body. Those that have no counterpart it judges at
// once.
func (c *chatWriter) read() {
	var s jsonscan.Scanner
	s.Reset(c.in)
	s.Object(func(name []byte) {
		from, to := s.Skip()
		if from == to || c.in[from] == 'n' { // null
			return
		}
		if m := memberOf(name); m < numMembers {
			c.top[m] = span{uint32(from), uint32(to)}
		} else {
			c.other(string(name), c.in[from:to])
		}
	})
	if err := s.Err(); err != nil {
		c.broken("", err)
	}
}

func memberOf(name []byte) topMember {
	switch string(name) {
	case "system":
		return memberSystem
	case "messages":
		return memberMessages
	case "tools":
		return memberTools
	case "tool_choice":
		return memberToolChoice
	case "max_tokens":
		return memberMaxTokens
	case "temperature":
		return memberTemperature
	case "top_p":
		return memberTopP
	case "top_k":
		return memberTopK
	case "stop_sequences":
		return memberStop
	case "thinking":
		return memberThinking
	case "output_config":
		return memberOutputConfig
	case "output_format":
		return memberOutputFormat
	case "metadata":
		return memberMetadata
	case "service_tier":
		return memberServiceTier
	case "cache_control":
		return memberCacheControl
	}
	return numMembers
}

// other judges a member of the request that has no counterpart. Its value is not null.
func (c *chatWriter) other(name string, value []byte) {
	switch name {
	case "model", "stream", "rungate": // read before, or meant for the gateway
	case "container":
		c.refuse(name, "a container is kept by Anthropic; leave it out, and run the code in a tool of your own")
	case "mcp_servers":
		if string(value) != "[]" {
			c.refuse(name, "Chat Completions calls no MCP servers; call them yourself, and declare their tools")
		}
	case "inference_geo":
		c.refuse(name, "where the model runs cannot be asked for there; route the call to a provider in that place")
	case "thread":
		c.thread(value)
	case "compaction":
		c.refuse(name, "a conversation cannot be compacted there; ask for a summary in a message")
	case "n":
		if string(value) != "1" {
			c.refuse(name, "a Messages request has one answer; leave it out")
		}
	case "speed":
		if string(word(value)) != "standard" {
			c.notes.Add(name, "dropped")
		}
	case "fallbacks", "fallback_credit_token", "diagnostics", "user_profile_id", "workspace_id":
		c.notes.Add(name, "dropped")
	case "context_management":
		c.edits(value)
	case "billing_policy":
		c.lacks(name, name, "who pays cannot be said there; leave it out")
	default:
		c.unknown("", "", []byte(name))
	}
}

// thread judges whether the API is to keep the conversation. One that begins is there as a
// whole. One that goes on is not: the vendor's tool runners send it as a whole then.
func (c *chatWriter) thread(value []byte) {
	begins := false
	c.object(value, "thread", func(name, value []byte) {
		begins = string(name) == "type" && string(word(value)) == "create"
	})
	switch {
	case begins:
		c.notes.Add("thread", "dropped")
	case c.err == nil:
		c.err = &RefusedError{Path: "thread", Reason: "a thread is kept by Anthropic; send the whole conversation", Code: "thread_unsupported_request"}
	}
}

// edits judges what is to become of a conversation that grows long. Thinking is left out
// in any case.
func (c *chatWriter) edits(value []byte) {
	const path = "context_management"
	c.object(value, path, func(name, value []byte) {
		if string(name) != "edits" {
			c.unknown(path, path, name)
			return
		}
		c.list(value, path+".edits", func(_ int, edit []byte) {
			c.object(edit, path+".edits", func(name, value []byte) {
				if string(name) == "type" && !bytes.HasPrefix(word(value), []byte("clear_thinking")) {
					c.lacks(path, path, "Chat Completions does not edit a conversation; leave it out, and shorten the conversation yourself")
				}
			})
		})
	})
}
