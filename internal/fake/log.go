package fake

import (
	"net/http"
	"slices"
)

// A Request is what the provider was asked.
type Request struct {
	Method string
	Path   string
	Query  string // without the question mark
	Header http.Header
	Body   []byte // as it was sent
}

// Requests returns the latest requests, the oldest first, also those that were
// refused.
func (p *Provider) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// Count returns how many requests a path has had, as it was written; with an
// empty path, how many there were in all.
func (p *Provider) Count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if path == "" {
		return p.served
	}
	return p.counts[path]
}

// record remembers a request, and returns its number.
func (p *Provider) record(r *http.Request, body []byte) int {
	keep := p.Keep
	if keep == 0 {
		keep = 100
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.served++
	if p.counts == nil {
		p.counts = make(map[string]int)
	}
	if len(p.counts) < 1000 || p.counts[r.URL.Path] > 0 { // paths may be anything
		p.counts[r.URL.Path]++
	}
	if keep > 0 {
		if len(p.log) >= keep {
			p.log = slices.Delete(p.log, 0, len(p.log)-keep+1)
		}
		p.log = append(p.log, Request{
			Method: r.Method,
			Path:   r.URL.Path,
			Query:  r.URL.RawQuery,
			Header: r.Header.Clone(),
			Body:   body,
		})
	}
	return p.served
}
