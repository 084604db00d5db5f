package redisstore

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAListIsReadAsItWasWritten(t *testing.T) {
	for _, texts := range [][]string{
		{}, {""}, {"a", "", "b"}, {strings.Repeat("x", 31), strings.Repeat("x", 32), strings.Repeat("x", 1<<16)}, make([]string, 70_000),
	} {
		r := read(list(texts...))
		for _, want := range texts {
			assert.Equal(t, want, r.text())
		}
		assert.False(t, r.more())
		assert.NoError(t, r.err)
		assert.Empty(t, r.text())
		assert.ErrorIs(t, r.err, errGarbled, "one too many")
	}
}

func TestAListThatTheServerHasWrittenIsRead(t *testing.T) {
	r := read("\x96\xa1a\xd9\x01b\xda\x00\x01c\x07\xcc\xff\xce\x00\x01\x00\x00")
	for _, want := range []string{"a", "b", "c", "7", "255", "65536"} {
		assert.Equal(t, want, r.text())
	}
	assert.NoError(t, r.err)
}

func FuzzListsThatAreNone(f *testing.F) {
	for _, text := range []string{"", "x", "\x91", "\x91\xa5ab", "\xdd\xff\xff\xff\xff", "\xdc\x00", "\x91\xdb\xff\xff\xff\xff", "\x91\xc0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := read(text)
		for n := 0; r.more() && n <= len(text); n++ {
			r.text()
		}
		assert.False(t, r.more(), "more texts than bytes")
	})
}

func TestTimesCompareAsTheirTextsDo(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 1, time.UTC)
	times := []time.Time{
		time.Unix(math.MinInt64, 0), {}, time.Unix(-1, 999_999_999), time.Unix(0, 0), now, now.Add(1), now.AddDate(100, 0, 0), time.Unix(math.MaxInt32<<20, 0),
	}
	for i := range times[1:] {
		assert.LessOrEqual(t, stamp(times[i]), stamp(times[i+1]))
		assert.Len(t, stamp(times[i]), stampLen)
	}
	for _, at := range times[1:7] {
		r := read(list(stamp(at)))
		assert.Equal(t, at.UTC(), r.time())
		assert.NoError(t, r.err)
	}
	r := read(list(stamp(time.Time{})))
	assert.True(t, r.time().IsZero())
}
