package anthropic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A Provider is Anthropic, or a server that is compatible with it. It is used as
// a literal, by pointer:
//
//	&anthropic.Provider{APIKey: key}
//
// The header anthropic-version is the agent's own: both versions of the API pass.
// The fields must not change while the Provider is in use.
type Provider struct {
	ID  string // what policies, prices and steps call it; "" is "anthropic"
	URL string // where its paths begin, with or without "/v1" at its end; "" is https://api.anthropic.com

	// APIKey is sent with each call. Where it is empty and Key is nil, nothing
	// is sent.
	APIKey provider.Secret

	// Key, instead of APIKey, is asked for the key before each call, so that it
	// can be rotated. It is called by many goroutines at once.
	Key func(ctx context.Context) (provider.Secret, error)

	// Header is what carries the key; "" is x-api-key. "authorization" carries
	// it as a bearer token.
	Header string

	// Serves lists models by name or by glob; none means whatever no other
	// provider lists.
	Serves []string

	base       wire.Base
	credential wire.Credential
}

// Name implements [provider.Provider].
func (p *Provider) Name() string {
	if p.ID == "" {
		return "anthropic"
	}
	return p.ID
}

// Dialect implements [provider.Provider].
func (*Provider) Dialect() provider.Dialect { return Dialect{} }

// BaseURL implements [provider.Provider]. If URL cannot be used, as Check would
// tell, it is an empty address.
func (p *Provider) BaseURL() *url.URL {
	u, _ := p.parse()
	return u
}

func (p *Provider) parse() (*url.URL, error) {
	raw := p.URL
	if raw == "" {
		raw = "https://api.anthropic.com"
	}
	return p.base.URL(raw, "/v1") // which the dialect's paths begin with
}

// Models implements [provider.Provider].
func (p *Provider) Models() []string { return p.Serves }

// Sign implements [provider.Provider].
func (p *Provider) Sign(ctx context.Context, h http.Header) error {
	if err := p.signer().Sign(ctx, h, &p.credential); err != nil {
		return fmt.Errorf("provider %s: %w", p.Name(), err)
	}
	return nil
}

func (p *Provider) signer() wire.Signer {
	s := wire.Signer{Header: p.Header, APIKey: p.APIKey, Key: p.Key}
	if s.Header == "" {
		s.Header = "X-Api-Key"
	}
	return s
}

// Check reports every mistake in the fields that can be told before a call. A
// gateway asks for it when it is made.
func (p *Provider) Check() error {
	_, urlErr := p.parse()
	if err := errors.Join(urlErr, p.signer().Check(), wire.CheckNames(p.ID, p.Serves)); err != nil {
		return fmt.Errorf("provider %s: %w", p.Name(), err)
	}
	return nil
}
