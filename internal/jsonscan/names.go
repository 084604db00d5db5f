package jsonscan

import (
	"bytes"
	"hash/maphash"
)

// A nameStack holds the names of the members read so far, of all objects that
// are being visited. It is there so that ordinary objects need no memory of
// their own.
type nameStack struct {
	names [48][]byte
	n     int
}

// A nameSet is the set of the names of one object. They are on the stack from
// base on, until that is full; then all of them are in more.
//
// In more there are 64-bit hashes in place of names: they take a fraction of
// the memory, and whoever writes the names cannot know the seed. That two names
// of an object have the same hash is about as likely, for one with 10,000
// members, as 1 in 10^11; it would then be refused.
type nameSet struct {
	base int
	bits uint64 // a bit for each name: two that have different bits differ
	more map[uint64]struct{}
	seed maphash.Seed
}

// add adds name to o, the innermost set, and reports whether it is new there.
func (t *nameStack) add(o *nameSet, name []byte) bool {
	if o.more != nil {
		return o.hash(name)
	}
	bit := uint64(1)
	if n := len(name); n > 0 {
		bit <<= (uint(name[0]) + 7*uint(name[n-1]) + 17*uint(n)) & 63
	}
	if o.bits&bit != 0 {
		for _, other := range t.names[o.base:t.n] {
			if bytes.Equal(name, other) {
				return false
			}
		}
	}
	o.bits |= bit
	if t.n < len(t.names) {
		t.names[t.n] = name
		t.n++
		return true
	}
	o.more, o.seed = make(map[uint64]struct{}), maphash.MakeSeed()
	for _, other := range t.names[o.base:t.n] {
		o.hash(other)
	}
	t.n = o.base
	return o.hash(name)
}

// hash adds name to more, and reports whether it is new there.
func (o *nameSet) hash(name []byte) bool {
	h := maphash.Bytes(o.seed, name)
	if _, ok := o.more[h]; ok {
		return false
	}
	o.more[h] = struct{}{}
	return true
}
