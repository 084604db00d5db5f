package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	stdhash "hash"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A Fingerprint is what a request is known by again, so that an approval holds
// for it and for no other. It is a SHA-256.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint in hexadecimal.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// FingerprintOf returns the fingerprint of a request: of its path, and of all that
// the members of the JSON object in its body say but for "rungate", "stream" and
// "stream_options". The order of the members of objects, white space and the
// spelling of strings do not matter; numbers are compared as they are written. A
// body that is no such object is compared byte for byte.
func FingerprintOf(path string, body []byte) Fingerprint {
	p := printer{h: sha256.New()}
	p.s.Reset(body)
	sum := p.object(body, func(key []byte) bool {
		switch string(key) {
		case "rungate", "stream", "stream_options":
			return true
		}
		return false
	})
	if p.s.End(); p.s.Err() != nil {
		sum = p.sum('?', body)
	}
	return p.sum('/', []byte(path), sum[:])
}

// printer makes digests of what s reads. Each begins with a letter for what it is
// of, so that no two kinds of values have the same.
type printer struct {
	s jsonscan.Scanner
	h stdhash.Hash
}

func (p *printer) sum(kind byte, parts ...[]byte) (f Fingerprint) {
	p.h.Reset()
	p.h.Write([]byte{kind})
	for _, part := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		p.h.Write(n[:])
		p.h.Write(part)
	}
	p.h.Sum(f[:0])
	return f
}

func (p *printer) value(data []byte) Fingerprint {
	switch p.s.Kind() {
	case jsonscan.Object:
		return p.object(data, nil)
	case jsonscan.Array:
		var items []byte
		p.s.Array(func(int) {
			v := p.value(data)
			items = append(items, v[:]...)
		})
		return p.sum('[', items)
	case jsonscan.String:
		return p.sum('"', p.s.Str())
	}
	if from, to := p.s.Skip(); from >= 0 {
		return p.sum('#', data[from:to])
	}
	return Fingerprint{}
}

func (p *printer) object(data []byte, skip func(key []byte) bool) Fingerprint {
	var members []Fingerprint
	p.s.Object(func(key []byte) {
		if skip != nil && skip(key) {
			p.s.Skip()
			return
		}
		name := p.sum('"', key)
		v := p.value(data)
		members = append(members, p.sum(':', name[:], v[:]))
	})
	slices.SortFunc(members, func(a, b Fingerprint) int { return bytes.Compare(a[:], b[:]) })
	all := make([]byte, 0, len(members)*sha256.Size)
	for i := range members {
		all = append(all, members[i][:]...)
	}
	return p.sum('{', all)
}
