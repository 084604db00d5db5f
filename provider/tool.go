package provider

import "strings"

// A Tool is one that a request lets the model use, wherever in the request it
// is declared.
type Tool struct {
	// Name is by which the model calls it, such as "issue_refund". For a server of
	// tools, which has many, it is the server's, and for a tool that has no name
	// but a type of its own it is that without version: "web_search", "computer".
	// It is empty for a tool that has neither.
	Name string

	// Type is as the wire says it: "function", "custom", "web_search_20250305",
	// "mcp", … It may be empty, which means a tool of the agent's own.
	Type string

	// URL is where a server of tools is; empty for any other.
	URL string

	// Model is what the tool itself runs, where the request names one, such as an
	// adviser or what makes images.
	Model string

	// Hosted says that the provider itself runs the tool, so that its calls have
	// been made before anybody sees the answer. It is set for types that are not
	// known, too.
	Hosted bool
}

// ToolKind takes the version off the type of a tool or a call, written either way:
// "web_search_preview_2025_03_11" and "web_search_preview_20250311" are
// "web_search_preview". Kind is what it comes to, without "_preview" or "_call":
// "web_search".
func ToolKind(typ string) (unversioned, kind string) {
	unversioned = strings.TrimRight(typ, "_-0123456789")
	return unversioned, strings.TrimSuffix(strings.TrimSuffix(unversioned, "_call"), "_preview")
}

// A ToolCall is a call of a tool that a model proposes in its answer, or that the
// provider has made itself.
type ToolCall struct {
	ID   string // of the call, as the wire says it; may be empty
	Name string // as in [Tool]; never empty
	Type string // of the call, as the wire says it: "function", "tool_use", "mcp_call", …

	// Server is what the tool belongs to, by the name that the wire gives it: a
	// server of tools, a namespace, a toolset. It is empty for a tool by itself.
	Server string

	// Args are the arguments as the model wrote them: JSON, if the model has kept
	// to it; for a custom tool, any text. Nil means that the wire shows none.
	Args []byte

	Hosted bool // the provider has made it
}

// A CallReader reads the tool calls out of an answer before anybody acts on them.
// A whole answer goes through Body, a streamed one through Event. What two
// parsers might read differently is an error: a name that comes twice in an
// object, or in another case. A CallReader serves one answer and one goroutine,
// and is of no use after an error.
type CallReader interface {
	// Body returns the tool calls in a whole answer, of which p are all bytes. An
	// answer that tells of an error, or is no model's, has none. An error means that
	// nobody can say what the answer calls, since it is no JSON object or a bad one.
	Body(p []byte) ([]ToolCall, error)

	// Event takes the next event of a streamed answer, by its name (empty if it
	// has none) and data, and keeps neither slice. Calls are those that this event
	// completes, or says again in other words than before. Open says that a call
	// has begun, in this event or before it, that is not complete.
	//
	// The events from the one with which open began, inclusive, to the one with
	// which it ends are to be withheld until their calls are judged, and so is one
	// that returns calls. While open is true at the end of the answer, it is
	// truncated. An error means that the event cannot be read.
	Event(name, data []byte) (calls []ToolCall, open bool, err error)
}
