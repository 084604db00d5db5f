//go:build clients

package integrations

import (
	"time"

	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/provider"
)

// stalled is how long an answer may take to begin where that is waited for.
const stalled = 2 * time.Second

// faults are the points of an exchange at which the first provider dies.
var faults = []fault{
	{name: "refused connection", as: provider.Unreachable, whole: true},
	{name: "no first byte", as: provider.TimedOut, whole: true, reply: always(&fake.Reply{Wait: time.Hour})},
	{name: "429", as: provider.RateLimited, whole: true, opens: true, reply: always(fake.RateLimited(time.Minute))},
	{name: "500", as: provider.Overloaded, whole: true, reply: always(fake.ServerError())},
	{name: "503 or 529", as: provider.Overloaded, whole: true, reply: always(fake.Overloaded())},
	{name: "no credit", as: provider.OutOfFunds, whole: true, opens: true, reply: always(fake.QuotaExceeded())},
	{name: "an error as the first event", as: provider.Overloaded, reply: func(v *vendor, _ int, _ bool) *fake.Reply {
		return &fake.Reply{Events: []string{v.failed}}
	}},
	{name: "an error before any content", as: provider.Overloaded, reply: func(v *vendor, n int, streamed bool) *fake.Reply {
		return &fake.Reply{Events: append(v.answer(n, streamed).Events[:v.lead:v.lead], v.failed)}
	}},
	{name: "broken off before any content", as: provider.Overloaded, whole: true, reply: func(v *vendor, n int, streamed bool) *fake.Reply {
		return breakOff(v.answer(n, streamed), v.lead)
	}},
	{name: "an error within the content", inside: true, reply: func(v *vendor, n int, streamed bool) *fake.Reply {
		return &fake.Reply{Events: append(v.answer(n, streamed).Events[:v.lead+4:v.lead+4], v.failed)}
	}},
	{name: "broken off within the content", inside: true, reply: func(v *vendor, n int, streamed bool) *fake.Reply {
		return breakOff(v.answer(n, streamed), v.lead+4)
	}},
	{name: "closed within the content", inside: true, reply: func(v *vendor, n int, streamed bool) *fake.Reply {
		return &fake.Reply{Events: v.answer(n, streamed).Events[:v.lead+4]}
	}},
	{name: "closed before its end", inside: true, reply: func(v *vendor, n int, streamed bool) *fake.Reply {
		events := v.answer(n, streamed).Events
		return &fake.Reply{Events: events[:len(events)-3]}
	}},
	{name: "500, and the other one breaks off", as: provider.Overloaded, reply: always(fake.ServerError()), next: func(v *vendor, n int, streamed bool) *fake.Reply {
		return breakOff(v.answer(n, streamed), v.lead+4)
	}},
	{name: "500, and the other one ends in an error", as: provider.Overloaded, reply: always(fake.ServerError()), next: func(v *vendor, n int, streamed bool) *fake.Reply {
		return &fake.Reply{Events: append(v.answer(n, streamed).Events[:v.lead+4:v.lead+4], v.failed)}
	}},
}

func always(r *fake.Reply) func(*vendor, int, bool) *fake.Reply {
	return func(*vendor, int, bool) *fake.Reply { return r }
}

// breakOff breaks the connection after so many events, or within a whole answer.
func breakOff(r *fake.Reply, events int) *fake.Reply {
	if r.Events == nil {
		r.Cut = len(r.Body) / 2
		return r
	}
	r.Cut = 5 // in the middle of an event
	for _, e := range r.Events[:events] {
		r.Cut += len(e)
	}
	return r
}
