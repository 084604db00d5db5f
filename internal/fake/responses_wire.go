package fake

import "encoding/json"

// response is an answer of Responses, at any time of its life.
type response struct {
	ID                 string             `json:"id"`
	Object             string             `json:"object"`
	CreatedAt          int64              `json:"created_at"`
	Status             string             `json:"status"`
	Background         bool               `json:"background"`
	CompletedAt        *int64             `json:"completed_at"`
	Error              *struct{}          `json:"error"`
	FrequencyPenalty   float64            `json:"frequency_penalty"`
	Incomplete         *incompleteDetails `json:"incomplete_details"`
	Instructions       json.RawMessage    `json:"instructions"`
	MaxOutputTokens    *int               `json:"max_output_tokens"`
	MaxToolCalls       *int               `json:"max_tool_calls"`
	Model              string             `json:"model"`
	Output             []outputItem       `json:"output"`
	ParallelToolCalls  bool               `json:"parallel_tool_calls"`
	PresencePenalty    float64            `json:"presence_penalty"`
	PreviousResponseID *string            `json:"previous_response_id"`
	PromptCacheKey     *string            `json:"prompt_cache_key"`
	Reasoning          reasoningConfig    `json:"reasoning"`
	SafetyIdentifier   *string            `json:"safety_identifier"`
	ServiceTier        string             `json:"service_tier"`
	Store              bool               `json:"store"`
	Temperature        float64            `json:"temperature"`
	Text               textConfig         `json:"text"`
	ToolChoice         json.RawMessage    `json:"tool_choice"`
	Tools              json.RawMessage    `json:"tools"`
	TopLogprobs        int                `json:"top_logprobs"`
	TopP               float64            `json:"top_p"`
	Truncation         string             `json:"truncation"`
	Usage              *responseUsage     `json:"usage"`
	User               *string            `json:"user"`
	Metadata           json.RawMessage    `json:"metadata"`
}

type incompleteDetails struct {
	Reason string `json:"reason"`
}

type reasoningConfig struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"`
}

type textConfig struct {
	Format struct {
		Type string `json:"type"`
	} `json:"format"`
}

type responseUsage struct {
	Input        int `json:"input_tokens"`
	InputDetails struct {
		CacheWrite int `json:"cache_write_tokens"`
		Cached     int `json:"cached_tokens"`
	} `json:"input_tokens_details"`
	Output        int `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

// outputItem is a message or a function_call.
type outputItem struct {
	ID        string       `json:"id"`
	Type      string       `json:"type"`
	Status    string       `json:"status"`
	Content   []outputText `json:"content,omitzero"`
	Role      string       `json:"role,omitempty"`
	Arguments *string      `json:"arguments,omitempty"`
	CallID    string       `json:"call_id,omitempty"`
	Name      string       `json:"name,omitempty"`
}

type outputText struct {
	Type        string     `json:"type"`
	Annotations []struct{} `json:"annotations"`
	Logprobs    []struct{} `json:"logprobs"`
	Text        string     `json:"text"`
}

// The events of a stream.

type responseEvent struct {
	Type     string   `json:"type"`
	Response response `json:"response"`
	Sequence int      `json:"sequence_number"`
}

type itemEvent struct {
	Type     string     `json:"type"`
	Output   int        `json:"output_index"`
	Item     outputItem `json:"item"`
	Sequence int        `json:"sequence_number"`
}

type partEvent struct {
	Type     string     `json:"type"`
	ItemID   string     `json:"item_id"`
	Output   int        `json:"output_index"`
	Content  int        `json:"content_index"`
	Part     outputText `json:"part"`
	Sequence int        `json:"sequence_number"`
}

type textEvent struct {
	Type     string     `json:"type"`
	ItemID   string     `json:"item_id"`
	Output   int        `json:"output_index"`
	Content  int        `json:"content_index"`
	Delta    *string    `json:"delta,omitempty"`
	Text     *string    `json:"text,omitempty"` // at the end
	Logprobs []struct{} `json:"logprobs"`
	Sequence int        `json:"sequence_number"`
}

type argumentsEvent struct {
	Type      string  `json:"type"`
	ItemID    string  `json:"item_id"`
	Output    int     `json:"output_index"`
	Delta     *string `json:"delta,omitempty"`
	Arguments *string `json:"arguments,omitempty"` // at the end
	Sequence  int     `json:"sequence_number"`
}
