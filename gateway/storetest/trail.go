package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// A TrailStore keeps accounts, rates and an audit trail.
type TrailStore interface {
	budget.Ledger
	audit.Trail
}

// RunTrail checks the audit trail of a store. Open is as for [Run].
func RunTrail(t *testing.T, open func(t *testing.T) TrailStore) {
	for _, cases := range [][]trailCase{trailCases, recordCases} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := open(t)
				c.check(&trail{newLedger(t, s), s})
			})
		}
	}
}

type trailCase struct {
	name  string
	check func(tr *trail)
}

// trail is what a case works with: its methods are those of the store, and stop the
// test if one fails.
type trail struct {
	*ledger
	trail audit.Trail
}

// record is one of the team, which says its own ID.
func record(id string) *budget.Record {
	text, _ := json.Marshal(map[string]string{"id": id})
	return &budget.Record{Team: team, ID: id, Text: text}
}

func (tr *trail) append(r *budget.Record) {
	tr.Helper()
	tr.must("Append", tr.trail.Append(context.Background(), r))
}

func (tr *trail) entries(team string, after int64, n int) []audit.Entry {
	tr.Helper()
	got, err := tr.trail.Entries(context.Background(), team, after, n)
	tr.must("Entries", err)
	return got
}

func (tr *trail) head(team string) audit.Entry {
	tr.Helper()
	got, err := tr.trail.Head(context.Background(), team)
	tr.must("Head", err)
	return got
}

// says checks what is in the trail of a team: these records in this order, in an
// unbroken chain that ends with the head.
func (tr *trail) says(what, team string, want ...*budget.Record) {
	tr.Helper()
	got := tr.chain(what, team)
	if len(got) != len(want) {
		tr.Errorf("%s: %d entries, want %d", what, len(got), len(want))
		return
	}
	for i, e := range got {
		w := want[i]
		same(tr.T, what, fmt.Sprintf("%q %q %s", e.Team, e.ID, e.Text), fmt.Sprintf("%q %q %s", w.Team, w.ID, w.Text))
	}
}

// chain returns the entries of a team, which have to be an unbroken chain.
func (tr *trail) chain(what, team string) []audit.Entry {
	tr.Helper()
	var all []audit.Entry
	var last audit.Entry
	for {
		page := tr.entries(team, last.Number, 100)
		for i := range page {
			e := &page[i]
			if e.Number != last.Number+1 || e.Prev != last.Hash || e.Hash != e.Sum() {
				tr.Fatalf("%s: entry %d after %d is %+v, want a link to %x, and the hash %x", what, e.Number, last.Number, e, last.Hash, e.Sum())
			}
			last = *e
		}
		if all = append(all, page...); len(page) < 100 {
			break
		}
	}
	head := tr.head(team)
	if head.Number != last.Number || head.Prev != last.Prev || head.Hash != last.Hash {
		tr.Errorf("%s: Head is entry %d with hash %x, want %d with %x", what, head.Number, head.Hash, last.Number, last.Hash)
	}
	return all
}

var trailCases = []trailCase{
	{"Append adds entries to the trail of a team, each linked to the one before", func(tr *trail) {
		tr.says("at first", team)
		for i := range 3 {
			tr.append(record(fmt.Sprint(i)))
		}
		tr.says("after three", team, record("0"), record("1"), record("2"))
	}},
	{"a trail has one entry of the same ID, the first", func(tr *trail) {
		for range 3 {
			tr.append(record("a"))
			tr.append(record("b"))
			other := record("a")
			other.Text = []byte(`{"id":"another"}`)
			tr.append(other)
		}
		tr.says("each once", team, record("a"), record("b"))
	}},
	{"Entries returns some, from the one after a number", func(tr *trail) {
		for i := range 5 {
			tr.append(record(fmt.Sprint(i)))
		}
		for from := range int64(7) {
			for n := 1; n < 7; n++ {
				var want []string
				for i := from; i < 5 && len(want) < n; i++ {
					want = append(want, fmt.Sprint(i+1, " ", i))
				}
				var got []string
				for _, e := range tr.entries(team, from, n) {
					got = append(got, fmt.Sprint(e.Number, " ", e.ID))
				}
				same(tr.T, fmt.Sprintf("%d entries from the one after %d", n, from), got, want)
			}
		}
	}},
	{"a team that has no trail has no entries and the zero head", func(tr *trail) {
		tr.append(record("a"))
		for _, team := range []string{"team:two", "TEAM:ONE", "team:one ", ""} {
			same(tr.T, "entries", len(tr.entries(team, 0, 9)), 0)
			head := tr.head(team)
			if head.Number != 0 || head.Prev != (audit.Hash{}) || head.Hash != (audit.Hash{}) {
				tr.Errorf("Head of team %q is %+v, want that of the zero Entry", team, head)
			}
		}
	}},
	{"teams and ids are told apart by every byte", func(tr *trail) {
		teams := append(make([]string, 0, 1+len(names)), team)
		for _, name := range names {
			r := record("r")
			r.Team = "team:" + name
			tr.append(r)
			tr.says("of team "+r.Team, r.Team, r)
			tr.append(record(name))
			teams = append(teams, r.Team)
		}
		want := make([]*budget.Record, len(names))
		for i, name := range names {
			want[i] = record(name)
		}
		tr.says("of one team", team, want...)
		got, err := tr.trail.Teams(context.Background())
		tr.must("Teams", err)
		slices.Sort(teams)
		same(tr.T, "Teams", got, teams)
	}},
	{"there are no teams at first", func(tr *trail) {
		got, err := tr.trail.Teams(context.Background())
		tr.must("Teams", err)
		same(tr.T, "Teams", len(got), 0)
	}},
	{"a text is given back byte for byte", func(tr *trail) {
		texts := []string{`{}`, `{"a" :  1.00, "b":1e2,"a":2}`, "{\"\u00fc\":\"\u2028\\u00e9\"}", `{"long":"` + string(slices.Repeat([]byte("x"), 200<<10)) + `"}`}
		want := make([]*budget.Record, len(texts))
		for i, text := range texts {
			want[i] = record(fmt.Sprint(i))
			want[i].Text = []byte(text)
			tr.append(want[i])
		}
		tr.says("Entries", team, want...)
	}},
	{"what is passed and returned is the caller's", func(tr *trail) {
		r := record("a")
		tr.append(r)
		r.Text[0], r.ID, r.Team = 'x', "x", "x"
		tr.entries(team, 0, 1)[0].Text[0] = 'y'
		tr.says("after it was changed", team, record("a"))
	}},
	{"a cancelled Append can be called again", func(tr *trail) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		_ = tr.trail.Append(gone, record("a")) // may or may not have happened
		tr.append(record("a"))
		tr.append(record("b"))
		tr.says("after it", team, record("a"), record("b"))
	}},
	{"many that append at once make one chain without a gap", func(tr *trail) {
		const each = 4
		teams := []string{team, "team:two"}
		together(func(i int) {
			for n := range each {
				r := record(fmt.Sprint(i, " ", n))
				r.Team = teams[(i+n)%2]
				tr.append(r)
			}
		})
		for _, team := range teams {
			same(tr.T, "entries of "+team, len(tr.chain("after them", team)), crowd*each/2)
		}
	}},
	{"an entry that is appended many times at once is added once", func(tr *trail) {
		together(func(int) { tr.append(record("a")) })
		tr.says("after it", team, record("a"))
	}},
}

