// Package admin is the operator's API of a gateway: an http.Handler by which
// people, and programs of theirs, see the gates that are to be decided and decide
// them. It belongs on a listener of its own, or behind one that agents do not
// reach; no agent's token is ever taken.
//
//	GET  /v1/gates                status, team, run_id, limit, cursor
//	GET  /v1/gates/{id}
//	POST /v1/gates/{id}/approve   {"reason": "…", "by": "…"}
//	POST /v1/gates/{id}/reject    likewise
//	GET  /v1/runs/{id}            team, after
//	POST /v1/runs/{id}/raise      team; {"rule": "…", "limit_usd": "…"}
//	POST /v1/runs/{id}/unblock    team
//	POST /v1/runs/{id}/complete   team
//	GET  /v1/audit                heads of the trails
//	GET  /v1/audit/export         team, after
//	GET  /v1/audit/verify         team; number and hash, of a head
//	GET  /v1/targets
//	GET  /v1/webhooks/dead-letters
//	POST /v1/webhooks/dead-letters/{id}/resend
//
// A team is named as gates show it, such as "team:ops" or "agent:alice".
//
// A gate in a list has 4 KiB of arguments at most. Where "args" would be longer,
// there are "args_excerpt", how they begin, and "args_bytes", how long they are; a
// gate by itself has all of them.
//
// A gate is decided by the operator whose token it is. Who decides on another's
// behalf says so with "by", and both are recorded: "alice (via ops-bot)". What
// comes before the last "(via …)" is the operator's word, and not checked.
//
// A limit is raised for one run: that of a budget per run by "limit_usd" or
// "limit_tokens", as the budget counts; max_duration by "limit_duration", such as
// "4h"; max_steps, max_depth, max_children, identical_calls and
// identical_tool_calls by "limit". A run that it has blocked goes on. A run that is
// unblocked and has no more room is blocked again by its next call.
//
// An export has a JSON object in each line, see [audit.Entry.AppendLine], of all
// entries of a team's trail or those after a number. The team of those who are known
// to nobody has an empty name. A trail that is verified is {"intact":true,"entries",
// "head"}, or {"intact":false,"broken":{"team","number","fault","message"}}: see
// [audit.Check]. A head that is kept where nobody comes who could write the trail
// anew is what shows that no end was cut off.
//
// Errors are {"error":{"code","message","context"}}. A gate that is decided
// already answers 409 gate_decided with that decision in the context.
//
// A target is a model at a provider that has been tried, as this process has seen it.
// Its "state" is that of its circuit breaker: "closed", it serves; "open", calls go to
// other targets "until" then; "half_open", the next call shows if it serves again. By
// "fault" it is left out, or has failed last: see [provider.Fault]. "latency_ms" is how
// soon streamed answers have begun, of late.
//
// A dead letter is an event that a notifier could not be told. It is sent again to
// every notifier that has not got it.
package admin
