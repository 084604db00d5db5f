package gateway

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// An entry is the JSON object of an entry while it is written.
type entry []byte

// newEntry begins one.
func newEntry(kind string, at time.Time, team string) entry {
	e := append(make(entry, 0, 512), `{"type":"`...)
	e = append(append(e, kind...), `","time":"`...)
	e = append(at.UTC().AppendFormat(e, time.RFC3339Nano), `","team":`...)
	return appendJSON(e, team)
}

// record is the entry with that ID in the trail of its team.
func (e entry) record(team, id string) *budget.Record {
	return &budget.Record{Team: team, ID: id, Text: append(e, '}')}
}

func (e entry) key(name string) entry {
	return append(append(append(e, `,"`...), name...), `":`...)
}

// text adds a text, unless it is empty.
func (e entry) text(name, value string) entry {
	if value == "" {
		return e
	}
	return appendJSON(e.key(name), value)
}

func (e entry) texts(name string, values []string) entry {
	if len(values) == 0 {
		return e
	}
	return append(e.key(name), marshal(values)...)
}

// number adds a number, also where it is 0.
func (e entry) number(name string, value int64) entry {
	return strconv.AppendInt(e.key(name), value, 10)
}

// truth adds true, where it is.
func (e entry) truth(name string, value bool) entry {
	if !value {
		return e
	}
	return append(e.key(name), "true"...)
}

func (e entry) money(name string, value budget.Money) entry {
	e = append(e.key(name), '"')
	e, _ = value.AppendText(e)
	return append(e, '"')
}

func (e entry) time(name string, value time.Time) entry {
	if value.IsZero() {
		return e
	}
	return append(value.UTC().AppendFormat(append(e.key(name), '"'), time.RFC3339Nano), '"')
}

func (e entry) policy(p *run.PolicyRef) entry {
	return e.text("policy_id", p.ID).text("policy_name", p.Name).text("policy_revision", p.Revision)
}

// appendJSON appends a string as JSON has it.
func appendJSON(e entry, s string) entry {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(e, marshal(s)...)
		}
	}
	return append(append(append(e, '"'), s...), '"')
}

func marshal(v any) []byte {
	text, _ := json.Marshal(v) // of strings
	return text
}
