package redisstore

import (
	"encoding/binary"
	"strconv"
	"time"
)

// list writes texts as one, as the scripts do: in MessagePack, as a list.
func list(texts ...string) string {
	n := 5
	for _, s := range texts {
		n += len(s) + 5
	}
	out := append(make([]byte, 0, n), 0xdd)
	out = binary.BigEndian.AppendUint32(out, uint32(len(texts)))
	for _, s := range texts {
		out = append(out, 0xdb)
		out = binary.BigEndian.AppendUint32(out, uint32(len(s)))
		out = append(out, s...)
	}
	return string(out)
}

// A reader reads a list of texts and numbers, each as a text. After the first that is
// not there, all are empty and err is set.
type reader struct {
	rest string
	left int // how many are to be read
	err  error
}

// read returns a reader of a list; nothing is an empty one.
func read(text string) reader {
	r := reader{rest: text}
	if text == "" {
		return r
	}
	switch kind := r.byte(); {
	case kind >= 0x90 && kind <= 0x9f:
		r.left = int(kind & 0x0f)
	case kind == 0xdc:
		r.left = int(r.uint(2))
	case kind == 0xdd:
		r.left = int(r.uint(4))
	default:
		r.fail()
	}
	return r
}

func (r *reader) fail() { r.rest, r.left, r.err = "", 0, errGarbled }

func (r *reader) more() bool { return r.left > 0 }

// bytes returns the next n bytes.
func (r *reader) bytes(n uint64) string {
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	if s := r.bytes(1); s != "" {
		return s[0]
	}
	return 0
}

// uint returns the next n bytes as a number.
func (r *reader) uint(n uint64) (x uint64) {
	for _, b := range []byte(r.bytes(n)) {
		x = x<<8 | uint64(b)
	}
	return x
}

func (r *reader) text() string {
	if r.left == 0 {
		r.fail()
		return ""
	}
	r.left--
	switch kind := r.byte(); {
	case kind <= 0x7f:
		return strconv.Itoa(int(kind))
	case kind >= 0xa0 && kind <= 0xbf:
		return r.bytes(uint64(kind & 0x1f))
	case kind >= 0xd9 && kind <= 0xdb:
		return r.bytes(r.uint(1 << (kind - 0xd9)))
	case kind >= 0xcc && kind <= 0xcf:
		return strconv.FormatUint(r.uint(1<<(kind-0xcc)), 10)
	}
	r.fail() // scripts write nothing else
	return ""
}

func (r *reader) int() int64 {
	n, err := strconv.ParseInt(r.text(), 10, 64)
	if err != nil {
		r.err = errGarbled
	}
	return n
}

func (r *reader) time() time.Time {
	s := r.text()
	if len(s) != stampLen {
		r.err = errGarbled
		return time.Time{}
	}
	sec, err := strconv.ParseInt(s[:stampLen-9], 10, 64)
	nano, err2 := strconv.ParseInt(s[stampLen-9:], 10, 64)
	if err != nil || err2 != nil {
		r.err = errGarbled
	}
	return time.Unix(sec-sinceYearOne, nano).UTC()
}
