package fake

import (
	"encoding/json"
	"net/http"
	"time"
)

// responsesRequest is what the model reads of a request to Responses, and what
// the answer repeats of it.
type responsesRequest struct {
	Model              string          `json:"model"`
	Input              json.RawMessage `json:"input"` // a string or items
	Instructions       json.RawMessage `json:"instructions"`
	Tools              json.RawMessage `json:"tools"`
	ToolChoice         json.RawMessage `json:"tool_choice"`
	ParallelToolCalls  *bool           `json:"parallel_tool_calls"`
	MaxOutputTokens    *int            `json:"max_output_tokens"`
	PreviousResponseID *string         `json:"previous_response_id"`
	Store              *bool           `json:"store"`
	Stream             bool            `json:"stream"`
	ServiceTier        string          `json:"service_tier"`
	Metadata           json.RawMessage `json:"metadata"`
	User               *string         `json:"user"`
	Text               struct {
		Format responseFormat `json:"format"`
	} `json:"text"`
}

type responsesItem struct {
	Type      string          `json:"type"` // a message if it is empty
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
}

type responsesTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// A stored is a response that can be asked for again, or be continued.
type stored struct {
	id     string
	answer response
	called map[string]string // names of tools by call id, so far
}

// maxStored is how many responses are kept.
const maxStored = 100

// items reads the input; a string is one message of the user.
func (q *responsesRequest) items() []responsesItem {
	var text string
	if json.Unmarshal(q.Input, &text) == nil {
		return []responsesItem{{Role: "user", Content: q.Input}}
	}
	var items []responsesItem
	_ = json.Unmarshal(q.Input, &items)
	return items
}

// prompt is the request as the model sees it. Called are the names of the tools
// that were called before, by call id, and gets those of this input.
func (q *responsesRequest) prompt(called map[string]string) *prompt {
	instructions, _ := openaiContent(q.Instructions)
	p := &prompt{
		choose: openaiChoice(q.ToolChoice, q.ParallelToolCalls),
		format: q.Text.Format.wants(),
		before: len(called) > 0,
		input:  3 + tokens(instructions),
	}
	if q.MaxOutputTokens != nil {
		p.limit = *q.MaxOutputTokens
	}
	for _, item := range q.items() {
		switch item.Type {
		case "", "message":
			text, images := openaiContent(item.Content)
			p.input += 4 + tokens(text) + images*imageTokens
			p.results = nil
			if item.Role == "user" {
				p.said, p.images = text, images
			}
		case "function_call":
			called[item.CallID] = item.Name
			p.input += tokens(item.Name) + tokens(item.Arguments)
			p.before, p.results = true, nil
		case "function_call_output":
			text, _ := openaiContent(item.Output)
			p.input += tokens(text)
			p.results = append(p.results, result{tool: called[item.CallID], text: text})
		}
	}
	var tools []responsesTool
	_ = json.Unmarshal(q.Tools, &tools)
	for _, t := range tools {
		if t.Type == "function" {
			p.tools = append(p.tools, tool{t.Name, t.Parameters})
			p.input += 8 + tokens(t.Name) + tokens(t.Description) + tokens(string(t.Parameters))
		}
	}
	return p
}

// responses answers a request to Responses.
func (c *call) responses() {
	var q responsesRequest
	if !c.parse(&q, &q.Model) {
		return
	}
	if len(q.items()) == 0 {
		c.fail(missing("input"))
		return
	}
	called := make(map[string]string)
	if id := q.PreviousResponseID; id != nil {
		before, ok := c.p.load(*id)
		if !ok {
			f := invalid("Previous response with id '" + *id + "' not found.")
			f.openai.code, f.openai.param = "previous_response_not_found", "previous_response_id"
			c.fail(f)
			return
		}
		called = before.called
	}
	p := q.prompt(called)
	t := p.think(0)
	a := c.newResponse(&q)
	items := c.outputItems(t)
	for _, item := range items {
		if item.Type == "function_call" {
			called[item.CallID] = item.Name
		}
	}
	done := a
	done.Status, done.Output = "completed", items
	done.ServiceTier = servedTier(q.ServiceTier)
	done.Usage = &responseUsage{Input: p.input, Output: t.output, Total: p.input + t.output}
	if t.end == endLimit {
		done.Status, done.Incomplete = "incomplete", &incompleteDetails{"max_output_tokens"}
	} else {
		done.CompletedAt = &done.CreatedAt
	}
	if a.Store {
		c.p.store(stored{a.ID, done, called})
	}
	if q.Stream {
		c.streamResponse(a, done)
		return
	}
	c.answer(http.StatusOK, done)
}

// newResponse is the answer as it is when it begins.
func (c *call) newResponse(q *responsesRequest) response {
	or := func(v json.RawMessage, absent string) json.RawMessage {
		if v == nil {
			return json.RawMessage(absent)
		}
		return v
	}
	a := response{
		ID:                 c.mintHex("resp_", 48),
		Object:             "response",
		CreatedAt:          time.Now().Unix(),
		Status:             "in_progress",
		Instructions:       or(q.Instructions, "null"),
		MaxOutputTokens:    q.MaxOutputTokens,
		Model:              q.Model,
		Output:             []outputItem{},
		ParallelToolCalls:  q.ParallelToolCalls == nil || *q.ParallelToolCalls,
		PreviousResponseID: q.PreviousResponseID,
		ServiceTier:        "auto",
		Store:              q.Store == nil || *q.Store,
		Temperature:        1,
		ToolChoice:         or(q.ToolChoice, `"auto"`),
		Tools:              or(q.Tools, "[]"),
		TopP:               1,
		Truncation:         "disabled",
		User:               q.User,
		Metadata:           or(q.Metadata, "{}"),
	}
	a.Text.Format.Type = q.Text.Format.Type
	if a.Text.Format.Type == "" {
		a.Text.Format.Type = "text"
	}
	return a
}

// outputItems writes an answer as items.
func (c *call) outputItems(t thought) []outputItem {
	status := "completed"
	if t.end == endLimit {
		status = "incomplete"
	}
	if len(t.calls) == 0 {
		return []outputItem{{
			ID:      c.mintHex("msg_", 48),
			Type:    "message",
			Status:  status,
			Content: []outputText{{Type: "output_text", Annotations: []struct{}{}, Logprobs: []struct{}{}, Text: t.text}},
			Role:    "assistant",
		}}
	}
	var items []outputItem
	for _, call := range t.calls {
		items = append(items, outputItem{
			ID:        c.mintHex("fc_", 48),
			Type:      "function_call",
			Status:    status,
			Arguments: &call.arguments,
			CallID:    c.mint("call_", 24),
			Name:      call.name,
		})
	}
	return items
}
