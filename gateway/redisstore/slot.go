package redisstore

import (
	"net/url"
	"strconv"

	"github.com/rungate/rungate/budget"
)

// A slot is the prefix of keys that Redis Cluster keeps in one place, since they
// have the same hash tag. There is one for each team, with everything that belongs
// to it: what is counted per run, agent, user, tag and team. What is counted per
// policy has a slot for each policy, and what is global one of its own.
type slot string

func (o *Options) slotOf(w *budget.Owner) slot {
	switch rank(w) {
	case 1:
		return slot(o.Prefix + "{%p:" + url.QueryEscape(w.ID) + "}:") // no team has a tag like these
	case 2:
		return slot(o.Prefix + "{%g}:")
	}
	return slot(o.slot(w.Team))
}

// rank orders the slots of a demand: the more a slot is shared, the later it is
// reserved in.
func rank(w *budget.Owner) int {
	switch {
	case w.Team != "":
		return 0
	case w.Scope == budget.ScopePolicy:
		return 1
	case w.Scope == budget.ScopeGlobal:
		return 2
	}
	return 0
}

// owner is how names of keys name an owner, within its slot.
func owner(w *budget.Owner) string {
	return url.QueryEscape(string(w.Scope)) + ":" + url.QueryEscape(w.ID) + ":" + strconv.FormatInt(w.Since, 10)
}

// account returns the key of an account, the index of its owner if it is not for
// ever, and its field in that key.
func (s slot) account(a *budget.Account) (key, index, field string) {
	w := owner(&a.Owner)
	name := url.QueryEscape(a.Budget) + ":" + strconv.Itoa(int(a.Unit))
	if a.Window == budget.Forever {
		return s.lasting(w), "", name
	}
	return string(s) + "m:w:" + w + ":" + name + ":" + strconv.FormatInt(int64(a.Window), 10), s.index(w), strconv.FormatInt(a.Slot, 10)
}

// lasting is the key of the accounts of an owner that are for ever, and index that
// of the names of the others.
func (s slot) lasting(owner string) string { return string(s) + "m:a:" + owner }
func (s slot) index(owner string) string   { return string(s) + "m:i:" + owner }

func (s slot) bucket(t *budget.Take) string {
	if t.Of == budget.Concurrent {
		return string(s) + "m:c:" + owner(&t.Owner) + ":" + url.QueryEscape(t.Rate)
	}
	return string(s) + "m:b:" + owner(&t.Owner) + ":" + url.QueryEscape(t.Rate) + ":" + url.QueryEscape(string(t.Of))
}

func (s slot) record(id string) string { return string(s) + "m:r:" + id }

// leases are the reservations of the slot by when their leases end.
func (s slot) leases() string { return string(s) + "m:l" }

// untold are the notes of a slot that is no team's, which are still to be told.
func (s slot) untold() string { return string(s) + "m:t" }

// told marks a note that was told in the slot of a team.
func (s slot) told(note string) string { return string(s) + "m:n:" + note }
