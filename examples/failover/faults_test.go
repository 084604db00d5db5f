package failover

import (
	"time"

	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/provider"
)

// stalled is how long an answer may take to begin, where that is waited for.
const stalled = 1500 * time.Millisecond

// A fault is how a provider dies.
type fault struct {
	name   string
	reply  func(v *vendor, n int, streamed bool) *fake.Reply // nil: nobody listens
	as     provider.Fault
	opens  bool   // the target is left out from then on
	inside bool   // the agent has some of the answer by then
	only   string // "whole" or "streamed"; empty is both
}

// always is the same reply to whatever is asked.
func always(r *fake.Reply) func(*vendor, int, bool) *fake.Reply {
	return func(*vendor, int, bool) *fake.Reply { return r }
}

// faults are the points of the exchange at which the first provider dies.
var faults = []fault{
	{name: "refuses connections", as: provider.Unreachable},
	{name: "hangs up", as: provider.Unreachable, reply: always(&fake.Reply{Cut: -1})},
	{name: "does not answer in time", as: provider.TimedOut, reply: always(&fake.Reply{Wait: time.Hour})},
	{name: "does not go on in time", as: provider.TimedOut, only: "streamed", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		return &fake.Reply{Events: v.events(n, dialogue[n]), Delay: time.Hour}
	}},
	{name: "has too many requests", as: provider.RateLimited, opens: true, reply: always(fake.RateLimited(time.Minute))},
	{name: "is broken", as: provider.Overloaded, reply: always(fake.ServerError())},
	{name: "is overloaded", as: provider.Overloaded, reply: always(fake.Overloaded())},
	{name: "wants to be paid", as: provider.OutOfFunds, opens: true, reply: always(fake.QuotaExceeded())},
	{name: "sends an error as the first event", as: provider.Overloaded, only: "streamed", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		return &fake.Reply{Events: []string{v.failed}}
	}},
	{name: "sends an error before any content", as: provider.Overloaded, only: "streamed", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		return &fake.Reply{Events: append(v.events(n, dialogue[n])[:v.lead:v.lead], v.failed)}
	}},
	{name: "breaks off before any content", as: provider.Overloaded, only: "streamed", reply: breaksOff(0)},
	{name: "breaks off within the answer", as: provider.Overloaded, only: "whole", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		body := v.whole(n, dialogue[n])
		return &fake.Reply{Body: body, Cut: len(body) / 2}
	}},
	{name: "breaks off within the content", inside: true, only: "streamed", reply: breaksOff(3)},
	{name: "ends within the content", inside: true, only: "streamed", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		return &fake.Reply{Events: v.events(n, dialogue[n])[:v.lead+3]}
	}},
	{name: "sends an error within the content", inside: true, only: "streamed", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		return &fake.Reply{Events: append(v.events(n, dialogue[n])[:v.lead+3:v.lead+3], v.failed)}
	}},
	{name: "sends an error in place of the end", inside: true, only: "streamed", reply: func(v *vendor, n int, _ bool) *fake.Reply {
		events := v.events(n, dialogue[n])
		return &fake.Reply{Events: append(events[:len(events)-1], v.failed)}
	}},
}

// breaksOff breaks the connection in the middle of an event, so many after the lead.
func breaksOff(events int) func(*vendor, int, bool) *fake.Reply {
	return func(v *vendor, n int, _ bool) *fake.Reply {
		r := &fake.Reply{Events: v.events(n, dialogue[n]), Cut: 5}
		for _, e := range r.Events[:v.lead+events] {
			r.Cut += len(e)
		}
		return r
	}
}
