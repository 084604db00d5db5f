package memstore

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// steps are those of a run that are kept, the newest. Most steps of a run have much in
// common, which is kept once; what each has of its own is kept without a pointer in it. That
// takes a quarter of the memory, and the garbage collector does not look into it.
type steps struct {
	ring   []step // begins at oldest
	oldest int
	ids    stepIDs
	common []common
	free   []uint32             // places in common that are of no step
	recent []uint32             // those that were used last, the latest first
	odd    map[uint64]*run.Step // those that are kept as they are, by their id
}

// A step is what one has of its own.
type step struct {
	id     uint64 // stands for its ID in ids
	common uint32 // its place in steps.common; isOdd for one in steps.odd
	name   [16]byte
	start  int64 // in nanoseconds since 1970
	took   time.Duration
	cost   budget.Money
	tokens provider.Tokens
}

const isOdd = 1<<32 - 1

// common is what steps have in common. Of their IDs it is what comes before the name.
type common struct {
	run.Step
	of int // so many steps
}

// add adds a step, in the place of the oldest if there are keep of them. It reports whether
// it was not there yet.
func (s *steps) add(st *run.Step, keep int) bool {
	id := hashOf(st.ID)
	if !s.ids.add(id) {
		return false
	}
	if len(s.ring) < keep {
		s.ring = append(s.ring, s.pack(st, id))
		return true
	}
	old := &s.ring[s.oldest]
	s.drop(old)
	*old = s.pack(st, id)
	s.oldest = (s.oldest + 1) % keep
	return true
}

func (s *steps) pack(st *run.Step, id uint64) step {
	p := step{id: id, common: isOdd, start: st.Start.UnixNano(), took: st.Duration, cost: st.Cost, tokens: st.Usage.Tokens}
	prefix, ok := cutName(st.ID, &p.name)
	if ok = ok && st.First == "" && st.Usage.Passes == nil && time.Unix(0, p.start).Equal(st.Start); !ok {
		if s.odd == nil {
			s.odd = map[uint64]*run.Step{}
		}
		whole := *st
		s.odd[id] = &whole
		return p
	}
	p.common = s.share(st, prefix)
	s.common[p.common].of++
	return p
}

// maxRecent is with how many others a step is compared at most.
const maxRecent = 8

// share returns the place in s.common of what the step has in common with others, which
// becomes the latest.
func (s *steps) share(st *run.Step, prefix string) uint32 {
	i := 0
	for i < len(s.recent) && !s.common[s.recent[i]].fits(st, prefix) {
		i++
	}
	var at uint32
	switch {
	case i < len(s.recent):
		at = s.recent[i]
	case i < maxRecent:
		s.recent = append(s.recent, 0)
		fallthrough
	default:
		i = len(s.recent) - 1
		at = s.open(st, prefix)
	}
	copy(s.recent[1:i+1], s.recent[:i])
	s.recent[0] = at
	return at
}

// open makes a place in s.common for what the step has.
func (s *steps) open(st *run.Step, prefix string) uint32 {
	c := common{Step: *st}
	c.ID, c.Start, c.Duration, c.Cost, c.Usage.Tokens = prefix, time.Time{}.In(st.Start.Location()), 0, 0, provider.Tokens{}
	if n := len(s.free); n > 0 {
		at := s.free[n-1]
		s.free = s.free[:n-1]
		s.common[at] = c
		return at
	}
	s.common = append(s.common, c)
	return uint32(len(s.common) - 1)
}

// fits reports whether all but its own of a step is in c: each field of run.Step that pack
// does not keep.
func (c *common) fits(st *run.Step, prefix string) bool {
	u, v := &c.Usage, &st.Usage
	return c.of > 0 && c.ID == prefix && c.Start.Location() == st.Start.Location() &&
		c.Model == st.Model && c.Asked == st.Asked && c.Agent == st.Agent && c.Provider == st.Provider && c.Endpoint == st.Endpoint &&
		c.Stream == st.Stream && c.Status == st.Status && c.Error == st.Error && c.Fault == st.Fault && c.Notes == st.Notes &&
		c.PriceList == st.PriceList && c.Ungoverned == st.Ungoverned &&
		u.Model == v.Model && u.WebSearches == v.WebSearches && u.PreviewSearches == v.PreviewSearches &&
		u.ServiceTier == v.ServiceTier && u.InferenceGeo == v.InferenceGeo && u.Speed == v.Speed && u.Estimated == v.Estimated
}

// drop lets go of a step, whose place another one takes.
func (s *steps) drop(p *step) {
	s.ids.remove(p.id)
	if p.common == isOdd {
		delete(s.odd, p.id)
		return
	}
	c := &s.common[p.common]
	if c.of--; c.of == 0 {
		*c = common{}
		s.free = append(s.free, p.common)
	}
}

// from returns up to n steps from the i-th on.
func (s *steps) from(i, n int) []run.Step {
	all := make([]run.Step, 0, n)
	for k := range n {
		p := &s.ring[(s.oldest+i+k)%len(s.ring)]
		if p.common == isOdd {
			all = append(all, *s.odd[p.id])
			continue
		}
		st := s.common[p.common].Step
		zone := st.Start.Location()
		st.ID, st.Start, st.Duration, st.Cost, st.Usage.Tokens = st.ID+nameOf(&p.name), time.Unix(0, p.start).In(zone), p.took, p.cost, p.tokens
		all = append(all, st)
	}
	return all
}

const digits = "0123456789abcdef"

// values are those of the digits; that of any other byte is 0xff.
var values = func() (of [256]byte) {
	for i := range of {
		of[i] = 0xff
	}
	for i, c := range digits {
		of[c] = byte(i)
	}
	return of
}()

// cutName takes the name off the end of an ID, which is of hexadecimal digits. It reports
// whether there is one.
func cutName(id string, name *[16]byte) (prefix string, ok bool) {
	n := len(id) - 2*len(name)
	if n < 0 {
		return "", false
	}
	var bad byte
	for i := range name {
		hi, lo := values[id[n+2*i]], values[id[n+2*i+1]]
		name[i] = hi<<4 | lo
		bad |= hi | lo
	}
	return id[:n], bad != 0xff
}

func nameOf(name *[16]byte) string {
	var s [2 * len(name)]byte
	for i, b := range name {
		s[2*i], s[2*i+1] = digits[b>>4], digits[b&15]
	}
	return string(s[:])
}
