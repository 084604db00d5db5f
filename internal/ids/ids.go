// Package ids makes identifiers.
package ids

import (
	"encoding/binary"
	"math/rand/v2"
)

// New returns 128 random bits. They name things apart; they are no secret.
func New() (id [16]byte) {
	binary.LittleEndian.PutUint64(id[:], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	return id
}
