// Package anthropic speaks the Messages API of Anthropic, in each of its
// versions, and its token counting and list of models.
//
// [Provider] is a server of it; [Dialect] is the wire format.
package anthropic
