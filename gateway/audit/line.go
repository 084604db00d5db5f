package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/rungate/rungate/budget"
)

// MaxLine is how many bytes a line of an export or a [Log] may have.
const MaxLine = 64 << 20

// AppendLine appends the entry as a line of an export, with its line feed:
//
//	{"team":"…","number":1,"id":"…","prev":"…","hash":"…","record":{…}}
//
// The hashes are in hexadecimal. The record is Text, byte for byte, so that the hash
// can be computed again from the line. The error says that the entry cannot be
// written so: the team or the ID is not UTF-8, or the text is not a JSON object in
// one line.
func (e *Entry) AppendLine(dst []byte) ([]byte, error) {
	if err := check(&e.Record); err != nil {
		return dst, err
	}
	return e.appendLine(dst), nil
}

// check reports what of a record no line can hold.
func check(r *budget.Record) error {
	switch {
	case !utf8.ValidString(r.Team):
		return fmt.Errorf("audit: the team %q is not UTF-8", r.Team)
	case !utf8.ValidString(r.ID):
		return fmt.Errorf("audit: the ID %q is not UTF-8", r.ID)
	case !isObject(r.Text):
		return errors.New("audit: the text of a record is not a JSON object in one line")
	}
	return nil
}

func isObject(text []byte) bool {
	return len(text) >= 2 && text[0] == '{' && text[len(text)-1] == '}' && bytes.IndexByte(text, '\n') < 0 && json.Valid(text)
}

func (e *Entry) appendLine(dst []byte) []byte {
	dst = appendString(append(dst, teamKey...), e.Team)
	dst = strconv.AppendInt(append(dst, numberKey...), e.Number, 10)
	dst = appendString(append(dst, idKey...), e.ID)
	dst = hex.AppendEncode(append(dst, prevKey...), e.Prev[:])
	dst = hex.AppendEncode(append(dst, hashKey...), e.Hash[:])
	dst = append(append(dst, recordKey...), e.Text...)
	return append(dst, "}\n"...)
}

// What stands between the values of a line.
const (
	teamKey   = `{"team":`
	numberKey = `,"number":`
	idKey     = `,"id":`
	prevKey   = `,"prev":"`
	hashKey   = `","hash":"`
	recordKey = `","record":`
)

// appendString appends a string as JSON has it.
func appendString(dst []byte, s string) []byte {
	if plain(s) {
		return append(append(append(dst, '"'), s...), '"')
	}
	text, _ := json.Marshal(s) // of a string
	return append(dst, text...)
}

// plain reports whether JSON has a string as it is.
func plain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// ParseLine reads a line, with or without its line feed. It takes nothing but what
// AppendLine has written, to the byte, so that nothing in a line can be changed
// without being seen. Text is part of line.
func ParseLine(line []byte) (Entry, error) {
	p := parser{rest: bytes.TrimSuffix(line, []byte("\n"))}
	var e Entry
	p.skip(teamKey)
	e.Team = p.string()
	p.skip(numberKey)
	e.Number = p.number()
	p.skip(idKey)
	e.ID = p.string()
	p.skip(prevKey)
	p.hash(&e.Prev)
	p.skip(hashKey)
	p.hash(&e.Hash)
	p.skip(recordKey)
	if n := len(p.rest) - 1; !p.failed && n >= 0 && p.rest[n] == '}' && isObject(p.rest[:n]) {
		e.Text = p.rest[:n:n]
		return e, nil
	}
	return Entry{}, errLine
}

var errLine = errors.New("it is not a line of an audit trail")

// A parser reads the parts of a line. When it has failed, it goes on to do so.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) skip(key string) {
	rest, ok := bytes.CutPrefix(p.rest, []byte(key))
	if p.rest = rest; !ok {
		p.failed = true
	}
}

func (p *parser) string() string {
	if p.failed || len(p.rest) == 0 || p.rest[0] != '"' {
		p.failed = true
		return ""
	}
	end := 1
	for end < len(p.rest) && p.rest[end] != '"' {
		if p.rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.rest) {
		p.failed = true
		return ""
	}
	text := p.rest[:end+1]
	p.rest = p.rest[end+1:]
	if inner := text[1:end]; plain(inner) {
		return string(inner)
	}
	var s string
	if json.Unmarshal(text, &s) != nil || !bytes.Equal(appendString(nil, s), text) {
		p.failed = true
	}
	return s
}

func (p *parser) number() int64 {
	end := 0
	for end < len(p.rest) && '0' <= p.rest[end] && p.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(p.rest[:end]), 10, 64)
	if err != nil || n < 1 || p.rest[0] == '0' {
		p.failed = true
	}
	p.rest = p.rest[end:]
	return n
}

func (p *parser) hash(h *Hash) {
	const digits = 2 * len(Hash{})
	if p.failed || len(p.rest) < digits || h.UnmarshalText(p.rest[:digits]) != nil {
		p.failed = true
		return
	}
	p.rest = p.rest[digits:]
}

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler, as String.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes what String returns,
// and no capital letters.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 2*len(h) || bytes.ContainsAny(text, "ABCDEF") {
		return errHash
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return errHash
	}
	return nil
}

var errHash = fmt.Errorf("want a hash of %d hexadecimal digits", 2*len(Hash{}))
