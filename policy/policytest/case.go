package policytest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A Case is a call, and what should be decided about it.
type Case struct {
	Name   string `json:"name"`
	Policy string `json:"policy"` // of the run; empty is the default

	Endpoint provider.Endpoint `json:"endpoint"` // "chat", "messages", …
	Provider string            `json:"provider"` // that serves the call; empty is the one that is called like the dialect
	Body     json.RawMessage   `json:"body"`     // none for a call without one
	Approved bool              `json:"approved"` // the request, if a person is asked about it
	Calls    []Call            `json:"calls"`    // of tools, in the answer; none is an answer without

	Agent Agent    `json:"agent"`
	User  string   `json:"user"`
	Tags  []string `json:"tags"`
	Run   RunState `json:"run"`

	Cost     budget.Money `json:"estimated_cost_usd"`
	Unpriced bool         `json:"unpriced"` // the model has no price, whatever Cost is
	At       time.Time    `json:"at"`       // zero is a Monday at noon in UTC

	Want Want `json:"want"`
}

// A Call is the call of a tool that a model makes.
type Call struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // as the wire says it; of no matter but to Hosted
	Hosted bool   `json:"hosted"`

	// Arguments are JSON. A string stands for the text in it, as the model wrote
	// it, which need not be JSON.
	Arguments json.RawMessage `json:"arguments"`
}

// An Agent is who makes the call.
type Agent struct {
	ID   string `json:"id"`
	Team string `json:"team"`
}

// A RunState is how the run of the call stands before it.
type RunState struct {
	Steps int64        `json:"steps"`
	Spent budget.Money `json:"spend_usd"`
	User  string       `json:"user"` // of the call that started it
	Tags  []string     `json:"tags"` // likewise
}

// Want is what should be decided.
type Want struct {
	Verdict string   `json:"verdict"` // "allow", "deny", "block" or "approve"
	Rule    string   `json:"rule"`    // that refuses or asks; empty is any
	Alerts  []string `json:"alerts"`  // rules, in order; nil is any

	// Targets are those that may serve the request, as "provider/model", in the order in
	// which they are tried, and those of one rank as they stand there; nil is any.
	Targets []string `json:"targets"`
}

// ParseCases reads a JSON array of cases. The error, a list, names everything
// that is wrong with its path.
func ParseCases(document []byte) ([]Case, error) {
	var cases []Case
	err := strict.JSON(document, &cases)
	return cases, err
}

// Validate reports everything that is wrong with c, with paths; nil if nothing
// is.
func (c *Case) Validate() error {
	var errs strict.Errors
	if _, err := c.input(); err != nil {
		errs = append(errs, strict.At("", err)...)
	}
	switch c.Want.Verdict {
	case "allow", "deny", "block", "approve":
	default:
		errs = append(errs, strict.Error{Path: "want.verdict", Reason: fmt.Sprintf(`%q is not known; use "allow", "deny", "block" or "approve"`, c.Want.Verdict)})
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// input is what an engine is asked about the request of c.
func (c *Case) input() (*policy.Input, error) {
	d := dialect(c.Endpoint)
	if d == nil {
		return nil, strict.Error{Path: "endpoint", Reason: fmt.Sprintf("%q is not known", c.Endpoint)}
	}
	req := provider.Request{Endpoint: c.Endpoint, Body: c.Body}
	if len(c.Body) > 0 {
		if err := d.Parse(&req); err != nil {
			return nil, strict.Error{Path: "body", Reason: err.Error()}
		}
	}
	name := c.Provider
	if name == "" {
		name = d.Name()
	}
	target := func(model string) policy.Target {
		return policy.Target{Provider: name, Model: strings.TrimPrefix(model, name+"/")}
	}
	in := &policy.Input{
		Agent: &run.Agent{ID: c.Agent.ID, Team: c.Agent.Team},
		Run:   &run.Run{Steps: c.Run.Steps, Spent: c.Run.Spent, User: c.Run.User, Tags: c.Run.Tags},
		User:  c.User, Tags: c.Tags,
		Dialect: d.Name(), Endpoint: c.Endpoint, Stream: req.Stream, Target: target(req.Model), Billing: req.Billing, Tools: req.Tools, HiddenTools: req.HiddenTools,
		InputTokens: req.Input, MaxOutput: req.MaxOutput, Cost: c.Cost, Priced: !c.Unpriced, At: c.At,
	}
	for _, m := range req.Others {
		in.Others = append(in.Others, target(m))
	}
	if in.At.IsZero() {
		in.At = time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC)
	}
	return in, nil
}

// dialect returns the one that has the endpoint; nil if none does.
func dialect(e provider.Endpoint) provider.Dialect {
	for _, d := range []provider.Dialect{openai.Dialect{}, anthropic.Dialect{}} {
		if d.Path(e) != "" {
			return d
		}
	}
	return nil
}

// toolCall is the call as an engine sees it.
func (c *Call) toolCall() provider.ToolCall {
	args := []byte(c.Arguments)
	var text string
	if json.Unmarshal(args, &text) == nil {
		args = []byte(text)
	}
	return provider.ToolCall{Name: c.Name, Type: c.Type, Hosted: c.Hosted, Args: args}
}
