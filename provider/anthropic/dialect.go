package anthropic

import (
	"fmt"
	"path"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Dialect is the wire format of Anthropic.
type Dialect struct{}

// Name implements [provider.Dialect].
func (Dialect) Name() string { return "anthropic" }

// RequestIDHeader implements [provider.Dialect].
func (Dialect) RequestIDHeader() string { return "request-id" }

// Path implements [provider.Dialect].
func (Dialect) Path(e provider.Endpoint) string {
	switch e {
	case provider.Messages:
		return "/v1/messages"
	case provider.CountTokens:
		return "/v1/messages/count_tokens"
	case provider.Models:
		return "/v1/models"
	}
	return ""
}

// Parse implements [provider.Dialect]. A conversation that the provider keeps
// (thread) is not in Input, since its size is not in the body; nor is what
// hosted tools will find.
func (d Dialect) Parse(r *provider.Request) error {
	if d.Path(r.Endpoint) == "" {
		return fmt.Errorf("anthropic: no endpoint %q", r.Endpoint)
	}
	load, err := wire.Parse(r)
	if err != nil || r.Endpoint == provider.Models {
		return err
	}
	added := perCall + load.Images*imageTokens(r.Model) + load.Hosted*perHosted
	if load.Tools > 0 {
		added += perToolUse
	}
	if load.Formats > 0 {
		added += perFormat
	}
	if load.Cited > 0 {
		added += perCitations
	}
	r.Input = load.TextTokens(wire.ClaudePercent) + added
	r.MaxInput = load.MaxTokens(len(r.Body)) + added
	return nil
}

// What the provider adds to a prompt by itself, in tokens, as recorded calls
// have it: a little when there is thinking; instructions on how to use tools
// (its documentation says 313 to 530), to write in a format, and to cite; and
// the definitions of its own tools.
const (
	perCall      = 30
	perToolUse   = 600
	perFormat    = 200
	perCitations = 800
	perHosted    = 2_200
)

// What an image costs at most, in tokens: it is scaled down to 1,568 pixels on
// its long edge, or 2,576 in the models from Claude Opus 4.7 on. Source:
// Anthropic's guide "Vision", 2026.
const (
	perImage      = 1_600
	perLargeImage = 4_784
)

// older are the models of before.
var older = [...]string{"claude-2*", "claude-3*", "claude-instant*", "claude-*-4", "claude-*-4-[0-6]*"}

func imageTokens(model string) int64 {
	for _, glob := range older {
		if ok, _ := path.Match(glob, model); ok {
			return perImage
		}
	}
	return perLargeImage
}
