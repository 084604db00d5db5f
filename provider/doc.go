// Package provider says what a model API is to the gateway: where it is and how
// a request to it is signed ([Provider]), how its requests, answers and errors
// are written ([Dialect]), what a request asks for ([Request]), what an answer
// consumed ([Usage]) and which tools it calls ([ToolCall]).
//
// The two dialects are in the packages openai and anthropic below this one.
package provider
