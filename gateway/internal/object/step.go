package object

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

type step struct {
	ID          string            `json:"id"`
	First       string            `json:"first_attempt,omitempty"` // id of that of the same call
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
	Fault       string            `json:"fault,omitempty"` // by which the target was given up on
	Notes       string            `json:"translation_notes,omitempty"`
	Tokens      tokens            `json:"tokens"`
	WebSearches int64             `json:"web_searches,omitempty"`
	CostUSD     *budget.Money     `json:"cost_usd"` // null: there is no price
	PriceList   string            `json:"price_list,omitempty"`
	Estimated   bool              `json:"estimated"`
	Ungoverned  bool              `json:"ungoverned,omitempty"` // the store could not be asked about it
}

func stepOf(s *run.Step) step {
	o := step{
		ID: s.ID, First: s.First, AgentID: s.Agent, StartedAt: s.Start.UTC(), DurationMS: s.Duration.Milliseconds(),
		Endpoint: s.Endpoint, Provider: s.Provider, Model: s.Model, ServedModel: s.Usage.Model, Asked: s.Asked,
		Stream: s.Stream, Status: s.Status, Error: s.Error, Fault: s.Fault, Notes: s.Notes, Tokens: tokensOf(&s.Usage.Tokens),
		WebSearches: s.Usage.WebSearches, PriceList: s.PriceList, Estimated: s.Usage.Estimated, Ungoverned: s.Ungoverned,
	}
	if s.PriceList != "" {
		o.CostUSD = &s.Cost
	}
	return o
}

type tokens struct {
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

func tokensOf(t *provider.Tokens) tokens {
	return tokens{t.Input, t.CacheRead, t.CacheWrite, t.CacheWrite1h, t.AudioInput, t.Output, t.AudioOutput, t.Reasoning, t.Total()}
}
