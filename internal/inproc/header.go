package inproc

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// commit makes the response out of the header as it was written and of the part
// of the body that is there. The caller holds mu, or is alone. Done says that
// the handler has returned, so that this part is the whole.
func (x *exchange) commit(done bool) {
	h := x.sent.header(x.header, done)
	allowed := bodyAllowed(x.status)

	trailers := h["Trailer"] != nil
	_, typed := h["Content-Type"]
	for k, v := range h {
		if strings.HasPrefix(k, http.TrailerPrefix) {
			delete(h, k)
			trailers = true
		} else if len(v) == 0 { // nothing to send; no type at all is said so
			delete(h, k)
		}
	}
	delete(h, "Transfer-Encoding") // is between the handler and its wire
	switch {
	case !allowed:
		delete(h, "Content-Length")
		if x.status == http.StatusNotModified {
			delete(h, "Content-Type")
		}
	case len(x.buf) > 0 && !typed && h.Get("Content-Encoding") == "":
		h["Content-Type"] = []string{http.DetectContentType(x.buf)}
	}
	if done && allowed && !trailers && x.length < 0 && (!x.head || len(x.buf) > 0) {
		x.length = int64(len(x.buf))
		x.lengthIs[0] = strconv.Itoa(len(x.buf))
		h["Content-Length"] = x.lengthIs[:]
	}

	r := &x.response
	r.Status = statusText(x.status)
	r.StatusCode = x.status
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Header = h
	r.ContentLength = x.length
	r.Body = responseBody{x}
	if !allowed {
		r.ContentLength = 0
	}
	switch {
	case x.head || r.ContentLength == 0:
		r.Body = http.NoBody
		x.buf, x.bodiless = nil, true
	case x.length < 0:
		x.declareTrailers(h)
	}
	r.Request = x.request
	x.unread = x.length
	x.committed = true
}

// declareTrailers takes the names of the trailers out of the header, and tells
// the client of them.
func (x *exchange) declareTrailers(h http.Header) {
	for _, v := range h["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				x.trailers = append(x.trailers, http.CanonicalHeaderKey(name))
			}
		}
	}
	delete(h, "Trailer")
	for _, k := range x.trailers {
		if x.response.Trailer == nil {
			x.response.Trailer = make(http.Header)
		}
		x.response.Trailer[k] = nil
	}
}

// finalTrailer returns the trailers that the handler has set, nil if it has
// none. Only an answer of unknown length has any.
func (x *exchange) finalTrailer() http.Header {
	if x.length >= 0 {
		return nil
	}
	var t http.Header
	set := func(k string, v []string) {
		if t == nil {
			t = make(http.Header)
		}
		t[k] = v
	}
	for _, k := range x.trailers {
		if v := x.header[k]; len(v) > 0 {
			set(k, v)
		}
	}
	for k, v := range x.header {
		if name, ok := strings.CutPrefix(k, http.TrailerPrefix); ok {
			set(name, v)
		}
	}
	return t
}

// bodyAllowed reports whether answers of a status have a body.
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// statusText is what an HTTP/1.1 client reads after the version.
func statusText(status int) string {
	if status == http.StatusOK {
		return "200 OK"
	}
	if s := http.StatusText(status); s != "" {
		return strconv.Itoa(status) + " " + s
	}
	return fmt.Sprintf("%d status code %d", status, status)
}
