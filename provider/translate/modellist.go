package translate

import (
	"errors"
	"strconv"
	"time"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A Model is an entry in a list of models. The zero value of a field is not known.
type Model struct {
	ID        string // at its provider
	Label     string // a name for people
	Owner     string // who has made it
	Created   time.Time
	MaxInput  int64 // in tokens
	MaxOutput int64 // of one answer, in tokens

	dialect string // of the list that it was read from; empty for none
	entry   []byte // there, an object
}

// ReadModels reads a page of a provider's list of models. Next is the id after which
// the next page begins, empty if there is none.
func ReadModels(d provider.Dialect, page []byte) (models []Model, next string, err error) {
	list, err := wire.ReadNode(page)
	if err != nil {
		return nil, "", err
	}
	entries := list // some servers have no object around it
	if list.Kind() == jsonscan.Object {
		if entries = list.Get("data"); entries == nil {
			return nil, "", errors.New("a list of models without data")
		}
	}
	if k := entries.Kind(); k != jsonscan.Array && k != jsonscan.Null {
		return nil, "", errors.New("a list of models that is none")
	}
	for _, e := range entries.Elements() {
		if id := e.Get("id").String(); id != "" {
			models = append(models, Model{ID: id, Label: e.Get("display_name").String(), Owner: e.Get("owned_by").String(),
				Created: entryCreated(e), MaxInput: entryNumber(e.Get("max_input_tokens")), MaxOutput: entryNumber(e.Get("max_tokens")),
				dialect: d.Name(), entry: e.Text()})
		}
	}
	if more := list.Get("has_more"); more != nil && string(more.Text()) == "true" {
		next = list.Get("last_id").String()
	}
	return models, next, nil
}

// entryCreated is when a model was, in the words of either API.
func entryCreated(entry *wire.Node) time.Time {
	s := entryNumber(entry.Get("created"))
	if at, err := time.Parse(time.RFC3339, entry.Get("created_at").String()); err == nil {
		s = at.Unix()
	}
	if s <= 0 || s >= 253_402_300_800 { // the year 10,000
		return time.Time{}
	}
	return time.Unix(s, 0)
}

// entryNumber is what a member counts; 0 if it is no such number.
func entryNumber(n *wire.Node) int64 {
	if n.Kind() != jsonscan.Number {
		return 0
	}
	i, err := strconv.ParseInt(string(n.Text()), 10, 64)
	if err != nil || i < 0 {
		return 0
	}
	return i
}

// AppendTo appends the entry of the model in a list of that dialect, in which it goes
// by that name. In a list like the one that it was read from, it stays as it was but
// for that.
func (m *Model) AppendTo(dst []byte, d provider.Dialect, name string) []byte {
	switch {
	case d.Name() != m.dialect:
	case name == m.ID:
		return append(dst, m.entry...)
	default:
		entry, _ := wire.ReadNode(m.entry) // which it could before
		return entry.With("id", wire.StringNode(name)).AppendTo(dst)
	}
	if d.Path(provider.Messages) != "" {
		return m.appendMessages(dst, name)
	}
	return m.appendChat(dst, name)
}

func (m *Model) appendChat(b []byte, name string) []byte {
	b = wire.AppendString(append(b, `{"id":`...), name)
	var at int64
	if !m.Created.IsZero() {
		at = m.Created.Unix()
	}
	b = strconv.AppendInt(append(b, `,"object":"model","created":`...), at, 10)
	b = wire.AppendString(append(b, `,"owned_by":`...), m.Owner)
	return append(b, '}')
}

func (m *Model) appendMessages(b []byte, name string) []byte {
	b = wire.AppendString(append(b, `{"type":"model","id":`...), name)
	label, at := m.Label, m.Created
	if label == "" {
		label = name
	}
	if at.IsZero() {
		at = time.Unix(0, 0) // as the API has it
	}
	b = wire.AppendString(append(b, `,"display_name":`...), label)
	b = at.UTC().AppendFormat(append(b, `,"created_at":"`...), time.RFC3339)
	b = appendEntryLimit(append(b, `","max_input_tokens":`...), m.MaxInput)
	b = appendEntryLimit(append(b, `,"max_tokens":`...), m.MaxOutput)
	return append(b, '}')
}

func appendEntryLimit(b []byte, n int64) []byte {
	if n == 0 {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, n, 10)
}
