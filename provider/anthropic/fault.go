package anthropic

import (
	"strings"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Fault implements [provider.Dialect].
func (Dialect) Fault(status int, body []byte) provider.Fault {
	return wire.Fault(status, body, sentences)
}

// sentences are those that come as an invalid_request_error, for the most part, and
// are none.
var sentences = []wire.Sentence{
	{Words: "your credit balance is too low", Fault: provider.OutOfFunds},
	{Words: "you have reached your specified", Fault: provider.OutOfFunds}, // [workspace] API usage limits
	{Words: "this organization has been disabled", Fault: provider.Denied},
	{Words: "this api key is not scoped", Fault: provider.Denied},
	{Words: "this credential is only authorized", Fault: provider.Denied},
	{Words: "prompt is too long", Fault: provider.TooLong, Anywhere: true},
	{Words: "exceed context limit", Fault: provider.TooLong, Anywhere: true},
	{Words: "required for long context requests", Fault: provider.TooLong, Anywhere: true}, // a 429
	{Words: "the long context beta is not yet available", Fault: provider.TooLong},
	{Words: "expected thinking or redacted_thinking, but found", Fault: provider.UnsignedHistory, Anywhere: true},
	{Words: "invalid signature in thinking block", Fault: provider.UnsignedHistory, Anywhere: true},
	{Words: "blocks in the latest assistant message cannot be modified", Fault: provider.UnsignedHistory, Anywhere: true},
}

// Native implements [provider.Dialect].
func (Dialect) Native(model string) bool {
	return strings.HasPrefix(strings.ToLower(model), "claude-")
}
