package refundagent

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/rungate/rungate/internal/fake"
)

// model is a model that looks an order up, refunds all that was paid for it, and
// repeats what it is told.
func model(_ *http.Request, body []byte) *fake.Reply {
	var asked struct {
		Messages []struct{ Role, Content string }
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		return &fake.Reply{Status: http.StatusBadRequest}
	}
	last := asked.Messages[len(asked.Messages)-1]
	var result struct {
		Order string
		Paid  float64 `json:"paid_usd"`
	}
	switch _ = json.Unmarshal([]byte(last.Content), &result); {
	case last.Role == "user":
		return calls("look_up_order", `{"order": "ord_2H4p"}`)
	case last.Role == "tool" && result.Paid > 0:
		return calls("issue_refund", fmt.Sprintf(`{"order": %q, "amount_usd": %.2f}`, result.Order, result.Paid))
	}
	return answers("stop", map[string]any{"role": "assistant", "content": "Understood: " + last.Content})
}

func calls(tool, arguments string) *fake.Reply {
	return answers("tool_calls", map[string]any{"role": "assistant", "content": nil, "tool_calls": []any{
		map[string]any{"id": "call_" + tool, "type": "function", "function": map[string]any{"name": tool, "arguments": arguments}},
	}})
}

func answers(finish string, message map[string]any) *fake.Reply {
	body, err := json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1777200000, "model": "gpt-4.1",
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
		"usage":   map[string]any{"prompt_tokens": 90, "completion_tokens": 20, "total_tokens": 110},
	})
	if err != nil {
		panic(err)
	}
	return &fake.Reply{Body: string(body)}
}
