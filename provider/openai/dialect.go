package openai

import (
	"fmt"
	"strings"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Dialect is the wire format of OpenAI.
type Dialect struct{}

// Name implements [provider.Dialect].
func (Dialect) Name() string { return "openai" }

// RequestIDHeader implements [provider.Dialect].
func (Dialect) RequestIDHeader() string { return "x-request-id" }

// Path implements [provider.Dialect].
func (Dialect) Path(e provider.Endpoint) string {
	switch e {
	case provider.Chat:
		return "/chat/completions"
	case provider.Responses:
		return "/responses"
	case provider.Embeddings:
		return "/embeddings"
	case provider.Models:
		return "/models"
	}
	return ""
}

// Parse implements [provider.Dialect]. A conversation that the provider keeps
// (previous_response_id, conversation, prompt) is not in Input, since its size
// is not in the body; nor is what hosted tools will find.
func (d Dialect) Parse(r *provider.Request) error {
	if d.Path(r.Endpoint) == "" {
		return fmt.Errorf("openai: no endpoint %q", r.Endpoint)
	}
	load, err := wire.Parse(r)
	if err != nil {
		return err
	}
	percent := int64(100)
	if strings.Contains(r.Model, "claude") {
		percent = wire.ClaudePercent
	}
	image, added := imageTokens(r.Model), load.Tools*perTool+load.Hosted*perHosted
	r.Input = load.TextTokens(percent) + load.Images*image + added
	r.MaxInput = load.MaxTokens(len(r.Body)) + load.Images*max(image, perOriginal) + added
	if r.Unbounded == "" && untoldSearches(r) > 0 {
		r.Unbounded = r.Model // it reads what it finds, and each search has a fee
	}
	return nil
}

// What the provider adds to a prompt by itself, in tokens, as recorded calls
// have it: for each tool, and for each that it defines itself.
const (
	perTool   = 16
	perHosted = 300
)

// What an image costs at most, in tokens, at the detail "high" that is usual:
// 1,445 in models that cut it into tiles (85, and 170 for each of up to 8), and
// in those that cut it into patches 1,536 times up to 2.46 (gpt-4.1-nano), or
// 2,500 times 1.2 (gpt-5.4 and later). In gpt-4o-mini a tile costs 5,667 tokens,
// and the image itself 2,833. At the detail "original" there are 10,000 patches
// times 1.2. Source: OpenAI's guide "Images and vision", 2026.
const (
	perImage     = 3_779
	perMiniImage = 2_833 + 8*5_667
	perOriginal  = 12_000
)

func imageTokens(model string) int64 {
	if strings.Contains(model, "gpt-4o-mini") {
		return perMiniImage
	}
	return perImage
}

// Calls implements [provider.Dialect].
func (Dialect) Calls(r *provider.Request) provider.CallReader {
	switch r.Endpoint {
	case provider.Chat:
		return new(chatCalls)
	case provider.Responses:
		return new(responseCalls)
	}
	return wire.NoCalls{}
}
