package openai

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// An item is one of a Responses answer, as far as it is a call of a tool. Its
// parts are those of the bytes that it was read from.
type item struct {
	kind, id, callID, name, server []byte
	where                          []byte // it runs, where the type does not say
	args                           [7][]byte
	n                              int
}

// read reads an item.
func (o *item) read(s *jsonscan.Scanner, data []byte) {
	wire.Fields(s, func(key []byte) {
		switch string(key) {
		case "type":
			o.kind = wire.Text(s)
		case "id":
			o.id = wire.Text(s)
		case "call_id":
			o.callID = wire.Text(s)
		case "name":
			o.name = wire.Text(s)
		case "server_label", "namespace":
			if name := wire.Text(s); len(name) > 0 {
				o.server = name
			}
		case "arguments", "input", "code", "action", "actions", "operation", "queries":
			if args := wire.Value(s, data); len(args) > 0 {
				o.args[o.n] = args
				o.n++
			}
		case "environment":
			wire.Fields(s, func(key []byte) {
				if string(key) == "type" {
					o.where = wire.Text(s)
				}
			})
		case "execution":
			o.where = wire.Text(s)
		default:
			wire.Plain(s, key, ofResponseCalls)
		}
	})
}

// calls reports whether the item is a call of a tool.
func (o *item) calls() bool {
	switch string(o.kind) {
	case "program", "mcp_approval_request":
		return true
	}
	return bytes.HasSuffix(o.kind, []byte("_call"))
}

// arguments are what the tool is called with, under each of the names that the
// item has for it; nil if there is none.
func (o *item) arguments() [][]byte { return o.args[:max(o.n, 1)] }

// call is the call without its arguments. A tool that has no name but a type of
// its own goes by that.
func (o *item) call() provider.ToolCall {
	c := provider.ToolCall{
		ID: string(o.callID), Name: string(o.name), Type: string(o.kind), Server: string(o.server),
		Hosted: o.hosted(),
	}
	if c.ID == "" {
		c.ID = string(o.id)
	}
	if c.Name == "" {
		switch c.Type {
		case "function_call", "custom_tool_call", "mcp_call", "mcp_approval_request":
		default:
			c.Name = string(bytes.TrimSuffix(o.kind, []byte("_call")))
		}
	}
	return c
}

// hosted reports whether the provider has made the call. Of a type that is not
// known it is taken to have done so.
func (o *item) hosted() bool {
	switch string(o.kind) {
	case "function_call", "custom_tool_call", "mcp_approval_request",
		"computer_call", "local_shell_call", "apply_patch_call":
		return false
	case "shell_call":
		return string(o.where) == "container_reference"
	case "tool_search_call":
		return string(o.where) != "client"
	}
	return true
}
