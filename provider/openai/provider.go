package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A Provider is OpenAI, or a server that is compatible with it. It is used as a
// literal, by pointer:
//
//	&openai.Provider{APIKey: key}
//	&openai.Provider{ID: "local", URL: "http://localhost:8000/v1", Serves: []string{"llama*"}}
//
// Its fields must not change while it is in use.
type Provider struct {
	ID  string // what policies, prices and steps call it; "" is "openai"
	URL string // where its paths begin, "/v1" included; "" is https://api.openai.com/v1

	// APIKey is sent with each call. Where it is empty and Key is nil, nothing
	// is sent, as local servers want it.
	APIKey provider.Secret

	// Key, instead of APIKey, is asked for the key before each call, so that it
	// can be rotated. It is called by many goroutines at once.
	Key func(ctx context.Context) (provider.Secret, error)

	// Header is what carries the key; "" is Authorization, as a bearer token.
	// Any other, such as "api-key", carries the bare key.
	Header string

	// Organization and Project are billed for the calls; "" is the key's own.
	// What an agent says about them is not sent.
	Organization, Project string

	// Serves lists models by name or by glob; none means whatever no other
	// provider lists.
	Serves []string

	base       wire.Base
	credential wire.Credential
}

// Name implements [provider.Provider].
func (p *Provider) Name() string {
	if p.ID == "" {
		return "openai"
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
		raw = "https://api.openai.com/v1"
	}
	return p.base.URL(raw, "")
}

// Models implements [provider.Provider].
func (p *Provider) Models() []string { return p.Serves }

// Sign implements [provider.Provider].
func (p *Provider) Sign(ctx context.Context, h http.Header) error {
	if err := p.signer().Sign(ctx, h, &p.credential); err != nil {
		return fmt.Errorf("provider %s: %w", p.Name(), err)
	}
	set(h, "Openai-Organization", p.Organization)
	set(h, "Openai-Project", p.Project)
	return nil
}

// set leaves no other value of the header than the given one, or none. The name
// is spelled as net/http does.
func set(h http.Header, name, value string) {
	if value == "" {
		delete(h, name)
		return
	}
	h[name] = []string{value}
}

func (p *Provider) signer() wire.Signer {
	s := wire.Signer{Header: p.Header, APIKey: p.APIKey, Key: p.Key}
	if s.Header == "" {
		s.Header = "Authorization"
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
