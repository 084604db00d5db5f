package fake

import (
	"net/http"
	"slices"
	"strings"
)

// listed are the models that a Provider without Models lists. The names are
// those of real ones, so that they have a price.
var listed = []string{
	"gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-mini", "text-embedding-3-small",
	"claude-haiku-4-5", "claude-opus-5", "claude-sonnet-5",
}

// serves reports whether a model may be asked for.
func (p *Provider) serves(model string) bool {
	return len(p.Models) == 0 || slices.Contains(p.Models, model)
}

// models answers a request for the list of models, or for the one of an id.
func (c *call) models(id string) {
	names := c.p.Models
	if len(names) == 0 {
		names = slices.DeleteFunc(slices.Clone(listed), func(n string) bool {
			return strings.HasPrefix(n, "claude-") != c.anthropic
		})
	}
	if id != "" {
		if !c.p.serves(id) {
			c.fail(unknownModel(id))
			return
		}
		names = []string{id}
	}
	var list []any
	for _, n := range names {
		if c.anthropic {
			list = append(list, anthropicModel{"model", n, n, "2026-01-01T00:00:00Z", 1_000_000, 128_000})
		} else {
			list = append(list, openaiModel{n, "model", 1_767_225_600, "system"})
		}
	}
	switch {
	case id != "":
		c.answer(http.StatusOK, list[0])
	case c.anthropic:
		c.answer(http.StatusOK, anthropicModels{Data: list, FirstID: names[0], LastID: names[len(names)-1]})
	default:
		c.answer(http.StatusOK, openaiModels{"list", list})
	}
}

type openaiModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type openaiModels struct {
	Object string `json:"object"`
	Data   []any  `json:"data"`
}

type anthropicModel struct {
	Type           string `json:"type"`
	ID             string `json:"id"`
	DisplayName    string `json:"display_name"`
	CreatedAt      string `json:"created_at"`
	MaxInputTokens int    `json:"max_input_tokens"`
	MaxTokens      int    `json:"max_tokens"`
}

type anthropicModels struct {
	Data    []any  `json:"data"`
	HasMore bool   `json:"has_more"`
	FirstID string `json:"first_id"`
	LastID  string `json:"last_id"`
}
