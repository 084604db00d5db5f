package provider

// A Fault is why a target has not served a call, as far as it matters to whether
// another one would.
type Fault uint8

// The faults. The zero Fault is the call's own: no other target would serve it either.
const (
	Rejected        Fault = iota
	Unreachable           // no connection, or it broke before the answer
	TimedOut              // the answer did not begin in time
	Overloaded            // 408, 5xx, Anthropic's 529, or an answer that cannot be read
	RateLimited           // 429: too many requests or tokens for now
	OutOfFunds            // the account has no credit, or has reached its own limit, in whatever status that comes
	Denied                // 401 or 403: the gateway's own credential is not accepted
	UnknownModel          // the provider does not have the model
	TooLong               // the input does not fit into the model's context window
	UnsignedHistory       // a turn in the history lacks what only this provider could have signed, since another one made it
)

// Faults are all of them but Rejected, in their order.
var Faults = [...]Fault{Unreachable, TimedOut, Overloaded, RateLimited, OutOfFunds, Denied, UnknownModel, TooLong, UnsignedHistory}

// String returns "rejected", "unreachable", "timeout", "overloaded", "rate_limited",
// "out_of_funds", "denied", "unknown_model", "too_long" or "unsigned_history".
func (f Fault) String() string {
	if int(f) < len(faultNames) {
		return faultNames[f]
	}
	return faultNames[Rejected]
}

var faultNames = [...]string{"rejected", "unreachable", "timeout", "overloaded", "rate_limited", "out_of_funds", "denied", "unknown_model", "too_long", "unsigned_history"}
