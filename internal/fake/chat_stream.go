package fake

import (
	"encoding/json"
	"net/http"
	"strings"
)

var jsonNull = json.RawMessage("null")

// streamChat sends an answer in chunks. With several choices, their chunks take
// turns.
func (c *call) streamChat(a chatAnswer, usage chatUsage, include bool) {
	s := c.stream(http.StatusOK)
	choices := a.Choices
	a.Object = "chat.completion.chunk"
	if include {
		a.Usage = jsonNull
	}
	deltas := make([][]any, len(choices))
	longest := 0
	for i, choice := range choices {
		deltas[i] = chatDeltas(choice.Message)
		longest = max(longest, len(deltas[i]))
	}
	for step := range longest {
		for i := range choices {
			if step < len(deltas[i]) {
				a.Choices = []chatChoice{{Index: i, Delta: deltas[i][step]}}
				s.data(a)
			}
		}
	}
	for i, choice := range choices {
		a.Choices = []chatChoice{{Index: i, Delta: struct{}{}, Finish: choice.Finish}}
		s.data(a)
	}
	if include {
		a.Choices, a.Usage = []chatChoice{}, usage
		s.data(a)
	}
	s.write("data: [DONE]\n\n")
}

// chatDeltas cuts a message into what its chunks add.
func chatDeltas(m *chatReply) []any {
	role := roleDelta{Role: m.Role}
	if m.Content != nil {
		role.Content = new(string)
	}
	deltas := []any{role}
	if m.Content != nil {
		for _, word := range pieces(*m.Content) {
			deltas = append(deltas, textDelta{word})
		}
	}
	for i, call := range m.ToolCalls {
		first := chatToolCall{Index: &i, ID: call.ID, Type: call.Type}
		first.Function.Name = call.Function.Name
		deltas = append(deltas, toolDelta{[]chatToolCall{first}})
		for _, part := range pieces(call.Function.Arguments) {
			more := chatToolCall{Index: &i}
			more.Function.Arguments = part
			deltas = append(deltas, toolDelta{[]chatToolCall{more}})
		}
	}
	return deltas
}

// pieces cuts a text before its blanks, and JSON after its colons and commas, as
// models utter them.
func pieces(s string) []string {
	var out []string
	for s != "" {
		at := len(s)
		if i := strings.IndexAny(s[1:], " :,"); i >= 0 {
			if at = i + 1; s[at] != ' ' {
				at++
			}
		}
		out = append(out, s[:at])
		s = s[at:]
	}
	return out
}
