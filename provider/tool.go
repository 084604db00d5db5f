package provider

// A Tool is one that a request lets the model use, wherever in the request it
// is declared.
type Tool struct {
	// Name is by which the model calls it, such as "issue_refund". For a server of
	// tools, which has many, it is the server's.
	Name string

	// Type is as the wire says it: "function", "custom", "web_search_20250305",
	// "mcp", …
	Type string

	// URL is where a server of tools is; empty for any other.
	URL string

	// Hosted says that the provider itself runs the tool, so that its calls have
	// been made before anybody sees the answer.
	Hosted bool
}

// A ToolCall is a call of a tool that a model proposes in its answer, or that the
// provider has made itself.
type ToolCall struct {
	ID   string // of the call, as the wire says it; may be empty
	Name string
	Type string // of the call, as the wire says it: "function", "tool_use", "mcp_call", …

	// Args are the arguments as the model wrote them: JSON, if the model has kept
	// to it; for a custom tool, any text.
	Args []byte

	Hosted bool // the provider has made it
}
