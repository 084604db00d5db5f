package translate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
)

func TestAbilitiesAreFoundByName(t *testing.T) {
	claude, openai := tables()["anthropic"], tables()["openai"]
	tests := []struct {
		name  string
		at    provider.Endpoint
		model string
		want  abilities
	}{
		{"by its own name", provider.Messages, "claude-opus-4-6", claude["claude-opus-4-6"]},
		{"with a date", provider.Messages, "claude-sonnet-4-5-20250929", claude["claude-sonnet-4-5"]},
		{"with a date that is all of its version", provider.Messages, "claude-sonnet-4-20250514", claude["claude-sonnet-4-0"]},
		{"the latest of a name", provider.Messages, "claude-3-7-sonnet-latest", claude["claude-3-7-sonnet"]},
		{"as Bedrock has it", provider.Messages, "us.anthropic.claude-opus-4-5-20251101-v1:0", claude["claude-opus-4-5"]},
		{"as Vertex has it", provider.Messages, "claude-haiku-4-5@20251001", claude["claude-haiku-4-5"]},
		{"as routers have it", provider.Messages, "anthropic/claude-sonnet-4.5", claude["claude-sonnet-4-5"]},
		{"a Claude that is not known", provider.Messages, "claude-opus-9", claude["*"]},
		{"a newer one of a known series", provider.Messages, "claude-sonnet-4-9", claude["*"]},
		{"another vendor's at a server like Anthropic's", provider.Messages, "glm-4.6", compatibleMessages},
		{"an OpenAI model by its own name", provider.Chat, "gpt-5.4-mini", openai["gpt-5.4-mini"]},
		{"an OpenAI model with a date", provider.Chat, "gpt-4.1-mini-2025-04-14", openai["gpt-4.1-mini"]},
		{"a date that makes a difference", provider.Chat, "gpt-4o-2024-05-13", openai["gpt-4o-2024-05-13"]},
		{"a date of four digits", provider.Chat, "gpt-3.5-turbo-0125", openai["gpt-3.5-turbo"]},
		{"a preview", provider.Chat, "gpt-4-0125-preview", openai["gpt-4"]},
		{"one tuned by a customer", provider.Chat, "ft:gpt-4o-2024-08-06:acme::Abc123", openai["gpt-4o"]},
		{"an OpenAI model that is not known", provider.Chat, "gpt-6", openai["*"]},
		{"an o model that is not known", provider.Chat, "o7-mini", openai["*"]},
		{"another vendor's at a server like OpenAI's", provider.Chat, "llama3.2:3b", compatibleChat},
		{"open weights of OpenAI's", provider.Chat, "openai/gpt-oss-120b", compatibleChat},
		{"a Claude at a server like OpenAI's", provider.Chat, "anthropic/claude-opus-5", compatibleChat},
		{"dates without end, after which nobody looks", provider.Messages, "claude-sonnet-4-5" + strings.Repeat("-20250929", 50_000), claude["*"]},
		{"no name", provider.Chat, "", compatibleChat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, abilitiesOf(tt.at, tt.model))
		})
	}
}

func TestAbilitiesSayWhatModelsTake(t *testing.T) {
	for model, want := range map[string]struct{ sampling, prefill, midway, adaptive, budgeted, structured bool }{
		"claude-opus-5":     {midway: true, adaptive: true, structured: true},
		"claude-sonnet-5":   {adaptive: true, structured: true},
		"claude-opus-4-8":   {midway: true, adaptive: true, structured: true},
		"claude-opus-4-7":   {adaptive: true, structured: true},
		"claude-sonnet-4-6": {sampling: true, adaptive: true, budgeted: true, structured: true},
		"claude-opus-4-5":   {sampling: true, prefill: true, budgeted: true, structured: true},
		"claude-opus-4-1":   {sampling: true, prefill: true, budgeted: true},
		"claude-3-haiku":    {sampling: true, prefill: true},
		"claude-later":      {adaptive: true, structured: true},
	} {
		a := abilitiesOf(provider.Messages, model)
		assert.Equal(t, want.sampling, a.sampling, "%s: sampling", model)
		assert.Equal(t, want.prefill, a.prefill, "%s: prefill", model)
		assert.Equal(t, want.midway, a.midway, "%s: midway", model)
		assert.Equal(t, want.adaptive, a.adaptive, "%s: adaptive", model)
		assert.Equal(t, want.budgeted, a.budgeted, "%s: budgeted", model)
		assert.Equal(t, want.structured, a.structured, "%s: structured", model)
		assert.True(t, a.stop && a.vendors, model)
	}
	for model, want := range map[string]struct{ sampling, stop, developer, breakpoint, parallel bool }{
		"gpt-5.6-sol":   {developer: true, breakpoint: true, parallel: true},
		"gpt-5":         {developer: true, parallel: true},
		"o4-mini":       {developer: true},
		"o3-mini":       {developer: true, stop: true},
		"gpt-4o":        {sampling: true, stop: true, parallel: true},
		"gpt-3.5-turbo": {sampling: true, stop: true, parallel: true},
	} {
		a := abilitiesOf(provider.Chat, model)
		assert.Equal(t, want.sampling, a.sampling, "%s: sampling", model)
		assert.Equal(t, want.stop, a.stop, "%s: stop", model)
		assert.Equal(t, want.developer, a.developer, "%s: developer", model)
		assert.Equal(t, want.breakpoint, a.breakpoint, "%s: breakpoint", model)
		assert.Equal(t, want.parallel, a.parallel, "%s: parallel", model)
		assert.True(t, a.vendors, model)
	}
}
