package fake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// messagesRequest is what the model reads of a request to Messages.
type messagesRequest struct {
	Model     string          `json:"model"`
	MaxTokens *int            `json:"max_tokens"`
	System    json.RawMessage `json:"system"`
	Messages  []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		InputSchema json.RawMessage `json:"input_schema"` // tools that Anthropic runs have none
	} `json:"tools"`
	ToolChoice struct {
		Type            string `json:"type"`
		Name            string `json:"name"`
		DisableParallel bool   `json:"disable_parallel_tool_use"`
	} `json:"tool_choice"`
	OutputConfig struct {
		Format responseFormat `json:"format"`
	} `json:"output_config"`
	StopSequences []string        `json:"stop_sequences"`
	Stream        bool            `json:"stream"`
	Temperature   json.RawMessage `json:"temperature"`
	TopP          json.RawMessage `json:"top_p"`
	TopK          json.RawMessage `json:"top_k"`
}

// A block is a part of a message's content that the model can read.
type block struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	Content   json.RawMessage `json:"content"`
	IsError   bool            `json:"is_error"`
}

// blocks reads a message's content; a string is one block of text.
func blocks(raw json.RawMessage) []block {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []block{{Type: "text", Text: text}}
	}
	var bs []block
	_ = json.Unmarshal(raw, &bs)
	return bs
}

// texts joins the texts of blocks.
func texts(bs []block) string {
	var t []string
	for _, b := range bs {
		if b.Type == "text" && b.Text != "" {
			t = append(t, b.Text)
		}
	}
	return strings.Join(t, "\n")
}

// readMessages reads a request, to Messages or to Token Counting, and reports
// whether it may be served; else it has answered.
func (c *call) readMessages(q *messagesRequest) bool {
	version := c.r.Header.Get("Anthropic-Version")
	if !slices.Contains([]string{"2023-06-01", "2026-10-21"}, version) {
		message := "anthropic-version: header is required"
		if version != "" {
			message = "anthropic-version: \"" + version + "\" is not a valid version"
		}
		c.fail(invalid(message))
		return false
	}
	if !c.parse(q, &q.Model) {
		return false
	}
	if len(q.Messages) == 0 {
		c.fail(invalid("messages: at least one message is required"))
		return false
	}
	if version == "2026-10-21" { // has no sampling parameters any more
		for name, v := range map[string]json.RawMessage{"temperature": q.Temperature, "top_p": q.TopP, "top_k": q.TopK} {
			if v != nil {
				c.fail(invalid(name + ": Extra inputs are not permitted"))
				return false
			}
		}
	}
	return true
}

// prompt is the request as the model sees it.
func (q *messagesRequest) prompt() *prompt {
	p := &prompt{
		choose: choice{
			none:   q.ToolChoice.Type == "none",
			must:   q.ToolChoice.Type == "any",
			single: q.ToolChoice.DisableParallel,
		},
		format: q.OutputConfig.Format.wants(),
		stop:   q.StopSequences,
		input:  3 + tokens(texts(blocks(q.System))),
	}
	if q.ToolChoice.Type == "tool" {
		p.choose.only = q.ToolChoice.Name
	}
	if q.MaxTokens != nil {
		p.limit = *q.MaxTokens
	}
	called := make(map[string]string) // names of tools by call id
	for _, m := range q.Messages {
		bs := blocks(m.Content)
		text := texts(bs)
		p.input += 4 + tokens(text)
		if m.Role == "user" {
			p.images, p.results = 0, nil
			if text != "" {
				p.said = text
			}
		}
		for _, b := range bs {
			switch b.Type {
			case "image", "document":
				p.images++
				p.input += imageTokens
			case "tool_use":
				called[b.ID] = b.Name
				p.input += tokens(b.Name) + tokens(string(b.Input))
			case "tool_result":
				r := result{tool: called[b.ToolUseID], text: texts(blocks(b.Content)), failed: b.IsError}
				p.results = append(p.results, r)
				p.before = true
				p.input += tokens(r.text)
			}
		}
	}
	for _, t := range q.Tools {
		if t.InputSchema != nil {
			p.tools = append(p.tools, tool{t.Name, t.InputSchema})
		}
		p.input += 8 + tokens(t.Name) + tokens(t.Description) + tokens(string(t.InputSchema))
	}
	return p
}

// countTokens answers a request to Token Counting.
func (c *call) countTokens() {
	var q messagesRequest
	if c.readMessages(&q) {
		c.answer(http.StatusOK, struct {
			Input int `json:"input_tokens"`
		}{q.prompt().input})
	}
}

// messages answers a request to Messages.
func (c *call) messages() {
	var q messagesRequest
	if !c.readMessages(&q) {
		return
	}
	if q.MaxTokens == nil {
		c.fail(missing("max_tokens"))
		return
	}
	p := q.prompt()
	t := p.think(0)
	m := message{
		Model:      q.Model,
		ID:         c.mint("msg_01", 22),
		Type:       "message",
		Role:       "assistant",
		Content:    c.contentBlocks(t, q.Stream),
		StopReason: optional(stopReason(t)),
		Stop:       optional(t.stop),
		Usage: messageUsage{
			Input:         p.input,
			CacheCreation: &cacheCreation{},
			Output:        t.output,
			OutputDetails: &outputDetails{},
			ServiceTier:   "standard",
			InferenceGeo:  "global",
		},
	}
	if q.Stream {
		c.streamMessage(m)
		return
	}
	c.answer(http.StatusOK, m)
}

// contentBlocks writes an answer as blocks. A tool call that was cut has no
// input that could be written, except in a stream.
func (c *call) contentBlocks(t thought, stream bool) []any {
	content := []any{}
	if t.text != "" {
		content = append(content, textBlock{"text", t.text})
	}
	for _, call := range t.calls {
		if stream || json.Valid([]byte(call.arguments)) {
			content = append(content, toolUseBlock{
				Type:   "tool_use",
				ID:     c.mint("toolu_01", 22),
				Name:   call.name,
				Input:  json.RawMessage(call.arguments),
				Caller: caller{"direct"},
			})
		}
	}
	return content
}

func stopReason(t thought) string {
	return [...]string{endTurn: "end_turn", endTools: "tool_use", endLimit: "max_tokens", endStop: "stop_sequence"}[t.end]
}
