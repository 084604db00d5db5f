package object

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A Gate is a gate as it is shown to operators.
type Gate struct {
	ID          string         `json:"id"`
	Status      run.GateStatus `json:"status"`
	Kind        run.GateKind   `json:"kind"`
	Team        string         `json:"team"`
	RunID       string         `json:"run_id"`
	AgentID     string         `json:"agent_id"`
	User        *string        `json:"user"`
	Policy      policyRef      `json:"policy"`
	Rule        string         `json:"rule"`
	RuleReason  *string        `json:"rule_reason"`
	Request     string         `json:"request"` // method and path
	Model       string         `json:"model"`
	CostUSD     *budget.Money  `json:"cost_usd"` // null: it is not known
	Proposed    []proposal     `json:"proposed_actions"`
	Channel     *string        `json:"approver_channel"`
	PausesRun   bool           `json:"pauses_run"`
	Fingerprint string         `json:"fingerprint"`
	OpenedAt    time.Time      `json:"opened_at"`
	ExpiresAt   time.Time      `json:"expires_at"`
	DecidedAt   *time.Time     `json:"decided_at"`
	DecidedBy   *string        `json:"decided_by"`
	Reason      *string        `json:"reason"` // of the decision
	UsedAt      *time.Time     `json:"used_at"`
}

type proposal struct {
	Tool   string          `json:"tool,omitempty"`
	Args   json.RawMessage `json:"args,omitempty"`
	Hosted bool            `json:"hosted,omitempty"`

	// In the place of Args that are too long for a list:
	ArgsExcerpt string `json:"args_excerpt,omitempty"` // how they begin
	ArgsBytes   int    `json:"args_bytes,omitempty"`   // how long they are
}

// GateOf shows g.
func GateOf(g *run.Gate) *Gate {
	o := gateOf(g)
	for i := range g.Proposed {
		o.Proposed[i].Args = argsOf(g.Proposed[i].Args)
	}
	return o
}

// mostListed is how many bytes of arguments a gate in a list shows.
const mostListed = 4 << 10

// ListedGateOf shows g in a list, where arguments may be shown in part.
func ListedGateOf(g *run.Gate) *Gate {
	o := gateOf(g)
	left := mostListed
	for i := range g.Proposed {
		p, args := &o.Proposed[i], g.Proposed[i].Args
		if len(args) <= left {
			p.Args = argsOf(args)
			left -= len(args)
			continue
		}
		for left > 0 && !utf8.RuneStart(args[left]) {
			left--
		}
		p.ArgsExcerpt, p.ArgsBytes = string(args[:left]), len(args)
		left = 0
	}
	return o
}

// gateOf shows g but for the arguments.
func gateOf(g *run.Gate) *Gate {
	o := &Gate{
		ID: g.ID, Status: g.Status, Kind: g.Kind, Team: g.Run.Team, RunID: g.Run.ID, AgentID: g.Agent, User: optional(g.User),
		Policy: policyRef(g.Policy), Rule: g.Rule, RuleReason: optional(g.Reason), Request: g.Request, Model: g.Model, Proposed: make([]proposal, len(g.Proposed)),
		Channel: optional(g.Channel), PausesRun: g.Pauses, Fingerprint: g.Fingerprint.String(), OpenedAt: g.Opened.UTC(),
		ExpiresAt: g.Expires.UTC(), DecidedAt: optionalTime(g.Decided), DecidedBy: optional(g.By), Reason: optional(g.Comment),
		UsedAt: optionalTime(g.Used),
	}
	if g.Priced {
		o.CostUSD = &g.Cost
	}
	for i := range g.Proposed {
		p := &g.Proposed[i]
		o.Proposed[i] = proposal{Tool: p.Tool, Hosted: p.Hosted}
	}
	return o
}

// argsOf returns arguments as JSON: as they are where they are JSON, and
// otherwise as a string of them.
func argsOf(args []byte) json.RawMessage {
	if args == nil || json.Valid(args) {
		return args
	}
	text, _ := json.Marshal(string(args))
	return text
}
