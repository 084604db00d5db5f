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

// team is whose slot it is.
func (p *part) team(d *budget.Demand) string {
	if len(p.holds) > 0 {
		return d.Holds[p.holds[0]].Team
	}
	return d.Takes[p.takes[0]].Team
}

// keys are those of the scripts that reserve and settle a part: of its record, of each
// take, of each hold.
func (p *part) keys(d *budget.Demand, id string) []string {
	keys := make([]string, 0, 1+len(p.takes)+len(p.holds))
	keys = append(keys, p.slot.record(id))
	for _, i := range p.takes {
		keys = append(keys, p.slot.bucket(&d.Takes[i]))
	}
	for _, i := range p.holds {
		key, _, _ := p.slot.account(&d.Holds[i].Account)
		keys = append(keys, key)
	}
	return keys
}

// reserve returns the keys and arguments of the script that reserves a part.
func (p *part) reserve(d *budget.Demand, a attempt, decides string) (keys []string, args []any) {
	keys = p.keys(d, a.id)
	words := make([]string, 0, 4+2*len(p.takes)+4*len(p.holds))
	words = append(words, strconv.Itoa(cap(words)), decides, a.name, strconv.Itoa(len(p.takes)))
	args = append(make([]any, 0, 6+len(p.takes)+3*len(p.holds)),
		string(p.slot), a.id, decides, a.name, nil, form(millis(a.lease), float64(len(p.takes)), float64(len(p.holds))))
	for n, i := range p.takes {
		take := form(take(&d.Takes[i])...)
		words = append(words, keys[1+n], string(take))
		args = append(args, take)
	}
	for n, i := range p.holds {
		h := &d.Holds[i]
		_, index, field := p.slot.account(&h.Account)
		nh, nl := halves(h.Need)
		words = append(words, keys[1+len(p.takes)+n], index, field, string(form(span(h.Window), nh, nl)))
		leaves, spentOnly := 0., 0.
		if h.Window != budget.Forever {
			leaves = float64(h.Window.Start(h.Slot + h.Window.Slots()).UnixMilli())
		}
		if h.SpentOnly {
			spentOnly = 1
		}
		lh, ll := halves(h.Limit)
		args = append(args, field, index, form(span(h.Window), leaves, nh, nl, lh, ll, spentOnly))
	}
	args[4] = pack(words...)
	return keys, args
}

// settle returns the keys and arguments of the script that settles a part, of so many.
func (p *part) settle(d *budget.Demand, id string, s *budget.Settlement, parts int) (keys []string, args []any) {
	args = append(make([]any, 0, 4+len(p.takes)+2*len(p.holds)+3*len(s.Lines)),
		string(p.slot), id, p.rank == 0, form(float64(parts), float64(len(p.takes)), float64(len(p.holds))))
	for _, i := range p.takes {
		args = append(args, form(append(take(&d.Takes[i]), float64(at(s.Used, i)))...))
	}
	for _, i := range p.holds {
		h := &d.Holds[i]
		_, _, field := p.slot.account(&h.Account)
		nh, nl := halves(h.Need)
		ch, cl := halves(at(s.Charges, i))
		args = append(args, field, form(span(h.Window), nh, nl, ch, cl))
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		if hold := slices.Index(p.holds, l.Hold); hold >= 0 && l.Note != nil {
			args = append(args, hold, form(halves(l.At)), l.Note)
		}
	}
	return p.keys(d, id), args
}

// take is what the scripts want to know of a take.
func take(t *budget.Take) []float64 {
	if t.Of == budget.Concurrent {
		return []float64{1, float64(t.Need), float64(t.Limit), 0}
	}
	return []float64{0, float64(t.Need), float64(t.Limit) / t.Window.Seconds(), float64(t.Burst)}
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
func span(w budget.Window) float64 {
	if w == budget.Forever {
		return 0
	}
	return float64(w.Slots())
}

func millis(d time.Duration) float64 { return float64((d + time.Millisecond - 1).Milliseconds()) }

func text(id budget.ID) string { return hex.EncodeToString(id[:]) }
