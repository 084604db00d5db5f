package redisstore

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
)

// A part of a demand is what is in one slot.
type part struct {
	slot  slot
	rank  int
	takes []int // which of the demand's
	holds []int
}

// parts returns the parts of a demand in the order in which they are reserved.
func (o *Options) parts(d *budget.Demand) []part {
	var all []part
	of := func(w *budget.Owner) *part {
		s := o.slotOf(w)
		for i := range all {
			if all[i].slot == s {
				return &all[i]
			}
		}
		all = append(all, part{slot: s, rank: rank(w)})
		return &all[len(all)-1]
	}
	for i := range d.Takes {
		p := of(&d.Takes[i].Owner)
		p.takes = append(p.takes, i)
	}
	for i := range d.Holds {
		p := of(&d.Holds[i].Owner)
		p.holds = append(p.holds, i)
	}
	slices.SortFunc(all, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.slot, b.slot))
	})
	return all
}

// An attempt is a call of Reserve.
type attempt struct {
	id, name string
	lease    time.Duration
}

// look is an attempt that takes nothing, and only finds out what is short.
const look = "?"

// reserve returns the keys and arguments of the script that reserves a part.
func (p *part) reserve(d *budget.Demand, a attempt, decides string) (keys []string, args []any) {
	keys = make([]string, 0, 1+len(p.takes)+len(p.holds))
	args = make([]any, 0, 6+4*len(p.takes)+7*len(p.holds))
	keys = append(keys, p.slot.record(a.id))
	args = append(args, string(p.slot), a.id, micros(a.lease), decides, a.name, len(p.takes))
	for _, i := range p.takes {
		t := &d.Takes[i]
		keys = append(keys, p.slot.bucket(t))
		if t.Of == budget.Concurrent {
			args = append(args, "c", t.Need, t.Limit, "")
			continue
		}
		perSecond := strconv.FormatFloat(float64(t.Limit)/t.Window.Seconds(), 'g', -1, 64)
		args = append(args, "b", t.Need, perSecond, t.Burst)
	}
	for _, i := range p.holds {
		h := &d.Holds[i]
		key, index, field := p.slot.account(&h.Account)
		keys = append(keys, key)
		leaves := int64(0)
		if h.Window != budget.Forever {
			leaves = h.Window.Start(h.Slot + h.Window.Slots()).UnixMilli()
		}
		args = append(args, index, field, span(h.Window), leaves, max(0, h.Need), max(0, h.Limit), h.SpentOnly)
	}
	return keys, args
}

// settle returns the keys and arguments of the script that settles a part.
func (p *part) settle(id string, s *budget.Settlement) (keys []string, args []any) {
	team := p.rank == 0
	args = make([]any, 0, 5+len(p.takes)+len(p.holds)+3*len(s.Lines))
	args = append(args, string(p.slot), id, team, len(p.takes))
	for _, i := range p.takes {
		args = append(args, at(s.Used, i))
	}
	args = append(args, len(p.holds))
	for _, i := range p.holds {
		args = append(args, at(s.Charges, i))
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		if hold := slices.Index(p.holds, l.Hold); hold >= 0 && l.Note != nil {
			args = append(args, hold, l.At, l.Note)
		}
	}
	return []string{p.slot.record(id)}, args
}

// at is one of several amounts, none of which is negative; nothing where there are
// none.
func at(amounts []int64, i int) int64 {
	if len(amounts) == 0 {
		return 0
	}
	return max(0, amounts[i])
}

// span is how many slots of a window count, 0 of one that is for ever.
func span(w budget.Window) int64 {
	if w == budget.Forever {
		return 0
	}
	return w.Slots()
}

func micros(d time.Duration) int64 { return (d + time.Microsecond - 1).Microseconds() }

func text(id budget.ID) string { return hex.EncodeToString(id[:]) }
