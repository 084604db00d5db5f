// Package sse cuts a stream of server-sent events into its events and keeps
// their bytes as they are, so that they can be read in passing and handed on
// unchanged.
package sse
