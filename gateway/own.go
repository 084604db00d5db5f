package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// stepsShown is how many steps of a run are shown at once.
const stepsShown = 1000

// serveOwn answers at Rungate's own endpoints, by which an agent looks after the
// runs of its team.
func (c *call) serveOwn(ctx context.Context) error {
	if err := c.authenticate(ctx); err != nil {
		return err
	}
	id, err := url.PathUnescape(c.route.id[1:])
	if err != nil {
		return run.ErrNotFound
	}
	k := run.Key{Team: c.agent.TeamKey(), ID: id}
	if c.route.own == completeRun {
		r, err := c.g.recorder.Complete(ctx, k, run.ReasonByAgent)
		if err != nil {
			return err
		}
		return c.showRun(ctx, &r, nil)
	}
	r, err := c.g.recorder.Find(ctx, k)
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(c.r.URL.Query().Get("after"), 10, 64) // none is 0
	steps, err := c.g.recorder.Steps(ctx, r.Key, after, stepsShown)
	if err != nil {
		return err
	}
	log := make([]stepObject, 0, len(steps))
	for i := range steps {
		log = append(log, showStep(&steps[i]))
	}
	return c.showRun(ctx, &r, log)
}

type runObject struct {
	ID         string        `json:"id"`
	Status     run.Status    `json:"status"`
	AgentID    string        `json:"agent_id"`
	Policy     policyObject  `json:"policy"`
	CreatedAt  time.Time     `json:"created_at"`
	LastCallAt time.Time     `json:"last_call_at"`
	ClosedAt   *time.Time    `json:"closed_at"`
	Reason     *string       `json:"reason"`
	Steps      int64         `json:"steps"`
	SpendUSD   budget.Money  `json:"spend_usd"`
	Tokens     tokensObject  `json:"tokens"`
	Limits     []limitObject `json:"limits"`
	Tags       []string      `json:"tags"`
	User       *string       `json:"user"`

	Refusals []refusalObject `json:"refusals,omitempty"`
	StepLog  []stepObject    `json:"step_log,omitempty"`
}

type policyObject struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Revision string `json:"revision"`
}

type tokensObject struct {
	Input        int64 `json:"input"`
	CacheRead    int64 `json:"cache_read"`
	CacheWrite   int64 `json:"cache_write"`
	CacheWrite1h int64 `json:"cache_write_1h"`
	AudioInput   int64 `json:"audio_input"`
	Output       int64 `json:"output"`
	AudioOutput  int64 `json:"audio_output"`
	Reasoning    int64 `json:"reasoning"`
	Total        int64 `json:"total"`
}

func showTokens(t *provider.Tokens) tokensObject {
	return tokensObject{t.Input, t.CacheRead, t.CacheWrite, t.CacheWrite1h, t.AudioInput, t.Output, t.AudioOutput, t.Reasoning, t.Total()}
}

type limitObject struct {
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

type refusalObject struct {
	Code    string    `json:"code"`
	Rule    string    `json:"rule,omitempty"`
	Model   string    `json:"model,omitempty"`
	AgentID string    `json:"agent_id"`
	Count   int64     `json:"count"`
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
}

type stepObject struct {
	ID          string            `json:"id"`
	AgentID     string            `json:"agent_id"`
	StartedAt   time.Time         `json:"started_at"`
	DurationMS  int64             `json:"duration_ms"`
	Endpoint    provider.Endpoint `json:"endpoint"`
	Provider    string            `json:"provider"`
	Model       string            `json:"model"`
	ServedModel string            `json:"served_model,omitempty"`
	Asked       string            `json:"requested_model,omitempty"`
	Stream      bool              `json:"stream"`
	Status      int               `json:"status"`
	Error       string            `json:"error,omitempty"`
	Tokens      tokensObject      `json:"tokens"`
	WebSearches int64             `json:"web_searches,omitempty"`
	CostUSD     *budget.Money     `json:"cost_usd"` // null: there is no price
	PriceList   string            `json:"price_list,omitempty"`
	Estimated   bool              `json:"estimated"`
}

func showStep(s *run.Step) stepObject {
	o := stepObject{
		ID: s.ID, AgentID: s.Agent, StartedAt: s.Start.UTC(), DurationMS: s.Duration.Milliseconds(),
		Endpoint: s.Endpoint, Provider: s.Provider, Model: s.Model, ServedModel: s.Usage.Model, Asked: s.Asked,
		Stream: s.Stream, Status: s.Status, Error: s.Error, Tokens: showTokens(&s.Usage.Tokens),
		WebSearches: s.Usage.WebSearches, PriceList: s.PriceList, Estimated: s.Usage.Estimated,
	}
	if s.PriceList != "" {
		o.CostUSD = &s.Cost
	}
	return o
}

// showRun answers with the run object.
func (c *call) showRun(ctx context.Context, r *run.Run, log []stepObject) error {
	o := runObject{
		ID: r.ID, Status: r.Status, AgentID: r.Agent, Policy: policyObject(r.Policy),
		CreatedAt: r.Created.UTC(), LastCallAt: r.LastCall.UTC(), Steps: r.Steps, SpendUSD: r.Spent,
		Tokens: showTokens(&r.Tokens), Tags: r.Tags, StepLog: log,
	}
	if o.Tags == nil {
		o.Tags = []string{}
	}
	if !r.Closed.IsZero() {
		at := r.Closed.UTC()
		o.ClosedAt = &at
	}
	if r.Reason != "" {
		o.Reason = &r.Reason
	}
	if r.User != "" {
		o.User = &r.User
	}
	var err error
	if o.Limits, err = c.limits(ctx, r); err != nil {
		return err
	}
	refusals, err := c.g.recorder.Refusals(ctx, r.Key)
	if err != nil {
		return err
	}
	for _, f := range refusals {
		o.Refusals = append(o.Refusals, refusalObject{f.Code, f.Rule, f.Model, f.Agent, f.Count, f.First.UTC(), f.Last.UTC()})
	}
	body, err := json.Marshal(&o)
	if err != nil {
		return err
	}
	c.run = *r
	h := c.w.Header()
	c.echoRun(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(body)
	return nil
}

// limits tells how the budgets of a run stand.
func (c *call) limits(ctx context.Context, r *run.Run) ([]limitObject, error) {
	limits := []limitObject{}
	if c.g.binder == nil {
		return limits, nil
	}
	budgets, err := c.g.binder.Budgets(ctx, r.Policy)
	if err != nil {
		return nil, err
	}
	subject := budget.Subject{Team: r.Team, Run: budgetRun(r), Agent: r.Agent, User: r.User, Tags: r.Tags, Policy: r.Policy.ID}
	standings, err := c.g.keeper.Statement(ctx, &subject, budgets)
	if err != nil {
		return nil, err
	}
	for i := range standings {
		b, bal := &standings[i].Budget, &standings[i].Balance
		l := limitObject{Rule: b.Name, Scope: b.Per, Window: b.Window.String()}
		if at := standings[i].ResetsAt; !at.IsZero() {
			l.ResetsAt = &at
		}
		if b.Unit == budget.USD {
			limit, spent, reserved := budget.Money(b.Limit), budget.Money(bal.Spent), budget.Money(bal.Reserved)
			l.LimitUSD, l.SpentUSD, l.ReservedUSD = &limit, &spent, &reserved
		} else {
			l.LimitTokens, l.SpentTokens, l.ReservedTokens = &b.Limit, &bal.Spent, &bal.Reserved
		}
		limits = append(limits, l)
	}
	return limits, nil
}
