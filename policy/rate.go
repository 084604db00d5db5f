package policy

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// A RateLimit limits how many calls or tokens there may be in a time, or how many
// calls at once: exactly one of Requests, Tokens and Concurrent is given. See
// [budget.Rate], which has the same fields.
type RateLimit struct {
	Name string       `json:"name"`
	Per  budget.Scope `json:"per"`

	Requests   int64 `json:"requests"`   // calls within Window
	Tokens     int64 `json:"tokens"`     // of input and output within Window
	Concurrent int64 `json:"concurrent"` // calls at once

	Window time.Duration `json:"window"` // of requests and tokens
	Burst  int64         `json:"burst"`  // of them at once; 0 is a tenth of the limit
}

// validate calls bad for each thing that is wrong with r.
func (r *RateLimit) validate(bad complaint) {
	if r.Name == "" {
		bad(".name", "a rate limit needs a name")
	}
	if err := r.Per.Check(); err != nil {
		bad(".per", "%v", err)
	}
	limit, given := int64(0), 0
	for _, n := range []struct {
		field string
		value int64
	}{{".requests", r.Requests}, {".tokens", r.Tokens}, {".concurrent", r.Concurrent}} {
		if n.value < 0 {
			bad(n.field, "is negative")
		}
		if n.value != 0 {
			limit = n.value
			given++
		}
	}
	switch {
	case given != 1:
		bad("", "give one of requests, tokens and concurrent")
		return
	case r.Concurrent != 0:
		if r.Window != 0 {
			bad(".window", "calls at once have none")
		}
		if r.Burst != 0 {
			bad(".burst", "calls at once have none")
		}
		return
	}
	if r.Window <= 0 {
		bad(".window", `want a duration, such as "1m"`)
	}
	if r.Burst < 0 || limit > 0 && r.Burst > limit {
		bad(".burst", "want 1 up to the limit; leave it out for a tenth of it")
	}
}
