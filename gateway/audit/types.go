package audit

// The types of the entries that a gateway writes. The text of each is a JSON object
// with "type", "time" (of the decision), "team", and of these members those that
// apply and are not empty:
//
//   - who: "run_id", "call_id", "agent_id", "user", "remote" (the address of a caller
//     without a valid token), "operator" (who has ordered it), "gate_id", "decided_by";
//   - by what: "policy_id", "policy_name", "policy_revision", "rule", "code" (as the
//     agent is told it), "mode" ("shadow" where nothing is enforced), "would" (a list of
//     what was found and is not enforced: "verdict", "rule", "reason", "on_trial"),
//     "alerts" (rules that have only alerted), "ungoverned" (since the store could not
//     be asked, and the policy lets calls pass then);
//   - what: "endpoint" (or method and path), "requested_model" (as the agent names it),
//     "provider", "model" (as the provider is asked for it), "served_model" (as it says
//     itself), "stream", "field" and "requested" (what a rule has found in the request),
//     "tools" and "tool" (that are called, or declared);
//   - what it costs: "estimated_cost_usd" and "estimated_tokens" before the call;
//     "cost_usd", "price_list" (day and hash of the prices), "input_tokens",
//     "output_tokens", "estimated" (since the provider has not said it) after it.
//
// The comments below name further ones. Members are only ever added. Prompts, answers,
// arguments of tools, headers and tokens are in none of them, except for "content".
//
// Calls of nobody known are in the trail of the team "". The same request that is
// refused for the same reason within ten minutes, by the clock, is one entry.
const (
	CallAllowed   = "call.allowed"   // before it is forwarded; with "gate_id", by an approval
	CallRefused   = "call.refused"   // before the agent is told
	AnswerAllowed = "answer.allowed" // which calls tools, before the agent gets it; where the policy judges them
	AnswerRefused = "answer.refused" // before the agent is told; the call was made
	CallEnded     = "call.ended"     // of each that was allowed: "status", "error", "duration_ms"

	// CallFailedOver is about a call whose target ("from") was given up on ("fault",
	// "status", "attempt") for another one ("to").
	CallFailedOver = "call.failed_over"

	GateOpened   = "gate.opened"   // "kind", "request", "channel", "fingerprint", "expires_at"; this and the following
	GateApproved = "gate.approved" // "reason"; before it is
	GateRejected = "gate.rejected" // "reason"; before it is
	GateExpired  = "gate.expired"
	GateUsed     = "gate.used" // before what was approved happens

	RunStarted   = "run.started"   // "parent", "tags"
	RunCompleted = "run.completed" // "reason"; before it is where somebody has ordered it
	RunBlocked   = "run.blocked"
	RunUnblocked = "run.unblocked" // before it is where an operator has ordered it
	LimitRaised  = "limit.raised"  // "limit", in the unit of "rule"; before it is

	// Void takes back the entry with the ID "of": it did not come to that, since
	// somebody else was faster. With "unknown", nobody knows whether it did.
	Void = "void"

	// CallRequest and CallAnswer are written only where the operator asks for that,
	// before those on what is decided about it: "content", and "cut" and "bytes" (how
	// long it was) where that is not all.
	CallRequest = "call.request"
	CallAnswer  = "call.answer"
)
