package fake

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// chatRequest is what the model reads of a request to Chat Completions.
type chatRequest struct {
	Model               string            `json:"model"`
	Messages            []chatMessage     `json:"messages"`
	Tools               []chatTool        `json:"tools"`
	ToolChoice          json.RawMessage   `json:"tool_choice"`
	ParallelToolCalls   *bool             `json:"parallel_tool_calls"`
	ResponseFormat      responseFormat    `json:"response_format"`
	MaxTokens           int               `json:"max_tokens"`
	MaxCompletionTokens int               `json:"max_completion_tokens"`
	Stop                oneOrMore         `json:"stop"`
	N                   int               `json:"n"`
	Stream              bool              `json:"stream"`
	StreamOptions       chatStreamOptions `json:"stream_options"`
	ServiceTier         string            `json:"service_tier"`
}

type chatMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	ToolCalls  []chatToolCall  `json:"tool_calls"`
	ToolCallID string          `json:"tool_call_id"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

type chatStreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// A responseFormat is also the format of Responses, which has the schema beside
// the type.
type responseFormat struct {
	Type       string          `json:"type"`
	Schema     json.RawMessage `json:"schema"`
	JSONSchema struct {
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

func (f responseFormat) wants() json.RawMessage {
	switch {
	case f.Type == "json_schema" && f.Schema != nil:
		return f.Schema
	case f.Type == "json_schema" && f.JSONSchema.Schema != nil:
		return f.JSONSchema.Schema
	case f.Type == "json_schema", f.Type == "json_object":
		return anyObject
	}
	return nil
}

// oneOrMore is a string or an array of them.
type oneOrMore []string

// UnmarshalJSON implements json.Unmarshaler.
func (s *oneOrMore) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = nil
		if one != "" {
			*s = oneOrMore{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(s))
}

// prompt is the request as the model sees it.
func (q *chatRequest) prompt() *prompt {
	p := &prompt{
		choose: openaiChoice(q.ToolChoice, q.ParallelToolCalls),
		format: q.ResponseFormat.wants(),
		limit:  max(q.MaxCompletionTokens, q.MaxTokens),
		stop:   q.Stop,
		input:  3,
	}
	called := make(map[string]string) // names of tools by call id
	for _, m := range q.Messages {
		text, images := openaiContent(m.Content)
		p.input += 4 + tokens(text) + images*imageTokens
		switch m.Role {
		case "user":
			p.said, p.images, p.results = text, images, nil
		case "tool", "function":
			p.results = append(p.results, result{tool: called[m.ToolCallID], text: text})
			p.before = true
		case "assistant":
			p.results = nil
			for _, c := range m.ToolCalls {
				called[c.ID] = c.Function.Name
				p.input += tokens(c.Function.Name) + tokens(c.Function.Arguments)
			}
		}
	}
	for _, t := range q.Tools {
		if t.Type == "function" {
			p.tools = append(p.tools, tool{t.Function.Name, t.Function.Parameters})
			p.input += 8 + tokens(t.Function.Name) + tokens(t.Function.Description) + tokens(string(t.Function.Parameters))
		}
	}
	return p
}

// openaiContent reads a message's content, a string or parts, of either OpenAI
// API.
func openaiContent(raw json.RawMessage) (text string, images int) {
	if json.Unmarshal(raw, &text) == nil {
		return text, 0
	}
	var parts []struct {
		Type    string `json:"type"`
		Text    string `json:"text"`
		Refusal string `json:"refusal"`
	}
	_ = json.Unmarshal(raw, &parts)
	var texts []string
	for _, p := range parts {
		switch p.Type {
		case "image_url", "input_image":
			images++
		default:
			if t := p.Text + p.Refusal; t != "" {
				texts = append(texts, t)
			}
		}
	}
	return strings.Join(texts, "\n"), images
}

// openaiChoice reads tool_choice: a word, or an object that names a function in
// the way of either OpenAI API.
func openaiChoice(raw json.RawMessage, parallel *bool) choice {
	c := choice{single: parallel != nil && !*parallel}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		c.none, c.must = word == "none", word == "required"
		return c
	}
	var named struct {
		Name     string `json:"name"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	_ = json.Unmarshal(raw, &named)
	c.only = named.Name + named.Function.Name
	return c
}

// chat answers a request to Chat Completions.
func (c *call) chat() {
	var q chatRequest
	if !c.parse(&q, &q.Model) {
		return
	}
	if len(q.Messages) == 0 {
		c.fail(missing("messages"))
		return
	}
	p := q.prompt()
	a := chatAnswer{
		ID:          c.mint("chatcmpl-", 29),
		Object:      "chat.completion",
		Created:     time.Now().Unix(),
		Model:       q.Model,
		ServiceTier: servedTier(q.ServiceTier),
		Fingerprint: "fp_" + letters(q.Model, 10),
	}
	usage := chatUsage{Prompt: p.input}
	for i := range max(1, min(q.N, 128)) {
		t := p.think(i)
		usage.Completion += t.output
		a.Choices = append(a.Choices, c.chatChoice(i, p, t))
	}
	usage.Total = usage.Prompt + usage.Completion
	if q.Stream {
		c.streamChat(a, usage, q.StreamOptions.IncludeUsage)
		return
	}
	a.Usage = usage
	c.answer(http.StatusOK, a)
}

func (c *call) chatChoice(i int, p *prompt, t thought) chatChoice {
	choice := chatChoice{Index: i, Finish: optional(chatFinish(p, t))}
	m := &chatReply{Role: "assistant", Annotations: []struct{}{}}
	if len(t.calls) == 0 {
		m.Content = &t.text
	}
	for _, call := range t.calls {
		tc := chatToolCall{ID: c.mint("call_", 24), Type: "function"}
		tc.Function.Name, tc.Function.Arguments = call.name, call.arguments
		m.ToolCalls = append(m.ToolCalls, tc)
	}
	choice.Message = m
	return choice
}

// chatFinish is why the answer ended. A call that the request asked for by name
// ends in "stop", as it mostly does at OpenAI.
func chatFinish(p *prompt, t thought) string {
	switch {
	case t.end == endLimit:
		return "length"
	case t.end == endTools && p.choose.only == "":
		return "tool_calls"
	}
	return "stop"
}

// servedTier is the service tier that answers to the one that was asked for.
func servedTier(asked string) string {
	switch asked {
	case "flex", "priority":
		return asked
	}
	return "default"
}
