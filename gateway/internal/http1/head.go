package http1

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// appendHead appends the request line and the header of a request that has so many bytes of
// content. What would be understood as something else is an error.
func appendHead(b []byte, req *http.Request, content int) ([]byte, error) {
	if req.URL == nil {
		return nil, errors.New("http1: the request has no address")
	}
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	target := req.URL.RequestURI()
	method := cmp.Or(req.Method, http.MethodGet)
	if !token(method) {
		return nil, fmt.Errorf("http1: invalid method: %q", method)
	}
	for _, s := range [...]string{target, host} {
		if !visible(s) {
			return nil, fmt.Errorf("http1: %q cannot be sent in a request", s)
		}
	}
	b = append(append(append(append(b, method...), ' '), target...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host...), "\r\n"...)
	for name, values := range req.Header {
		if own(name) {
			continue
		}
		if !token(name) {
			return nil, fmt.Errorf("http1: invalid name of a header: %q", name)
		}
		for _, v := range values {
			if !text(v) {
				return nil, fmt.Errorf("http1: invalid value of the header %s", name) // which may be a secret
			}
			b = append(append(append(append(b, name...), ": "...), textproto.TrimString(v)...), "\r\n"...)
		}
	}
	if req.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	if content > 0 || method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), int64(content), 10), "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// own reports whether a header is the connection's own, in whatever case it is written.
func own(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Connection"):
		return strings.EqualFold(name, "Connection")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// visible reports whether s is of printable characters other than the space alone.
func visible(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return s != ""
}

// text reports whether s may be the value of a header, see RFC 9110, section 5.5.
func text(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// token reports whether s may be the name of a header, see RFC 9110, section 5.6.2.
func token(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || !tokens[c] {
			return false
		}
	}
	return s != ""
}

var tokens = func() (is [0x80]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		is[c] = true
	}
	return is
}()
