package budget

import (
	"fmt"
	"time"
)

// A Window is the time over which a budget counts. A positive one is a duration
// that rolls: what was reserved counts until it is that long ago. The others are
// periods of the calendar in UTC, each of which begins at nothing. The zero
// Window is for ever.
type Window time.Duration

// The windows that do not roll.
const (
	Forever Window = -iota
	Hour
	Day
	Week // begins on Monday
	Month
)

// MinRolling is the shortest duration that rolls.
const MinRolling = time.Second

// rollingSlots is into how many slots a duration that rolls is divided.
const rollingSlots = 60

var windowNames = [...]string{"", "hour", "day", "week", "month"}

// ParseWindow reads "hour", "day", "week", "month", or a duration that rolls,
// such as "24h" or "90m". Empty is for ever.
func ParseWindow(s string) (Window, error) {
	for i, name := range windowNames {
		if s == name {
			return Window(-i), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < MinRolling {
		return 0, fmt.Errorf(`window %.40q: want "hour", "day", "week", "month" or a duration of at least %v, such as "24h"`, s, MinRolling)
	}
	return Window(d), nil
}

// String writes what ParseWindow reads.
func (w Window) String() string {
	switch {
	case w > 0:
		return time.Duration(w).String()
	case w.known():
		return windowNames[-w]
	}
	return fmt.Sprintf("Window(%d)", int64(w))
}

// MarshalText writes what ParseWindow reads.
func (w Window) MarshalText() ([]byte, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	return []byte(w.String()), nil
}

// UnmarshalText reads what ParseWindow reads.
func (w *Window) UnmarshalText(text []byte) error {
	v, err := ParseWindow(string(text))
	if err == nil {
		*w = v
	}
	return err
}

// Check reports what is no window.
func (w Window) Check() error {
	if !w.known() {
		return fmt.Errorf("%v is no window", w)
	}
	return nil
}

func (w Window) known() bool {
	return w >= Window(MinRolling) || w <= 0 && int(-w) < len(windowNames)
}

// Slots is how many slots of time make up the window, counted back from the
// newest. It is 1 for the windows that do not roll: their slots are the hours,
// days, weeks or months. A duration that rolls has slots of a sixtieth of its
// length, and one more than sixty of them, so that an amount counts until the
// whole of its slot has left the window: it is counted for up to one slot too
// long, and never too short.
func (w Window) Slots() int64 {
	if w > 0 {
		return rollingSlots + 1
	}
	return 1
}

// slot is the length of one of the window's slots where all have the same.
func (w Window) slot() time.Duration {
	switch w {
	case Hour:
		return time.Hour
	case Day:
		return 24 * time.Hour
	case Week:
		return 7 * 24 * time.Hour
	}
	return (time.Duration(w) + rollingSlots - 1) / rollingSlots
}

// monday is where weeks are counted from: the epoch was a Thursday.
const monday = -3 * 24 * time.Hour

// Slot returns the number of the slot that a time is in. It is 0 for a window
// that is for ever. The time is not before 1970.
func (w Window) Slot(at time.Time) int64 {
	switch w {
	case Forever:
		return 0
	case Month:
		y, m, _ := at.UTC().Date()
		return int64(y)*12 + int64(m) - 1
	case Week:
		return (at.UnixNano() - int64(monday)) / int64(w.slot())
	}
	return at.UnixNano() / int64(w.slot())
}

// Start returns when a slot begins, in UTC; the zero Time for a window that is
// for ever.
func (w Window) Start(slot int64) time.Time {
	switch w {
	case Forever:
		return time.Time{}
	case Month:
		return time.Date(int(slot/12), time.Month(slot%12+1), 1, 0, 0, 0, 0, time.UTC)
	case Week:
		return time.Unix(0, slot*int64(w.slot())+int64(monday)).UTC()
	}
	return time.Unix(0, slot*int64(w.slot())).UTC()
}
