package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// retryPending is after what time an agent looks again whether its call has been
// decided about.
const retryPending = 5 * time.Second

// pending answers a call that has to wait for a decision, in the way that was
// chosen. In a stream that has begun, an error is all that can be said.
func (c *call) pending() error {
	g := &c.gate.gate
	if c.answer.begun || c.approvalMode() == run.ErrorMode {
		return c.pendingRefusal(g)
	}
	if err := c.g.scribe.pay(c.settling); err != nil { // such as that the gate is open
		return err
	}
	c.conclude()
	c.todo = nil
	body, err := json.Marshal(struct {
		Status  string       `json:"status"`
		Context *gateContext `json:"context"`
	}{"awaiting_approval", pendingContext(g)})
	if err != nil {
		return err
	}
	h := c.w.Header()
	c.echoRun(h)
	h["Content-Type"] = jsonType
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Retry-After", strconv.FormatInt(wholeSeconds(retryPending), 10))
	h.Set(c.route.dialect.RequestIDHeader(), c.requestID())
	c.w.WriteHeader(http.StatusAccepted)
	_, err = c.w.Write(body)
	return c.left(err)
}

// gateContext is what an agent is told about a gate.
type gateContext struct {
	GateID   string           `json:"gate_id"`
	RunID    string           `json:"run_id"`
	Rule     string           `json:"rule"`
	Proposed proposalObject   `json:"proposed_action"`
	All      []proposalObject `json:"proposed_actions,omitempty"` // where there are several

	Channel   string     `json:"approver_channel,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	DecidedBy string     `json:"decided_by,omitempty"`
	Reason    string     `json:"reason,omitempty"`
}

// proposalObject is a call of a tool, or a request to a model.
type proposalObject struct {
	Tool string          `json:"tool,omitempty"`
	Args json.RawMessage `json:"args,omitempty"`

	Request       string        `json:"request,omitempty"` // its method and path
	Model         string        `json:"model,omitempty"`
	EstimatedCost *budget.Money `json:"estimated_cost_usd,omitempty"`
}

// contextOf is what an agent is told about a gate in any state.
func contextOf(g *run.Gate) *gateContext {
	c := &gateContext{GateID: g.ID, RunID: g.Run.ID, Rule: g.Rule, DecidedBy: g.By, Reason: g.Comment}
	all := make([]proposalObject, 0, len(g.Proposed))
	for i := range g.Proposed {
		p := &g.Proposed[i]
		all = append(all, proposalObject{Tool: p.Tool, Args: shownArgs(p.Args)})
	}
	switch len(all) {
	case 0:
		c.Proposed.Request, c.Proposed.Model = g.Request, g.Model
		if g.Priced {
			c.Proposed.EstimatedCost = &g.Cost
		}
	case 1:
		c.Proposed = all[0]
	default:
		c.Proposed, c.All = all[0], all
	}
	return c
}

// pendingContext is the same for one that is to be decided.
func pendingContext(g *run.Gate) *gateContext {
	gc := contextOf(g)
	at := g.Expires.UTC().Truncate(time.Second)
	gc.Channel, gc.ExpiresAt = g.Channel, &at
	return gc
}

func (c *call) pendingRefusal(g *run.Gate) *refusal {
	return &refusal{code: codeApprovalPending, rule: g.Rule, context: pendingContext(g), wait: retryPending, message: fmt.Sprintf(
		"Rungate: %s of run %q waits for a person's approval (%s, gate %s). Send the same request again.", asked(g), g.Run.ID, g.Rule, g.ID)}
}

// asked says in a few words what a gate is about.
func asked(g *run.Gate) string {
	switch len(g.Proposed) {
	case 0:
		return fmt.Sprintf("the request %s", g.Request)
	case 1:
		return fmt.Sprintf("the tool %q", g.Proposed[0].Tool)
	}
	return fmt.Sprintf("the use of %d tools, among them %q,", len(g.Proposed), g.Proposed[0].Tool)
}

func rejected(g *run.Gate) error {
	why := "without a reason"
	if g.Comment != "" {
		why = fmt.Sprintf("with the reason %q", g.Comment)
	}
	return &refusal{code: codeApprovalRejected, rule: g.Rule, context: contextOf(g), message: fmt.Sprintf(
		"Rungate: %s has rejected %s of run %q (%s, gate %s), %s. Go on without it; this request is not forwarded.", g.By, asked(g), g.Run.ID, g.Rule, g.ID, why)}
}

func expired(g *run.Gate) error {
	why := "nobody has decided"
	if g.By != "" {
		why = fmt.Sprintf("%s has approved it, but it was not fetched in time,", g.By)
	}
	return &refusal{code: codeApprovalExpired, rule: g.Rule, context: contextOf(g), message: fmt.Sprintf(
		"Rungate: %s about %s of run %q (%s, gate %s) until it expired. Send the same request again to ask once more.", why, asked(g), g.Run.ID, g.Rule, g.ID)}
}
