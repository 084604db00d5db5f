package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// recorded is what the audit trail has of a call.
type recorded struct {
	admitted bool    // that it is allowed
	passed   int     // how many verdicts that let the answer pass
	would    []would // what is not enforced; nil for most
	capture  captured
}

// A would is a refusal that is not enforced.
type would struct {
	Verdict string `json:"verdict,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Reason  string `json:"reason,omitempty"`
	OnTrial bool   `json:"on_trial,omitempty"` // it is that of an engine on trial
}

// team is that of the call's trail; empty while nobody knows whose call it is.
func (c *call) team() string {
	if c.agent == nil {
		return ""
	}
	return c.agent.TeamKey()
}

// entry begins an entry about the call.
func (c *call) entry(kind string) entry {
	e := newEntry(kind, time.Now(), c.team()).text("run_id", c.run.ID).text("call_id", c.id)
	if c.agent != nil {
		e = e.text("agent_id", c.agent.ID).text("user", c.user())
	}
	e = e.policy(&c.run.Policy).text("endpoint", c.endpointName()).text("requested_model", c.req.Model)
	e = e.text("provider", c.target.Provider).text("model", c.target.Model).truth("stream", c.req.Stream)
	return e.truth("ungoverned", c.ungoverned != nil)
}

// writeDown adds an entry about the call before that takes effect. Where it cannot, but
// the policy lets the call pass all the same, the entry says so and is added later.
func (c *call) writeDown(entry func() *budget.Record) error {
	s := c.g.scribe
	err := s.write(c.settling, entry())
	if err != nil && c.run.Policy.ID != "" && c.passes(c.settling, c.run.Policy.Name, err) {
		s.owe(entry(), err)
		return nil
	}
	return err
}

// user is who the call is for, as far as is said.
func (c *call) user() string {
	if c.directives.User != "" {
		return c.directives.User
	}
	return c.run.User
}

// maxPath is how much of a path that is not known is written down.
const maxPath = 256

// endpointName is what the call asks for, or else its method and path.
func (c *call) endpointName() string {
	if c.route.endpoint != "" {
		return string(c.route.endpoint)
	}
	path := c.r.URL.EscapedPath()
	return c.r.Method + " " + path[:min(len(path), maxPath)]
}

// admission is the record that the call is allowed, for the ledger to add; nil where
// it is not the ledger's to add, or a person has to be asked yet.
func (c *call) admission() (*budget.Record, error) {
	s := c.g.scribe
	if s == nil || !s.ledger || c.asks() {
		return nil, nil
	}
	if err := s.pay(c.settling); err != nil {
		return nil, err
	}
	if err := c.captureRequest(); err != nil {
		return nil, err
	}
	return c.allowance(), nil
}

// allowance is the record that the call is allowed.
func (c *call) allowance() *budget.Record {
	e := c.entry(audit.CallAllowed)
	if c.approved() {
		e = e.text("gate_id", c.gate.gate.ID).text("decided_by", c.gate.gate.By)
	}
	if !c.free() {
		if c.unpriced == (policy.Target{}) {
			e = e.money("estimated_cost_usd", c.projection.Cost())
		}
		e = e.number("estimated_tokens", c.projection.Tokens())
	}
	if c.foreign != nil {
		e = e.text("translated_to", c.upstream.dialect).text("translation_notes", c.translated().String())
	}
	e = e.text("first_call_id", c.tries.step)
	return c.conditions(e, &c.decision).record(c.team(), c.entryID(audit.CallAllowed))
}

func (c *call) entryID(kind string) string { return kind + "/" + c.id }

// conditions adds what a decision has found, whether or not it is enforced.
func (c *call) conditions(e entry, d *policy.Decision) entry {
	if d.Shadow {
		e = e.text("mode", "shadow")
	}
	if len(d.Alerts) > 0 {
		rules := make([]string, len(d.Alerts))
		for i := range d.Alerts {
			rules[i] = d.Alerts[i].Rule
		}
		e = e.texts("alerts", rules)
	}
	all := c.recorded.would
	if d.Shadow && d.Verdict != policy.Allow {
		all = append(all[:len(all):len(all)], would{Verdict: d.Verdict.String(), Rule: d.Rule, Reason: d.Reason})
	}
	if d.Candidate != nil {
		all = append(all[:len(all):len(all)], would{Verdict: d.Candidate.Verdict.String(), Rule: d.Candidate.Rule, Reason: d.Candidate.Reason, OnTrial: true})
	}
	if len(all) > 0 {
		e = append(e.key("would"), marshal(all)...)
	}
	return e
}

// admit writes that the call is allowed, before it is forwarded.
func (c *call) admit(context.Context) error {
	if c.g.scribe == nil || c.recorded.admitted {
		return nil
	}
	if err := c.captureRequest(); err != nil {
		return err
	}
	if err := c.writeDown(c.allowance); err != nil {
		return err
	}
	c.recorded.admitted = true
	return nil
}

// recordRefusal writes that the call is refused, before its agent is told. The error
// takes the place of the refusal.
func (c *call) recordRefusal(f *refusal) error {
	s := c.g.scribe
	switch {
	case s == nil, f.code == codeApprovalPending, f.code == codeShuttingDown:
		return nil // it is not decided
	case c.recorded.admitted:
		return c.recordAnswerRefused(f)
	}
	id, window := c.refusalID(f), windowOf(c.start)
	if s.repeats.has(id, window) {
		return s.pay(c.settling)
	}
	if c.agent == nil && !s.repeats.admitStranger(window) {
		s.log.Warn("refusal not in the audit trail; there are too many", "code", f.code, "remote", c.remote())
		return nil
	}
	if err := c.captureRequest(); err != nil {
		return err
	}
	err := c.writeDown(func() *budget.Record { return c.refusal(audit.CallRefused, f).record(c.team(), id) })
	if err != nil {
		return err
	}
	s.repeats.add(id, window)
	return nil
}

// refusal is an entry about a refusal.
func (c *call) refusal(kind string, f *refusal) entry {
	e := c.entry(kind).text("code", f.code).text("rule", f.rule)
	switch x := f.context.(type) {
	case policyContext:
		e = e.text("field", x.Field).text("requested", x.Requested).text("tool", x.Tool)
	case fieldContext:
		e = e.text("field", x.Field)
	case *gateContext:
		e = e.text("gate_id", x.GateID).text("decided_by", x.DecidedBy)
	}
	if c.agent == nil {
		e = e.text("remote", c.remote())
	}
	return e
}

// remote is the address of the caller.
func (c *call) remote() string {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return c.r.RemoteAddr
	}
	return host
}

// refusalID is the same for the same request that is refused for the same reason
// within a window. Of somebody unknown it does not matter what is asked for.
func (c *call) refusalID(f *refusal) string {
	h := sha256.New()
	write := func(s string) {
		h.Write([]byte(strconv.Itoa(len(s))))
		h.Write([]byte{':'})
		h.Write([]byte(s))
	}
	write(strconv.FormatInt(windowOf(c.start), 10))
	write(f.code)
	if c.agent == nil {
		write(c.remote())
	} else {
		write(f.rule)
		write(c.agent.ID)
		write(c.run.ID)
		write(strconv.FormatInt(c.run.Created.UnixMilli(), 10))
		write(c.r.Method + " " + c.r.URL.RequestURI())
		h.Write(c.req.Body)
	}
	return audit.CallRefused + "/" + hex.EncodeToString(h.Sum(nil)[:16])
}

// recordAnswerRefused writes that the agent does not get the answer of a call that
// was allowed, if that is a decision and not something that has failed.
func (c *call) recordAnswerRefused(f *refusal) error {
	if c.answer.resp == nil || f.rule == "" && f.code != codeOverloaded {
		return nil
	}
	return c.writeDown(func() *budget.Record {
		return c.refusal(audit.AnswerRefused, f).record(c.team(), c.entryID(audit.AnswerRefused))
	})
}

// recordPassed writes that the policy lets calls of tools in the answer pass, before
// the agent gets them.
func (c *call) recordPassed(d *policy.Decision, calls []provider.ToolCall) error {
	if c.g.scribe == nil {
		return nil
	}
	names := make([]string, len(calls))
	for i := range calls {
		names[i] = calls[i].Name
	}
	c.recorded.passed++
	id := c.entryID(audit.AnswerAllowed) + "/" + strconv.Itoa(c.recorded.passed)
	return c.writeDown(func() *budget.Record {
		return c.conditions(c.entry(audit.AnswerAllowed).texts("tools", names), d).record(c.team(), id)
	})
}

// recordEnd notes how the call has ended that was allowed, whose step is described if
// it was forwarded.
func (c *call) recordEnd(forwarded bool) {
	if c.g.scribe == nil || !c.recorded.admitted {
		return
	}
	c.recorded.admitted = false
	c.captureAnswer()
	e := c.entry(audit.CallEnded)
	if c.failed != nil {
		e = e.text("error", c.failed.code).text("rule", c.failed.rule)
	}
	if forwarded {
		st := &c.step
		u := &st.Usage
		e = e.text("fault", st.Fault).text("translation_notes", st.Notes)
		e = e.number("status", int64(st.Status)).number("duration_ms", st.Duration.Milliseconds()).text("served_model", u.Model)
		e = e.number("input_tokens", u.TotalInput()).number("output_tokens", u.TotalOutput()).truth("estimated", u.Estimated)
		if st.PriceList != "" {
			e = e.money("cost_usd", st.Cost).text("price_list", st.PriceList)
		}
	}
	c.g.scribe.note(c.settling, e.record(c.team(), c.entryID(audit.CallEnded)))
}
