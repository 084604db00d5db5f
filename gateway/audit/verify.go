package audit

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
)

// A Head is the newest entry of a team's trail at some time. Nobody can cut off a
// trail unseen, or write it anew from some entry on, while its head is written down
// where they do not come.
type Head struct {
	Team   string `json:"team"`
	Number int64  `json:"number"`
	Hash   Hash   `json:"hash"`
}

// A Check says how trails are verified. The zero Check is of whole trails of which
// nothing is known.
type Check struct {
	// Known are heads that were written down before. A trail has to have these
	// entries still. Those of teams that are not looked at do not count.
	Known []Head

	// Partial lets a trail begin with any number, as in an export that does. The
	// entry before the first is compared where it is Known.
	Partial bool
}

// Verified is what was found to be whole.
type Verified struct {
	Entries int64
	Heads   []Head // in the order of their teams
}

// Verify reads the trail of a team and checks that it is whole. The error is a
// *[BrokenError] where it is not, and any other where that cannot be told.
func (c *Check) Verify(ctx context.Context, t Trail, team string) (Verified, error) {
	v := newVerifier(c)
	v.only = &team
	for after := int64(0); ; {
		page, err := t.Entries(ctx, team, after, pageSize)
		if err != nil {
			return Verified{}, err
		}
		for i := range page {
			if err := v.add(&page[i], 0); err != nil {
				return Verified{}, err
			}
		}
		if len(page) < pageSize {
			return v.end()
		}
		after = page[len(page)-1].Number
	}
}

// pageSize is how many entries are asked for at once.
const pageSize = 500

// VerifyLines reads lines of an export or a [Log], of any teams, and checks that
// their trails are whole. It takes memory for each team, and none for entries. The
// error is as for Verify.
func (c *Check) VerifyLines(r io.Reader) (Verified, error) {
	v := newVerifier(c)
	lines := NewReader(r)
	for {
		e, err := lines.Next()
		if b, ok := errors.AsType[*BrokenError](err); ok {
			v.unreadable(b)
			continue
		}
		if err == io.EOF {
			return v.end()
		}
		if err != nil {
			return Verified{}, err
		}
		if err := v.add(&e, lines.Line()); err != nil {
			return Verified{}, err
		}
	}
}

// A chain is how far a team's trail has been followed.
type chain struct {
	number int64
	hash   Hash
	line   int64 // of that entry
	first  int64 // number that the trail begins with
}

// A verifier follows chains.
type verifier struct {
	check   *Check
	only    *string // the team that known heads count of; nil is any
	chains  map[string]chain
	entries int64

	// What is wrong already. What comes after it only says which entry it is.
	broken *BrokenError
	gap    struct{ want, got int64 } // where the fault is not clear before the end
}

func newVerifier(c *Check) *verifier { return &verifier{check: c, chains: map[string]chain{}} }

// add follows one more entry.
func (v *verifier) add(e *Entry, line int64) error {
	if v.broken != nil {
		return v.reveal(e)
	}
	last, known := v.chains[e.Team]
	if !known {
		last = v.before(e)
	}
	next := last.number + 1
	switch {
	case e.Sum() != e.Hash:
		return v.changed(e, line, last)
	case e.Number < last.first:
		return &BrokenError{Team: e.Team, Number: e.Number, Line: line, Fault: OutOfOrder}
	case e.Number < next:
		return &BrokenError{Team: e.Team, Number: e.Number, Line: line, Fault: Doubled}
	case e.Number > next:
		v.broken = &BrokenError{Team: e.Team, Number: next, Line: line, Fault: Missing, seen: e.Number}
		v.gap.want, v.gap.got = next, e.Number
		return nil
	case e.Prev != last.hash && next == 1:
		return &BrokenError{Team: e.Team, Number: 1, Line: line, Fault: Changed}
	case e.Prev != last.hash:
		return &BrokenError{Team: e.Team, Number: last.number, Line: last.line, Fault: Changed, seen: e.Number}
	case !v.agrees(e):
		return &BrokenError{Team: e.Team, Number: e.Number, Line: line, Fault: Changed, cause: errKnown}
	}
	v.chains[e.Team] = chain{e.Number, e.Hash, line, last.first}
	v.entries++
	return nil
}

