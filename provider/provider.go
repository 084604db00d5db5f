package provider

import (
	"context"
	"net/http"
	"net/url"
)

// A Provider is one model API that calls are forwarded to: a vendor, or any
// server that speaks a vendor's dialect.
//
// Its methods are called by many goroutines at once. All but Sign must answer
// the same each time.
type Provider interface {
	// Name is what policies, prices and steps call the provider. It is unique
	// among the providers of a gateway and holds no slash, since models are
	// named "provider/model".
	Name() string

	// Dialect is the wire format that the provider speaks.
	Dialect() Dialect

	// BaseURL is where the dialect's paths begin. The caller does not change it.
	BaseURL() *url.URL

	// Models lists the models that are served, by name or by glob ("llama*").
	// None means that the provider takes whatever no other one lists.
	Models() []string

	// Sign puts the provider's credential on the header of an outgoing request,
	// from which those of the agent have been taken off. It may look up a
	// rotated key; an error means that the call cannot be made.
	Sign(ctx context.Context, h http.Header) error
}
