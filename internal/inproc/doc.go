// Package inproc calls an [http.Handler] as if it were across a network, in the
// same process: [Transport] is an [http.RoundTripper].
//
// What a client and a handler can see of each other is what [http.Transport]
// and [http.Server] would show them. Answers stream as they are flushed, an
// answer that ends early is io.ErrUnexpectedEOF, a client that leaves cancels
// the handler's context, and a panic stays in the handler. The tests run every
// such property over both.
//
// It differs where there is no wire. Nothing is added that only a wire needs:
// no Date on answers; no User-Agent, Accept-Encoding or Content-Length among
// the header fields of requests; and nothing is compressed. Informational
// answers (1xx) are dropped, and connections cannot be hijacked. The handler's
// context is a child of the request's, or that one itself while the handler is
// inline, so it carries the caller's values, deadline and cause.
package inproc
