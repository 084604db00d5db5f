package gateway

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
)

// read reads the body, once, and the facts in it.
func (c *call) read(ctx context.Context) error {
	c.req.Endpoint = c.route.endpoint
	if c.r.Method != http.MethodPost {
		c.req.HiddenTools = true // those of the request whose answer is read
		return nil
	}
	c.limitReading()
	body, err := c.body()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &refusal{code: codeInvalidRequest, cause: err, message: fmt.Sprintf(
			"Rungate: the body did not come to its end within %s.", c.g.cfg.Limits.BodyTimeout)}
	}
	if err != nil {
		if ctx.Err() != nil {
			return &goneError{err}
		}
		return err
	}
	c.req.Body = body
	if err := c.route.dialect.Parse(&c.req); err != nil {
		return err
	}
	for _, name := range billingHeaders {
		if c.r.Header[name] != nil {
			c.req.Billing = append(c.req.Billing, strings.ToLower(name))
		}
	}
	return nil
}

// billingHeaders say, in place of members of the body, who pays for a call.
var billingHeaders = [...]string{"Anthropic-Workspace-Id", "Anthropic-User-Profile-Id"}

// limitReading keeps an agent from holding the call for ever by sending its body
// ever more slowly. The server lifts the limit when the body has come.
func (c *call) limitReading() {
	if t := c.g.cfg.Limits.BodyTimeout; t > 0 && c.r.ContentLength != 0 {
		_ = http.NewResponseController(c.w).SetReadDeadline(c.start.Add(t)) // what cannot has its own
	}
}

// body returns the request's body, unpacked.
func (c *call) body() ([]byte, error) {
	limit := c.g.cfg.Limits.BodyBytes
	if c.r.ContentLength > limit {
		return nil, c.tooLarge()
	}
	if cs := charset(headerValue(c.r.Header, "Content-Type")); cs != "" && !strings.EqualFold(cs, "utf-8") {
		return nil, &refusal{code: codeUnsupportedEncoding, message: fmt.Sprintf(
			"Rungate: a body in the charset %q would be read differently by the provider; send it as UTF-8.", cs)}
	}
	from := io.Reader(c.r.Body)
	size := c.r.ContentLength
	switch enc := strings.ToLower(strings.Join(c.r.Header["Content-Encoding"], ",")); enc {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(c.r.Body)
		if err != nil {
			return nil, c.unreadable(err)
		}
		from, size = z, -1
	default:
		return nil, &refusal{code: codeUnsupportedEncoding, message: fmt.Sprintf(
			"Rungate: a body with Content-Encoding %q cannot be read, and so is not forwarded; send it plain or as gzip.", enc)}
	}
	if size < 0 {
		size = 8 << 10
	}
	body := borrowBody(int(min(size, trusted)) + 1) // one more, to see the end without growing
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, c.tooLarge()
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, c.unreadable(err)
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// trusted is up to where a Content-Length is believed at once.
const trusted = 1 << 20

// charset returns what a Content-Type says that a text is written in; empty is
// nothing. A type that cannot be read is one of no known charset.
func charset(contentType string) string {
	if strings.IndexByte(contentType, ';') < 0 {
		return ""
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "?"
	}
	return params["charset"]
}

func (c *call) tooLarge() error {
	return &refusal{code: codeTooLarge, message: fmt.Sprintf(
		"Rungate: the body is larger than the %d bytes that are accepted here.", c.g.cfg.Limits.BodyBytes)}
}

func (c *call) unreadable(err error) error {
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok { // of a host program's own
		return &refusal{code: codeTooLarge, cause: err, message: fmt.Sprintf(
			"Rungate: the body is larger than the %d bytes that are accepted here.", e.Limit)}
	}
	return &refusal{code: codeInvalidRequest, cause: err, message: "Rungate: the body could not be read to its end, or not be unpacked."}
}
