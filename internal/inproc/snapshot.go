package inproc

import (
	"net/http"
	"strings"
)

// A snapshot is a header as it was when it was written; the handler may go on to
// change its own. A few fields of one value each, as most answers have, are kept
// without allocating, and where the handler has changed nothing, its header is
// given on rather than copied.
type snapshot struct {
	n   int
	few [12]field
	all http.Header // instead, where few is too little
}

type field struct{ name, value string }

func (s *snapshot) take(h http.Header) {
	if len(h) > len(s.few) {
		s.all = h.Clone()
		return
	}
	for k, v := range h { // trailers stay with the handler until the end
		if len(v) != 1 || strings.HasPrefix(k, http.TrailerPrefix) {
			s.all = h.Clone()
			return
		}
		s.few[s.n] = field{k, v[0]}
		s.n++
	}
}

// header returns the header that was taken, as a map that is nobody else's. If
// the owner of now, which is the header as it is now, is done with it, it may be
// that one.
func (s *snapshot) header(now http.Header, done bool) http.Header {
	switch {
	case s.all != nil:
		return s.all
	case done && now != nil && s.same(now):
		return now
	}
	h := make(http.Header, s.n+2) // the length and the type may be added
	for _, f := range s.few[:s.n] {
		h[f.name] = []string{f.value}
	}
	return h
}

func (s *snapshot) same(h http.Header) bool {
	if len(h) != s.n {
		return false
	}
	for _, f := range s.few[:s.n] {
		if v := h[f.name]; len(v) != 1 || v[0] != f.value {
			return false
		}
	}
	return true
}
