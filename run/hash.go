package run

import (
	"encoding/binary"
	"math/bits"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
)

// What hashes begin with, so that no two kinds of things have the same.
const (
	hashCall = iota + 1
	hashTool
	hashFinding
	hashObject
	hashArray
	hashText
	hashRaw
	hashFailedOver
)

// HashCall returns a hash by which two calls of an endpoint are told to be the
// same request: whatever their directives are, and whether or not the answer is
// to be a stream. The order of the members of the body and white space between
// them do not matter; their values are compared as they are written, since a
// client that repeats itself writes them in the same way. It is the same in every
// process, and no proof: who wants to can make two requests with one hash.
func HashCall(e provider.Endpoint, body []byte) uint64 {
	var small [64]byte // most names; keeps them off the heap
	h := hash(hashCall, append(small[:0], e...))
	var members uint64
	var s jsonscan.Scanner
	s.Reset(body)
	s.Object(func(key []byte) {
		switch string(key) {
		case "rungate", "stream", "stream_options":
			return
		}
		name := hash(hashText, key)
		if from, to := s.Skip(); from >= 0 {
			members += mix(hash(name, body[from:to]))
		}
	})
	s.End()
	if s.Err() != nil {
		members = hash(hashRaw, body)
	}
	return mix(h + mix(members))
}

// HashToolCall returns a hash by which two calls of a tool are told to be the
// same: its name and its arguments, as the JSON text that they are. The order of
// the members of objects, white space and the spelling of strings do not matter.
// Otherwise it is like [HashCall].
func HashToolCall(name string, args []byte) uint64 {
	var small [64]byte // most names; keeps them off the heap
	h := hash(hashTool, append(small[:0], name...))
	var s jsonscan.Scanner
	s.Reset(args)
	v := hashValue(&s, args)
	s.End()
	if s.Err() != nil {
		v = hash(hashRaw, args)
	}
	return mix(h + mix(v))
}

// hashValue returns the hash of the value that s reads next from data.
func hashValue(s *jsonscan.Scanner, data []byte) uint64 {
	switch s.Kind() {
	case jsonscan.Object:
		var members uint64
		s.Object(func(key []byte) {
			name := hash(hashText, key)
			members += mix(name + bits.RotateLeft64(hashValue(s, data), 32))
		})
		return mix(members + hashObject)
	case jsonscan.Array:
		h := uint64(hashArray)
		s.Array(func(int) { h = mix(h + bits.RotateLeft64(hashValue(s, data), 32)) })
		return h
	case jsonscan.String:
		return mix(hash(hashText, s.Str()))
	}
	if from, to := s.Skip(); from >= 0 {
		return mix(hash(hashRaw, data[from:to]))
	}
	return 0
}

// hash goes on with a hash.
func hash(h uint64, text []byte) uint64 {
	h += uint64(len(text))
	for ; len(text) >= 8; text = text[8:] {
		h = fold(h ^ binary.LittleEndian.Uint64(text))
	}
	var rest [8]byte
	copy(rest[:], text)
	return fold(h ^ binary.LittleEndian.Uint64(rest[:]))
}

func fold(h uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9)
	return hi ^ lo
}

// mix spreads a hash over all bits, so that hashes can be added up.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
