package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// Timeout is how long a receiver may take to answer.
const Timeout = 10 * time.Second

const (
	maxAnswerBytes = 64 << 10         // of an answer, which is read to use the connection again
	idleTimeout    = 10 * time.Second // of a connection
)

// A client posts messages.
type client struct {
	once sync.Once
	http http.Client
}

// post sends a body of JSON. An error tells nothing of the URL but its address.
func (c *client) post(ctx context.Context, rt http.RoundTripper, allowPrivate bool, to string, h http.Header, body []byte) error {
	c.once.Do(func() {
		if rt == nil {
			rt = newTransport(allowPrivate)
		}
		c.http = http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	})
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	req.Header = h
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Rungate")
	resp, err := c.http.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerBytes))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("answered with status %d", resp.StatusCode)
	}
	return nil
}

// withoutURL takes the URL out of an error, since it may be a secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// checkURL reports what is wrong with the URL of a receiver, without telling it.
func checkURL(to string, allowPrivate bool) error {
	u, err := url.Parse(to)
	switch {
	case to == "":
		return errors.New("URL: is missing")
	case err != nil:
		return fmt.Errorf("URL: %w", withoutURL(err))
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("URL: scheme %q; want https or http", u.Scheme)
	case u.Hostname() == "":
		return errors.New("URL: names no host")
	case allowPrivate:
		return nil
	case u.Scheme == "http":
		return errors.New("URL: http tells everybody on the way; use https, or allow private addresses (allow_private: true)")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := public(ip); err != nil {
			return fmt.Errorf("URL: %w", err)
		}
	}
	return nil
}

// name is what a receiver is called: its host, and what tells it from others there
// without what may be secret in the URL. It is the same wherever that is.
func name(kind, to string) string {
	u, err := url.Parse(to)
	if err != nil {
		u = &url.URL{}
	}
	sum := sha256.Sum256([]byte(to))
	return fmt.Sprintf("%s %s %x", kind, u.Host, sum[:4])
}
