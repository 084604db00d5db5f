package integrations

import "time"

// A situation is what the call of a client runs into.
type situation string

const (
	served      situation = "200"
	overBudget  situation = "402"
	wrongModel  situation = "403"
	closedRun   situation = "409"
	limited     situation = "429"
	limitedOnce situation = "429 once"
)

var refusals = []situation{overBudget, wrongModel, closedRun, limited, limitedOnce}

// codes are what the gateway calls its refusals.
var codes = map[situation]string{
	overBudget: "budget_exceeded",
	wrongModel: "policy_violation",
	closedRun:  "run_closed",
}

// A reaction is what a client makes of a situation.
type reaction struct {
	attempts int
	over     time.Duration // that it takes, at least
	raises   string        // the exception, or a part of the message; "" if the call succeeds in the end
	ownWords bool          // its user is told something else than what the gateway said
}

// thrice are the reactions of a client that retries nothing but a 429, twice.
func thrice(paymentRequired, forbidden, conflict, rateLimit string) map[situation]reaction {
	return map[situation]reaction{
		overBudget:  {attempts: 1, raises: paymentRequired},
		wrongModel:  {attempts: 1, raises: forbidden},
		closedRun:   {attempts: 1, raises: conflict},
		limited:     {attempts: 3, raises: rateLimit},
		limitedOnce: {attempts: 2},
	}
}

// but is r with another reaction to a 429.
func but(r map[situation]reaction, attempts int, over time.Duration) map[situation]reaction {
	r[limited] = reaction{attempts: attempts, over: over, raises: r[limited].raises}
	return r
}

// never are the reactions of a client that retries nothing.
func never(paymentRequired, forbidden, conflict, rateLimit string) map[situation]reaction {
	return map[situation]reaction{
		overBudget: {attempts: 1, raises: paymentRequired},
		wrongModel: {attempts: 1, raises: forbidden},
		closedRun:  {attempts: 1, raises: conflict},
		limited:    {attempts: 1, raises: rateLimit},
	}
}
