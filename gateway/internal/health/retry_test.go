package health_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway/internal/health"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		after, ms string
		want      time.Duration
	}{
		"none":                            {"", "", 0},
		"seconds":                         {"7", "", 7 * time.Second},
		"seconds with a fraction":         {"1.5", "", 1500 * time.Millisecond},
		"blanks":                          {" 7 ", "", 7 * time.Second},
		"none at all":                     {"0", "", time.Second},
		"a minute":                        {"60", "", time.Minute},
		"a day (grok2api #986)":           {"86400", "", time.Minute},
		"beyond an int64":                 {"99999999999999999999999999", "", time.Minute},
		"beyond a float":                  {"1e999", "", time.Minute},
		"infinite":                        {"inf", "", time.Minute},
		"not a number":                    {"NaN", "", 0},
		"below zero":                      {"-5", "", 0},
		"words":                           {"soon", "", 0},
		"a unit":                          {"12ms", "", 0},
		"milliseconds":                    {"", "2500", 2500 * time.Millisecond},
		"few milliseconds":                {"", "20", time.Second},
		"milliseconds are more exact":     {"3", "2500", 2500 * time.Millisecond},
		"milliseconds that make no sense": {"3", "x", 3 * time.Second},
		"a date":                          {"Sat, 28 Nov 2026 10:00:30 GMT", "", 30 * time.Second},
		"a date that has passed":          {"Sat, 28 Nov 2026 09:00:30 GMT", "", time.Second},
		"a date far away":                 {"Sat, 28 Nov 2099 10:00:30 GMT", "", time.Minute},
		"an old form of date":             {"Saturday, 28-Nov-26 10:00:30 GMT", "", 30 * time.Second},
		"a date of another kind":          {"2026-11-28T10:00:30Z", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if c.after != "" {
				h.Set("Retry-After", c.after)
			}
			if c.ms != "" {
				h.Set("retry-after-ms", c.ms)
			}
			assert.Equal(t, c.want, health.RetryAfter(h, now))
		})
	}
	assert.Zero(t, health.RetryAfter(nil, now))
}

func TestBackoff(t *testing.T) {
	for attempt, most := range map[int]time.Duration{
		math.MinInt: 500 * time.Millisecond, -1: 500 * time.Millisecond,
		0: 500 * time.Millisecond, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second,
		4: 8 * time.Second, 5: 8 * time.Second, 63: 8 * time.Second, math.MaxInt: 8 * time.Second,
	} {
		var sum time.Duration
		lowest, highest := most, time.Duration(0)
		for range 2000 {
			d := health.Backoff(attempt)
			sum, lowest, highest = sum+d, min(lowest, d), max(highest, d)
		}
		assert.GreaterOrEqual(t, lowest, time.Duration(0))
		assert.LessOrEqual(t, highest, most)
		assert.Less(t, lowest, most/20, "attempt %d: from nothing", attempt)
		assert.Greater(t, highest, most-most/20, "attempt %d: to everything", attempt)
		assert.InDelta(t, most/2, sum/2000, float64(most/10), "attempt %d: evenly", attempt)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7", "")
	f.Add("Sat, 28 Nov 2026 10:00:30 GMT", "2500")
	f.Fuzz(func(t *testing.T, after, ms string) {
		d := health.RetryAfter(http.Header{"Retry-After": {after}, "Retry-After-Ms": {ms}}, time.Now())
		if d != 0 && (d < time.Second || d > time.Minute) {
			t.Errorf("%q, %q: %v", after, ms, d)
		}
	})
}