var errKnown = errors.New("it, or one before it, is another one than was known")

// before is what the first entry of a trail has to follow on.
func (v *verifier) before(e *Entry) chain {
	if !v.check.Partial {
		return chain{first: 1}
	}
	for _, h := range v.check.Known {
		if h.Team == e.Team && h.Number == e.Number-1 {
			return chain{number: h.Number, hash: h.Hash, first: e.Number}
		}
	}
	return chain{number: e.Number - 1, hash: e.Prev, first: e.Number}
}

// agrees reports whether the entry is not another one than is known.
func (v *verifier) agrees(e *Entry) bool {
	return !slices.ContainsFunc(v.check.Known, func(h Head) bool {
		return h.Team == e.Team && h.Number == e.Number && h.Hash != e.Hash
	})
}

// changed names an entry that has not the hash of what it says. What it says of
// itself may be what was changed: it is the one that would have the hash in its
// place.
func (v *verifier) changed(e *Entry, line int64, last chain) error {
	b := &BrokenError{Team: e.Team, Number: last.number + 1, Line: line, Fault: Changed}
	for team, last := range v.chains {
		was := *e
		was.Team, was.Number, was.Prev = team, last.number+1, last.hash
		if was.Sum() == e.Hash {
			b.Team, b.Number = was.Team, was.Number
		}
	}
	return b
}

// unreadable notes a line that is not one of a trail. Which entry it is can be told
// by those that follow.
func (v *verifier) unreadable(b *BrokenError) {
	if v.broken == nil {
		v.broken = b
	}
}

// reveal looks at an entry that comes after what is wrong.
func (v *verifier) reveal(e *Entry) error {
	b := v.broken
	if b.Fault != Missing {
		return v.missed(e)
	}
	if e.Team != b.Team {
		return nil
	}
	switch e.Number {
	case v.gap.got:
		return &BrokenError{Team: b.Team, Number: v.gap.got, Line: b.Line, Fault: Doubled}
	case v.gap.want:
		return &BrokenError{Team: b.Team, Number: v.gap.got, Line: b.Line, Fault: OutOfOrder}
	}
	return nil
}

// missed looks whether an entry does not follow since the one before it is the one
// that could not be read.
func (v *verifier) missed(e *Entry) error {
	last := v.chains[e.Team]
	if e.Number == last.number+1 {
		v.chains[e.Team] = chain{number: e.Number}
		return nil
	}
	v.broken.Team, v.broken.Number = e.Team, last.number+1
	return v.broken
}

// end says what was found, when there are no further entries.
func (v *verifier) end() (Verified, error) {
	if b := v.broken; b != nil {
		if b.Fault == Missing {
			b.Line = 0
		} else if b.Number == 0 && len(v.chains) == 1 { // the last of the only trail
			for team, last := range v.chains {
				b.Team, b.Number = team, last.number+1
			}
		}
		return Verified{}, b
	}
	for _, h := range v.check.Known {
		if v.only != nil && h.Team != *v.only {
			continue
		}
		if last := v.chains[h.Team]; last.number < h.Number {
			return Verified{}, &BrokenError{Team: h.Team, Number: last.number + 1, Fault: Missing, cause: errCutOff}
		}
	}
	found := Verified{Entries: v.entries}
	for team, last := range v.chains {
		found.Heads = append(found.Heads, Head{team, last.number, last.hash})
	}
	slices.SortFunc(found.Heads, func(a, b Head) int { return strings.Compare(a.Team, b.Team) })
	return found, nil
}

var errCutOff = errors.New("the trail is known to have gone on")
