// Package approval shows an agent whose large refunds a person has to approve, in
// the process of the program that asks the person.
package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	governed "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// carol is who is asked. She approves up to $5,000.
func carol(p run.Proposal) run.Verdict {
	var refund struct {
		Amount float64 `json:"amount_usd"`
	}
	if err := json.Unmarshal(p.Args, &refund); err != nil || refund.Amount > 5000 {
		return run.Verdict{By: "carol", Comment: "this has to be done by hand"}
	}
	return run.Verdict{Approve: true, By: "carol"}
}

// The agent knows nothing of approvals: a call that needs one takes its time. The
// program is told of it, and decides.
func Example() {
	p, err := policy.Parse([]byte(`{
		"name": "refunds",
		"rules": [{"name": "refund:over-$500", "tool": "issue_refund", "when": [{"arg": "amount_usd", "op": ">", "value": 500}], "then": "approve"}]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(p)
	if err != nil {
		log.Fatal(err)
	}

	var gw *gateway.Gateway
	decide := func(ctx context.Context, e *run.Event) error {
		asked := e.Gate.Proposed[0]
		fmt.Printf("%s wants %s(%s)\n", e.Agent, asked.Tool, asked.Args)
		_, err := gw.Gates().Decide(ctx, e.Gate.ID, carol(asked))
		return err
	}
	gw, err = gateway.New(gateway.Config{
		Providers: []provider.Provider{&governed.Provider{APIKey: "sk-your-key"}},
		Policy:    policies,
		Notifiers: []notify.Notifier{notify.Filter{Events: []string{"approval.pending"}, Notifier: notify.NotifierFunc(decide)}},
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	transport := roundtrip.New(gw)
	transport.WaitForApproval = true // as long as the call's context lasts
	client := openai.NewClient(option.WithHTTPClient(&http.Client{Transport: transport}), option.WithAPIKey("unused"))
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "helpdesk", ID: "ticket-17"})

	for _, amount := range []string{"$20", "$1240", "$9000"} {
		answer, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
			Model:    "gpt-4.1",
			Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Refund " + amount + " for order ord_2H4p.")},
			Tools: []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
				Name: "issue_refund",
				Parameters: shared.FunctionParameters{"type": "object", "required": []string{"order", "amount_usd"}, "properties": map[string]any{
					"order": map[string]any{"type": "string"}, "amount_usd": map[string]any{"type": "number"},
				}},
			})},
		})
		var refused *openai.Error
		switch {
		case errors.As(err, &refused):
			fmt.Println("refused:", refused.Code)
		case err != nil:
			log.Fatal(err)
		default:
			call := answer.Choices[0].Message.ToolCalls[0].Function
			fmt.Printf("the agent may do %s(%s)\n", call.Name, call.Arguments)
		}
	}

	// Output:
	// the agent may do issue_refund({"amount_usd":20,"order":"ord_2H4p"})
	// helpdesk wants issue_refund({"amount_usd":1240,"order":"ord_2H4p"})
	// the agent may do issue_refund({"amount_usd":1240,"order":"ord_2H4p"})
	// helpdesk wants issue_refund({"amount_usd":9000,"order":"ord_2H4p"})
	// refused: approval_rejected
}
