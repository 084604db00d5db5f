package object

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A Run is a run as it is shown.
type Run struct {
	ID         string       `json:"id"`
	Status     run.Status   `json:"status"`
	AgentID    string       `json:"agent_id"`
	Policy     policyRef    `json:"policy"`
	CreatedAt  time.Time    `json:"created_at"`
	LastCallAt time.Time    `json:"last_call_at"`
	ClosedAt   *time.Time   `json:"closed_at"`
	Reason     *string      `json:"reason"`
	Steps      int64        `json:"steps"`
	SpendUSD   budget.Money `json:"spend_usd"`
	Tokens     tokens       `json:"tokens"`
	Limits     []limit      `json:"limits"`
	Tags       []string     `json:"tags"`
	User       *string      `json:"user"`

	Refusals []refusal `json:"refusals,omitempty"`
	StepLog  []step    `json:"step_log,omitempty"`
}

type policyRef struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Revision string `json:"revision"`
}

type limit struct {
	Rule           string        `json:"rule"`
	Scope          budget.Scope  `json:"scope"`
	LimitUSD       *budget.Money `json:"limit_usd,omitempty"`
	SpentUSD       *budget.Money `json:"spent_usd,omitempty"`
	ReservedUSD    *budget.Money `json:"reserved_usd,omitempty"`
	LimitTokens    *int64        `json:"limit_tokens,omitempty"`
	SpentTokens    *int64        `json:"spent_tokens,omitempty"`
	ReservedTokens *int64        `json:"reserved_tokens,omitempty"`
	Window         string        `json:"window,omitempty"`
	ResetsAt       *time.Time    `json:"resets_at,omitempty"`
}

type refusal struct {
	Code    string    `json:"code"`
	Rule    string    `json:"rule,omitempty"`
	Model   string    `json:"model,omitempty"`
	AgentID string    `json:"agent_id"`
	Count   int64     `json:"count"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
}

// RunOf shows r, how its budgets stand, its calls that were refused and, if steps
// is not nil, those that were forwarded.
func RunOf(r *run.Run, budgets []budget.Standing, refusals []run.Refusal, steps []run.Step) *Run {
	o := &Run{
		ID: r.ID, Status: r.Status, AgentID: r.Agent, Policy: policyRef(r.Policy),
		CreatedAt: r.Created.UTC(), LastCallAt: r.LastCall.UTC(), ClosedAt: optionalTime(r.Closed), Reason: optional(r.Reason),
		Steps: r.Steps, SpendUSD: r.Spent, Tokens: tokensOf(&r.Tokens), Limits: make([]limit, len(budgets)), Tags: r.Tags, User: optional(r.User),
	}
	if o.Tags == nil {
		o.Tags = []string{}
	}
	for i := range budgets {
		o.Limits[i] = limitOf(&budgets[i])
	}
	for _, f := range refusals {
		o.Refusals = append(o.Refusals, refusal{f.Code, f.Rule, f.Model, f.Agent, f.Count, f.First.UTC(), f.Last.UTC()})
	}
	for i := range steps {
		o.StepLog = append(o.StepLog, stepOf(&steps[i]))
	}
	return o
}

// limitOf tells how a budget stands.
func limitOf(s *budget.Standing) limit {
	b, bal := &s.Budget, &s.Balance
	l := limit{Rule: b.Name, Scope: b.Per, Window: b.Window.String()}
	if !s.ResetsAt.IsZero() {
		l.ResetsAt = &s.ResetsAt
	}
	if b.Unit == budget.USD {
		most, spent, reserved := budget.Money(b.Limit), budget.Money(bal.Spent), budget.Money(bal.Reserved)
		l.LimitUSD, l.SpentUSD, l.ReservedUSD = &most, &spent, &reserved
	} else {
		l.LimitTokens, l.SpentTokens, l.ReservedTokens = &b.Limit, &bal.Spent, &bal.Reserved
	}
	return l
}

// optional is null for an empty string.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// optionalTime is null for the zero time.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
