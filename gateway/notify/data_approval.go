package notify

import (
	"encoding/json"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

type approvalData struct {
	subject
	gate
}

type gate struct {
	ID        string         `json:"gate_id"`
	Status    run.GateStatus `json:"status"`
	Kind      run.GateKind   `json:"kind"`
	Rule      string         `json:"rule"`
	Reason    string         `json:"rule_reason,omitempty"` // why a person is asked
	Request   string         `json:"request"`               // method and path
	Model     string         `json:"model"`
	CostUSD   *budget.Money  `json:"cost_usd"` // null: there is no price
	Proposed  []proposal     `json:"proposed_actions"`
	Channel   string         `json:"approver_channel,omitempty"`
	Pauses    bool           `json:"pauses_run"`
	OpenedAt  time.Time      `json:"opened_at"`
	ExpiresAt time.Time      `json:"expires_at"`
	DecidedAt time.Time      `json:"decided_at,omitzero"`
	DecidedBy string         `json:"decided_by,omitempty"`
	Comment   string         `json:"reason,omitempty"` // why, in the words of who decided
}

type proposal struct {
	Tool   string          `json:"tool"`
	Args   json.RawMessage `json:"args,omitempty"`
	Hosted bool            `json:"hosted,omitempty"` // the provider runs it
}

func gateOf(g *run.Gate) gate {
	d := gate{
		ID: g.ID, Status: g.Status, Kind: g.Kind, Rule: g.Rule, Reason: g.Reason, Request: g.Request, Model: g.Model, Proposed: []proposal{},
		Channel: g.Channel, Pauses: g.Pauses, OpenedAt: g.Opened.UTC(), ExpiresAt: g.Expires.UTC(), DecidedBy: g.By, Comment: g.Comment,
	}
	if g.Priced {
		d.CostUSD = &g.Cost
	}
	for i := range g.Proposed {
		if p := &g.Proposed[i]; p.Tool != "" {
			d.Proposed = append(d.Proposed, proposal{p.Tool, asJSON(p.Args), p.Hosted})
		}
	}
	if !g.Decided.IsZero() {
		d.DecidedAt = g.Decided.UTC()
	}
	return d
}
