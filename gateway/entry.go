package gateway

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// The types of the entries of an audit trail. Each is a JSON object with "type",
// "time" (of the decision), "team", and of these members those that apply:
//
//   - who: "run_id", "call_id", "agent_id", "user", "remote" (the address of a caller
//     without a valid token), "operator" (who has ordered it), "gate_id";
//   - by what: "policy_id", "policy_name", "policy_revision", "rule", "code" (as the
//     agent is told it), "mode" ("shadow" where nothing is enforced), "would" (what
//     was found that is not enforced), "alerts" (rules that have only alerted);
//   - what: "endpoint", "requested_model" (as the agent names it), "provider", "model"
//     (as the provider is asked for it), "served_model" (as it says itself), "stream",
//     "field" and "requested" (what a rule has found in the request), "tools" (that the
//     answer calls), "tool";
//   - what it costs: "estimated_cost_usd" and "estimated_tokens" before the call;
//     "cost_usd", "price_list", "input_tokens", "output_tokens", "estimated" (the
//     provider has not said what it used) after it.
//
// Members are only ever added. Prompts, answers, arguments of tools, headers and
// tokens are in none of them; see Config.Capture.
const (
	entryAllowed       = "call.allowed"    // a call is about to be forwarded; with a gate, by its approval
	entryRefused       = "call.refused"    // a call is not forwarded
	entryAnswerAllowed = "answer.allowed"  // the policy lets an answer pass that calls tools
	entryAnswerRefused = "answer.refused"  // it does not
	entryEnded         = "call.ended"      // an allowed call is over: "status", "error", "duration_ms", what it has cost
	entryUngoverned    = "call.ungoverned" // a call is forwarded though it could not be decided about
	entryGateOpened    = "gate.opened"     // "kind", "request", "tools", "channel", "fingerprint", "expires_at", "cost_usd"
	entryGateApproved  = "gate.approved"   // "decided_by", "reason"
	entryGateRejected  = "gate.rejected"   // likewise
	entryGateExpired   = "gate.expired"
	entryGateUsed      = "gate.used"     // what was approved is about to happen; "decided_by"
	entryRunStarted    = "run.started"   // "parent", "tags"
	entryRunCompleted  = "run.completed" // "reason"
	entryRunBlocked    = "run.blocked"   // "code", "rule"
	entryRunUnblocked  = "run.unblocked"
	entryLimitRaised   = "limit.raised" // "rule", "limit": in the unit of the rule
	entryVoid          = "void"         // what the entry with the id "of" says has not happened, or "unknown": true
	entryRequest       = "call.request" // "content", see Config.Capture
	entryAnswer        = "call.answer"  // likewise
)

// An entry is the JSON object of an entry while it is written.
type entry []byte

// newEntry begins one.
func newEntry(kind string, at time.Time, team string) entry {
	e := append(make(entry, 0, 512), `{"type":"`...)
	e = append(append(e, kind...), `","time":"`...)
	e = append(at.UTC().AppendFormat(e, time.RFC3339Nano), `","team":`...)
	return appendJSON(e, team)
}

// record is the entry with that ID in the trail of its team.
func (e entry) record(team, id string) *budget.Record {
	return &budget.Record{Team: team, ID: id, Text: append(e, '}')}
}

func (e entry) key(name string) entry {
	return append(append(append(e, `,"`...), name...), `":`...)
}

// text adds a text, unless it is empty.
func (e entry) text(name, value string) entry {
	if value == "" {
		return e
	}
	return appendJSON(e.key(name), value)
}

func (e entry) texts(name string, values []string) entry {
	if len(values) == 0 {
		return e
	}
	return append(e.key(name), marshal(values)...)
}

// number adds a number, also where it is 0.
func (e entry) number(name string, value int64) entry {
	return strconv.AppendInt(e.key(name), value, 10)
}

// truth adds true, where it is.
func (e entry) truth(name string, value bool) entry {
	if !value {
		return e
	}
	return append(e.key(name), "true"...)
}

func (e entry) money(name string, value budget.Money) entry {
	e = append(e.key(name), '"')
	e, _ = value.AppendText(e)
	return append(e, '"')
}

func (e entry) time(name string, value time.Time) entry {
	if value.IsZero() {
		return e
	}
	return append(value.UTC().AppendFormat(append(e.key(name), '"'), time.RFC3339Nano), '"')
}

func (e entry) policy(p *run.PolicyRef) entry {
	return e.text("policy_id", p.ID).text("policy_name", p.Name).text("policy_revision", p.Revision)
}

// appendJSON appends a string as JSON has it.
func appendJSON(e entry, s string) entry {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(e, marshal(s)...)
		}
	}
	return append(append(append(e, '"'), s...), '"')
}

func marshal(v any) []byte {
	text, _ := json.Marshal(v) // of strings
	return text
}
