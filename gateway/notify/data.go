package notify

import (
	"encoding/json"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/run"
)

// dataOf is the data of an event's message.
func dataOf(e *run.Event) []byte {
	r := &e.Run
	s := subject{
		At: e.At.UTC(), RunID: r.ID, Team: r.Team, AgentID: e.Agent, User: r.User, Policy: policy(r.Policy),
		ArgsTruncated: e.ArgsBytes > 0, ArgsBytes: e.ArgsBytes,
	}
	var data any
	switch {
	case e.Gate != nil:
		data = approvalData{s, gateOf(e.Gate)}
	case e.Alert != nil:
		data = alertData(s, e.Alert)
	case e.Exhausted != nil:
		data = exhaustedData(s, e.Exhausted)
	case e.Finding != nil:
		data = findingData(s, e.Finding)
	case e.FailedOver != nil:
		data = failedOverData(s, e.FailedOver)
	case e.Raised != nil:
		data = raisedData{s, e.Raised.Rule, e.Raised.Limit}
	default:
		data = runDataOf(s, r)
	}
	text, _ := json.Marshal(data) // of texts, numbers and valid JSON
	return text
}

// subject is what every event is about.
type subject struct {
	At      time.Time `json:"at"`
	RunID   string    `json:"run_id"`
	Team    string    `json:"team"`
	AgentID string    `json:"agent_id"`
	User    string    `json:"user,omitempty"`
	Policy  policy    `json:"policy"`

	ArgsTruncated bool `json:"args_truncated,omitempty"`
	ArgsBytes     int  `json:"args_bytes,omitempty"` // that they would have
}

type policy struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Revision string `json:"revision"`
}

type runData struct {
	subject
	Status      run.Status   `json:"status"`
	Reason      string       `json:"reason,omitempty"`
	ParentRunID string       `json:"parent_run_id,omitempty"`
	CreatedAt   time.Time    `json:"created_at"`
	ClosedAt    time.Time    `json:"closed_at,omitzero"`
	Steps       int64        `json:"steps"`
	SpendUSD    budget.Money `json:"spend_usd"`
	Tokens      int64        `json:"tokens"`
	Tags        []string     `json:"tags,omitempty"`
	Block       *block       `json:"blocked_by,omitempty"`
}

// block is what blocked a run.
type block struct {
	Code    string          `json:"code"`
	Rule    string          `json:"rule,omitempty"`
	Message string          `json:"message"`
	Context json.RawMessage `json:"context,omitempty"`
}

func runDataOf(s subject, r *run.Run) runData {
	d := runData{
		subject: s, Status: r.Status, Reason: r.Reason, ParentRunID: r.Parent(), CreatedAt: r.Created.UTC(),
		Steps: r.Steps, SpendUSD: r.Spent, Tokens: r.Tokens.Total(), Tags: r.Tags,
	}
	if !r.Closed.IsZero() {
		d.ClosedAt = r.Closed.UTC()
	}
	if b := r.Block; b != nil {
		d.Block = &block{b.Code, b.Rule, b.Message, asJSON(b.Context)}
	}
	return d
}

type finding struct {
	subject
	Rule      string          `json:"rule,omitempty"`
	Field     string          `json:"field,omitempty"`
	Requested string          `json:"requested,omitempty"`
	Allowed   []string        `json:"allowed,omitempty"`
	Tool      string          `json:"tool,omitempty"`
	Args      json.RawMessage `json:"args,omitempty"`
	Reason    string          `json:"reason,omitempty"`
}

func findingData(s subject, f *run.Finding) finding {
	return finding{s, f.Rule, f.Field, f.Requested, f.Allowed, f.Tool, asJSON(f.Args), f.Reason}
}

type failedOver struct {
	subject
	StepID  string `json:"step_id"`
	From    string `json:"from"`
	To      string `json:"to"`
	Fault   string `json:"fault"`
	Status  int    `json:"status,omitempty"`
	Attempt int    `json:"attempt"`
}

func failedOverData(s subject, f *run.FailedOver) failedOver {
	return failedOver{s, f.Step, f.From, f.To, f.Fault, f.Status, f.Attempt}
}

type raisedData struct {
	subject
	Rule  string `json:"rule"`
	Limit int64  `json:"limit"`
}

// asJSON returns a text as it is if it is JSON, and else as a string. Nil is none.
func asJSON(text []byte) json.RawMessage {
	if text == nil {
		return nil
	}
	var s jsonscan.Scanner
	s.Reset(text)
	s.Skip()
	if s.End(); s.Err() == nil {
		return text
	}
	quoted, _ := json.Marshal(string(text)) // what is not UTF-8 is replaced
	return quoted
}
