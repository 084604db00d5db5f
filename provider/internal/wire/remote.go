package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/rungate/rungate/provider"
)

// A Base is the address of an API, parsed when it is first asked for. The zero
// Base is ready for use, by many goroutines at once.
type Base struct {
	once sync.Once
	url  *url.URL
	err  error
}

// URL parses raw on its first call, and takes suffix off its end if it is there.
// With an error comes an address that nothing can be sent to.
func (b *Base) URL(raw, suffix string) (*url.URL, error) {
	b.once.Do(func() {
		if b.url, b.err = parseBase(raw); b.err != nil {
			b.url = new(url.URL)
			return
		}
		path := strings.TrimRight(b.url.Path, "/")
		b.url.Path = strings.TrimRight(strings.TrimSuffix(path, suffix), "/")
	})
	return b.url, b.err
}

func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("URL cannot be parsed") // err would show what may be a secret in it
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("URL: scheme %q is neither http nor https", u.Scheme)
	case u.Host == "":
		return nil, errors.New("URL: no host")
	case u.User != nil:
		return nil, errors.New("URL: a credential belongs into APIKey, not into the address")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("URL: a query or fragment would not be sent")
	case u.RawPath != "":
		return nil, errors.New("URL: the path has escapes that change its meaning")
	}
	return u, nil
}

// A Credential is a header's values for a key that does not change, made when
// they are first asked for. The zero Credential is ready for use, by many
// goroutines at once. What it is part of can be printed without showing them.
type Credential struct {
	once   sync.Once
	values func() []string // of a function, fmt prints the address
}

// A Signer is how a provider's credential is sent.
type Signer struct {
	Header string // Authorization means a bearer token, any other the bare key
	APIKey provider.Secret
	Key    func(context.Context) (provider.Secret, error) // instead of APIKey
}

// Sign puts the credential on h, if there is any. APIKey is the same for each
// call with the same Credential.
func (s Signer) Sign(ctx context.Context, h http.Header, c *Credential) error {
	name := http.CanonicalHeaderKey(s.Header)
	switch {
	case s.Key != nil:
		key, err := s.Key(ctx)
		if err != nil {
			return fmt.Errorf("looking up the key: %w", err)
		}
		if key == "" {
			return errors.New("looking up the key: it is empty")
		}
		h[name] = values(name, key)
	case s.APIKey != "":
		c.once.Do(func() {
			v := values(name, s.APIKey)
			c.values = func() []string { return v }
		})
		h[name] = c.values()
	}
	return nil
}

// values are those of the header of that name.
func values(name string, key provider.Secret) []string {
	if name == "Authorization" {
		return []string{"Bearer " + key.Reveal()}
	}
	return []string{key.Reveal()}
}

// Check reports what would make every call fail.
func (s Signer) Check() error {
	if s.APIKey != "" && s.Key != nil {
		return errors.New("APIKey and Key are both given")
	}
	for _, c := range []byte(s.APIKey.Reveal()) {
		if c <= ' ' || c >= 0x7f {
			return errors.New("APIKey holds a blank, a line end or another character that no key has")
		}
	}
	for _, c := range []byte(s.Header) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return fmt.Errorf("Header: %q is no name of a header", s.Header)
		}
	}
	return nil
}

// CheckNames reports a name or a model pattern that cannot be used.
func CheckNames(id string, serves []string) error {
	if strings.ContainsAny(id, "/ \t\r\n") {
		return fmt.Errorf("ID: %q holds a slash or a blank", id)
	}
	for i, glob := range serves {
		if glob == "" {
			return fmt.Errorf("Serves[%d] is empty", i)
		}
	}
	return nil
}
