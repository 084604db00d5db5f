// Package fake is a model provider that needs no key and no network. It speaks
// the OpenAI and the Anthropic API as their own servers do, down to the frames
// of a stream, and has behind them a small model that always gives the same
// answer to the same request.
//
// The demonstration runs on it. Tests use it as an upstream: they script what
// it answers, and how badly, and read what it was asked.
package fake
