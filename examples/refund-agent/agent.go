// Package refundagent is an agent that looks orders up and refunds them, in Go and
// in Python (refund_agent.py), as a program to start from.
//
// Neither knows which refunds a person has to approve: the policy of the gateway
// says so. An agent's part is to let its call wait for the decision, and to read
// what a person has decided against.
package refundagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

// An Agent works on tasks by a model and tools. It is safe for concurrent use if
// its tools are.
type Agent struct {
	// Client reaches the model through a gateway, by a transport that waits for
	// approvals: see the example.
	Client openai.Client

	Model string
	Tools []Tool
}

// A Tool is what a model may call.
type Tool struct {
	Name       string
	Parameters map[string]any // a JSON schema

	// Call returns what the model is told. An error is told, too.
	Call func(ctx context.Context, arguments string) (string, error)
}

// maxSteps is how often the model is asked in one task.
const maxSteps = 20

// Work has the model work on a task until it calls no more tools, and returns what
// it says in the end. What the context says of the run holds for all of it.
func (a *Agent) Work(ctx context.Context, task string) (string, error) {
	params := openai.ChatCompletionNewParams{
		Model:    a.Model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(task)},
		Tools:    a.tools(),
	}
	for range maxSteps {
		answer, err := a.Client.Chat.Completions.New(ctx, params) // takes as long as a person does
		if no, ok := notApproved(err); ok {
			params.Messages = append(params.Messages, openai.DeveloperMessage(no))
			continue
		}
		if err != nil {
			return "", err
		}
		message := answer.Choices[0].Message
		if len(message.ToolCalls) == 0 {
			return message.Content, nil
		}
		params.Messages = append(params.Messages, message.ToParam())
		for _, c := range message.ToolCalls {
			params.Messages = append(params.Messages, openai.ToolMessage(a.call(ctx, c.Function), c.ID))
		}
	}
	return "", fmt.Errorf("not done after %d steps", maxSteps)
}

// tools is what the model is told of the tools.
func (a *Agent) tools() []openai.ChatCompletionToolUnionParam {
	told := make([]openai.ChatCompletionToolUnionParam, len(a.Tools))
	for i, t := range a.Tools {
		told[i] = openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: t.Name, Parameters: t.Parameters})
	}
	return told
}

// call calls a tool. What goes wrong is for the model to know.
func (a *Agent) call(ctx context.Context, f openai.ChatCompletionMessageFunctionToolCallFunction) string {
	for _, t := range a.Tools {
		if t.Name != f.Name {
			continue
		}
		result, err := t.Call(ctx, f.Arguments)
		if err != nil {
			return "error: " + err.Error()
		}
		return result
	}
	return "error: there is no such tool"
}

// notApproved returns what to tell the model if a call has failed since a person
// has rejected what it wanted to do, or nobody has decided in time.
func notApproved(err error) (string, bool) {
	var refused *openai.Error
	if !errors.As(err, &refused) {
		return "", false
	}
	var said struct {
		Context struct {
			Action    json.RawMessage `json:"proposed_action"`
			DecidedBy string          `json:"decided_by"`
			Reason    string          `json:"reason"`
		} `json:"context"`
	}
	if err := json.Unmarshal([]byte(refused.RawJSON()), &said); err != nil {
		return "", false
	}
	c := &said.Context
	switch refused.Code {
	case "approval_rejected":
		return fmt.Sprintf("%s has rejected %s, and says: %q. Go on without it.", c.DecidedBy, c.Action, c.Reason), true
	case "approval_expired":
		return fmt.Sprintf("Nobody has decided in time about %s. Go on without it.", c.Action), true
	}
	return "", false
}
