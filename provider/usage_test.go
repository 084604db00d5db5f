package provider_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
)

func TestTokens(t *testing.T) {
	a := provider.Tokens{Input: 1, CacheRead: 2, CacheWrite: 4, CacheWrite1h: 8, AudioInput: 16, Output: 32, AudioOutput: 64, Reasoning: 5}
	assert.EqualValues(t, 31, a.TotalInput())
	assert.EqualValues(t, 96, a.TotalOutput(), "reasoning is in it already")
	assert.EqualValues(t, 127, a.Total())
	assert.Equal(t, provider.Tokens{Input: 2, CacheRead: 4, CacheWrite: 8, CacheWrite1h: 16, AudioInput: 32, Output: 64, AudioOutput: 128, Reasoning: 10}, a.Plus(a))
}

func TestFree(t *testing.T) {
	for endpoint, want := range map[provider.Endpoint]bool{
		provider.Chat: false, provider.Responses: false, provider.Embeddings: false,
		provider.Messages: false, provider.CountTokens: true, provider.Models: true,
	} {
		assert.Equal(t, want, endpoint.Free(), endpoint)
	}
}
