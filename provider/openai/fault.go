package openai

import (
	"strings"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Fault implements [provider.Dialect].
func (Dialect) Fault(status int, body []byte) provider.Fault {
	return wire.Fault(status, body, sentences)
}

// sentences are those of OpenAI and of servers that are compatible with it.
var sentences = []wire.Sentence{
	{Words: "request too large for", Fault: provider.TooLong}, // for the account's tokens per minute, so however long one waits
	{Words: "maximum context length", Fault: provider.TooLong, Anywhere: true},
	{Words: "exceeds the context window", Fault: provider.TooLong, Anywhere: true},
	{Words: "you exceeded your current quota", Fault: provider.OutOfFunds},
	{Words: "insufficient balance", Fault: provider.OutOfFunds},
	{Words: "your organization must be verified", Fault: provider.Denied},
	{Words: "invalid model id", Fault: provider.UnknownModel},
	{Words: "is not a valid model id", Fault: provider.UnknownModel, Anywhere: true},
	{Words: "requires moderation", Fault: provider.Rejected, Anywhere: true}, // a 403 of OpenRouter
}

// Native implements [provider.Dialect]. A model that was fine-tuned is as native as the
// one that it was made of.
func (Dialect) Native(model string) bool {
	model = strings.TrimPrefix(strings.ToLower(model), "ft:")
	for _, prefix := range [...]string{
		"gpt-", "chatgpt-", "codex-", "computer-use-", "text-embedding-", "davinci", "babbage", "text-davinci-",
	} {
		if strings.HasPrefix(model, prefix) {
			return true
		}
	}
	return len(model) > 1 && model[0] == 'o' && '1' <= model[1] && model[1] <= '9'
}
