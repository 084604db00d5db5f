package fake

import "encoding/json"

// message is an answer of Messages.
type message struct {
	Model       string       `json:"model"`
	ID          string       `json:"id"`
	Type        string       `json:"type"`
	Role        string       `json:"role"`
	Content     []any        `json:"content"` // textBlock, toolUseBlock
	StopReason  *string      `json:"stop_reason"`
	Stop        *string      `json:"stop_sequence"`
	StopDetails *struct{}    `json:"stop_details"`
	Usage       messageUsage `json:"usage"`
}

type textBlock struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type toolUseBlock struct {
	Type   string          `json:"type"`
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Input  json.RawMessage `json:"input"`
	Caller caller          `json:"caller"`
}

type caller struct {
	Type string `json:"type"`
}

type messageUsage struct {
	Input         int            `json:"input_tokens"`
	CacheWrite    int            `json:"cache_creation_input_tokens"`
	CacheRead     int            `json:"cache_read_input_tokens"`
	CacheCreation *cacheCreation `json:"cache_creation,omitempty"` // not at the end of a stream
	Output        int            `json:"output_tokens"`
	OutputDetails *outputDetails `json:"output_tokens_details,omitempty"` // not at its start
	ServiceTier   string         `json:"service_tier,omitempty"`
	InferenceGeo  string         `json:"inference_geo,omitempty"`
}

type cacheCreation struct {
	FiveMinutes int `json:"ephemeral_5m_input_tokens"`
	OneHour     int `json:"ephemeral_1h_input_tokens"`
}

type outputDetails struct {
	Thinking int `json:"thinking_tokens"`
}

// The events of a stream.

type messageStart struct {
	Type    string  `json:"type"`
	Message message `json:"message"`
}

type blockStart struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
	Block any    `json:"content_block"`
}

type blockDelta struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
	Delta any    `json:"delta"` // textBlock as text_delta, inputDelta
}

type inputDelta struct {
	Type    string `json:"type"`
	Partial string `json:"partial_json"`
}

type blockStop struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
}

type messageDelta struct {
	Type  string       `json:"type"`
	Delta messageEnd   `json:"delta"`
	Usage messageUsage `json:"usage"`
}

type messageEnd struct {
	StopReason  *string   `json:"stop_reason"`
	Stop        *string   `json:"stop_sequence"`
	StopDetails *struct{} `json:"stop_details"`
}

type messageStop struct {
	Type string `json:"type"`
}
