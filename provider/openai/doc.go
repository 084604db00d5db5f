// Package openai speaks the API of OpenAI, and of the many servers that are
// compatible with it: Chat Completions, Responses, Embeddings and Models.
//
// [Provider] is one such server; [Dialect] is the wire format.
package openai
