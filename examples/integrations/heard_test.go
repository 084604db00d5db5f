//go:build clients

package integrations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/fake"
)

// heard is what a provider was told, a line for each thing, by its own reading of the
// request: it insists on the rules of its API for the calls of tools and their results.
func heard(t *testing.T, r *fake.Request) []string {
	t.Helper()
	if strings.HasSuffix(r.Path, "/messages") {
		return heardMessages(t, r.Body)
	}
	return heardChat(t, r.Body)
}

func heardChat(t *testing.T, body []byte) (lines []string) {
	t.Helper()
	var request struct {
		Messages []struct {
			Role      string
			Content   *string
			ToolCalls []struct {
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
			ToolCallID string `json:"tool_call_id"`
		}
	}
	require.NoError(t, json.Unmarshal(body, &request), "%s", body)
	var waiting []string // ids of calls that want their results now
	calls := 0
	for _, m := range request.Messages {
		if m.Role == "tool" {
			i := slices.Index(waiting, m.ToolCallID)
			require.Zero(t, i, "the results of tools come in the order of the calls: %s", body)
			waiting = waiting[1:]
			lines = append(lines, fmt.Sprintf("result of call %d: %s", calls-len(waiting)-1, *m.Content))
			continue
		}
		require.Empty(t, waiting, "calls without results: %s", body)
		if m.Content != nil {
			lines = append(lines, m.Role+": "+*m.Content)
		}
		calls = len(m.ToolCalls)
		for _, c := range m.ToolCalls {
			assert.Equal(t, "function", c.Type)
			assert.NotContains(t, waiting, c.ID)
			waiting = append(waiting, c.ID)
			lines = append(lines, "call: "+c.Function.Name+" "+compact(t, []byte(c.Function.Arguments)))
		}
	}
	require.Empty(t, waiting, "calls without results: %s", body)
	return lines
}

func heardMessages(t *testing.T, body []byte) (lines []string) {
	t.Helper()
	type block struct {
		Type, Text, ID, Name string
		Input                json.RawMessage
		ToolUseID            string `json:"tool_use_id"`
		Content              json.RawMessage
	}
	// A text may stand in place of blocks.
	read := func(raw json.RawMessage) (blocks []block) {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return []block{{Type: "text", Text: s}}
		}
		require.NoError(t, json.Unmarshal(raw, &blocks), "%s", body)
		return blocks
	}
	var request struct {
		System   json.RawMessage
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	require.NoError(t, json.Unmarshal(body, &request), "%s", body)
	for _, b := range read(request.System) {
		lines = append(lines, "system: "+b.Text)
	}
	var calls []string
	for i, m := range request.Messages {
		assert.Equal(t, []string{"user", "assistant"}[i%2], m.Role, "the roles alternate: %s", body)
		results := 0
		for j, b := range read(m.Content) {
			switch b.Type {
			case "text":
				lines = append(lines, m.Role+": "+b.Text)
			case "tool_use":
				assert.NotContains(t, calls, b.ID)
				calls = append(calls, b.ID)
				lines = append(lines, "call: "+b.Name+" "+compact(t, b.Input))
			case "tool_result":
				assert.Equal(t, results, j, "results come before anything else: %s", body)
				at := slices.Index(calls, b.ToolUseID)
				assert.Equal(t, results, at, "the results are in the order of the calls: %s", body)
				results++
				for _, part := range read(b.Content) {
					lines = append(lines, fmt.Sprintf("result of call %d: %s", at, part.Text))
				}
			default:
				assert.Fail(t, "a block of another type", "%s", body)
			}
		}
		if m.Role == "user" {
			assert.Equal(t, len(calls), results, "each call has its result: %s", body)
			calls = nil
		}
	}
	assert.Empty(t, calls, "calls without results: %s", body)
	return lines
}

// compact is JSON without white space, its characters as they are. What is no JSON
// stays as it is.
func compact(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(v))
	return strings.TrimSpace(b.String())
}

// got is what an agent of either SDK was answered, as a turn.
func got(t *testing.T, answer []byte) (got turn, end string) {
	t.Helper()
	var a struct {
		Choices []struct {
			Message struct {
				Content   string
				ToolCalls []struct {
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
			FinishReason string `json:"finish_reason"`
		}
		Content []struct {
			Type, Text, Name string
			Input            json.RawMessage
		}
		StopReason string `json:"stop_reason"`
		Usage      struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Input      int64 `json:"input_tokens"`
			Output     int64 `json:"output_tokens"`
		}
	}
	require.NoError(t, json.Unmarshal(answer, &a), "%s", answer)
	got.in, got.out = a.Usage.Prompt+a.Usage.Input, a.Usage.Completion+a.Usage.Output
	for _, c := range a.Choices {
		got.text, end = c.Message.Content, c.FinishReason
		for _, call := range c.Message.ToolCalls {
			got.calls = append(got.calls, toolCall{name: call.Function.Name, args: compact(t, []byte(call.Function.Arguments))})
		}
	}
	for _, b := range a.Content {
		switch b.Type {
		case "text":
			got.text += b.Text
		case "tool_use":
			got.calls = append(got.calls, toolCall{name: b.Name, args: compact(t, b.Input)})
		default:
			assert.Fail(t, "a block of another type", "%s", answer)
		}
		end = a.StopReason
	}
	return got, end
}