var recordCases = []trailCase{
	{"Reserve adds its record, and once", func(tr *trail) {
		d := both([]budget.Take{few("a", 1, 5)}, hold("b", 1, 10))
		d.Record = record("step_1")
		id := tr.takeAll(d)
		tr.says("after it", team, record("step_1"))
		for range 2 {
			_, ok := tr.demand(id, long, d)
			same(tr.T, "ok", ok, true)
		}
		tr.says("after it was repeated", team, record("step_1"))
		tr.release(id)
		tr.says("after it was given back", team, record("step_1"))
		tr.stands("after it was given back", "b", 0, 0)
	}},
	{"what finds no room leaves no record", func(tr *trail) {
		tr.take(long, few("empty", 5, 5))
		for what, d := range map[string]*budget.Demand{
			"a rate":     both([]budget.Take{few("empty", 1, 5)}, hold("b", 1, 10)),
			"an account": both([]budget.Take{few("a", 1, 5)}, hold("b", 11, 10)),
		} {
			d.Record = record("step_1")
			_, ok := tr.demand(newID(), long, d)
			same(tr.T, what+": ok", ok, false)
			tr.says(what+" is short", team)
		}
		d := both(nil, hold("b", 10, 10))
		d.Record = record("step_1")
		tr.takeAll(d)
		tr.says("under the same ID, with room", team, record("step_1"))
	}},
	{"a record is added where there is nothing to take", func(tr *trail) {
		for range 2 {
			tr.takeAll(&budget.Demand{Record: record("step_1")})
		}
		tr.says("after it", team, record("step_1"))
	}},
	{"a record that is there already takes nothing from its reservation", func(tr *trail) {
		tr.append(record("step_1"))
		d := both(nil, hold("b", 3, 10))
		d.Record = record("step_1")
		tr.takeAll(d)
		tr.stands("after it", "b", 0, 3)
		tr.says("after it", team, record("step_1"))
	}},
	{"a cancelled Reserve adds its record with what it takes, or neither", func(tr *trail) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		for i := range 8 {
			id, d := newID(), both(nil, hold("b", 1, 100))
			d.Record = record(fmt.Sprint(i))
			_, _, _ = tr.store.Reserve(gone, id, d, long)
		}
		same(tr.T, "reserved and recorded", tr.balance(account("b")).Reserved, int64(len(tr.chain("after them", team))))
	}},
	{"many reservations and other entries at once make one chain, with a record for each that found room", func(tr *trail) {
		var mu sync.Mutex
		taken := map[string]bool{}
		together(func(i int) {
			for n := range 3 {
				id := fmt.Sprint(i, " ", n)
				if n == 2 {
					tr.append(record(id))
					continue
				}
				d := both([]budget.Take{few("a", 1, 1000)}, hold("b", 1, crowd))
				d.Record = record(id)
				if _, ok := tr.demand(newID(), long, d); ok {
					mu.Lock()
					taken[id] = true
					mu.Unlock()
				}
			}
		})
		same(tr.T, "reservations that found room", len(taken), crowd)
		n := 0
		for _, e := range tr.chain("after them", team) {
			if taken[e.ID] {
				n++
			} else if e.ID[len(e.ID)-1] != '2' {
				tr.Errorf("there is a record of %q, which found no room", e.ID)
			}
		}
		same(tr.T, "records of them", n, crowd)
		same(tr.T, "entries", tr.head(team).Number, 2*crowd)
	}},
}
