package memstore

import (
	"hash/maphash"
	"math/bits"
)

var seed = maphash.MakeSeed()

// stepIDs is the set of the ids of a run's steps: 64 bits of a hash of each,
// which is enough to tell those of one run apart. It is a table in which an entry
// is at its place or behind it with no gap between; 0 is a gap. Other than a map
// it costs little to move on, one in and one out.
type stepIDs struct {
	table []uint64 // its length is a power of two
	n     int
}

// add adds the id with that hash, and reports whether it was not there.
func (s *stepIDs) add(h uint64) bool {
	if 2*s.n >= len(s.table) {
		s.grow()
	}
	i := s.find(h)
	if s.table[i] == h {
		return false
	}
	s.table[i] = h
	s.n++
	return true
}

// remove removes the id with that hash, which is there.
func (s *stepIDs) remove(h uint64) {
	gap := s.find(h)
	// What is behind the gap and not at its place moves into it, unless it would
	// come before its place.
	for i := s.next(gap); s.table[i] != 0; i = s.next(i) {
		if s.distance(s.place(s.table[i]), i) >= s.distance(gap, i) {
			s.table[gap] = s.table[i]
			gap = i
		}
	}
	s.table[gap] = 0
	s.n--
}

// find returns where h is, or the gap that it belongs into.
func (s *stepIDs) find(h uint64) int {
	i := s.place(h)
	for s.table[i] != 0 && s.table[i] != h {
		i = s.next(i)
	}
	return i
}

func (s *stepIDs) grow() {
	old := s.table
	s.table = make([]uint64, max(8, 2*len(old)))
	for _, h := range old {
		if h != 0 {
			s.table[s.find(h)] = h
		}
	}
}

// place is where h is if nothing is in its way.
func (s *stepIDs) place(h uint64) int { return int(h >> (64 - bits.Len(uint(len(s.table)-1)))) }

func (s *stepIDs) next(i int) int { return (i + 1) & (len(s.table) - 1) }

// distance is how far j is behind i.
func (s *stepIDs) distance(i, j int) int { return (j - i) & (len(s.table) - 1) }

// hashOf returns what stands for an id; never 0.
func hashOf(id string) uint64 { return max(1, maphash.String(seed, id)) }
