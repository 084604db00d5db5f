package redisstore

import (
	"errors"
	"strconv"
	"time"
)

// errGarbled says that what Redis keeps is not what a script has written.
var errGarbled = errors.New("redisstore: what is kept there cannot be read")

// pack writes texts as one, as ledger_records.lua reads it.
func pack(texts ...string) string {
	n := 0
	for _, s := range texts {
		n += len(s) + 4
	}
	out := make([]byte, 0, n)
	for _, s := range texts {
		out = strconv.AppendInt(out, int64(len(s)), 10)
		out = append(out, ':')
		out = append(out, s...)
	}
	return string(out)
}

// Times are kept as 20 digits: seconds since the year 1, so that the zero time is
// nothing but zeros, and nanoseconds.
const (
	stampLen     = 20
	sinceYearOne = 62_135_596_800 // seconds, of 1970
)

// stamp writes a time as it is kept: one before the year 1 or after 3168 as that.
func stamp(t time.Time) string {
	var b [stampLen]byte
	digits(b[:stampLen-9], min(max(0, t.Unix()+sinceYearOne), 99_999_999_999))
	digits(b[stampLen-9:], int64(t.Nanosecond()))
	return string(b[:])
}

func digits(b []byte, n int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

func decimal[T ~int64 | ~int](n T) string { return strconv.FormatInt(int64(n), 10) }

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
