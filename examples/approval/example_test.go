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
	"testing"

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

// carol approves refunds of up to $5,000, and nothing else.
// One answer may call several tools, and a rule without a tool asks about no call
// of one.
func carol(g *run.Gate) run.Verdict {
	v := run.Verdict{By: "carol", Approve: len(g.Proposed) > 0}
	for _, asked := range g.Proposed {
		var refund struct {
			Amount float64 `json:"amount_usd"`
		}
		err := json.Unmarshal(asked.Args, &refund)
		if asked.Tool != "issue_refund" || err != nil || refund.Amount > 5000 {
			v.Approve = false
		}
	}
	if !v.Approve {
		v.Comment = "this has to be done by hand"
	}
	return v
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
		for _, asked := range e.Gate.Proposed {
			fmt.Printf("%s wants %s(%s)\n", e.Agent, asked.Tool, asked.Args)
		}
		_, err := gw.Gates().Decide(ctx, e.Gate.ID, carol(e.Gate))
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

// Carol looks at all that would happen.
func TestCarol(t *testing.T) {
	call := func(tool, args string) run.Proposal { return run.Proposal{Tool: tool, Args: []byte(args)} }
	for name, c := range map[string]struct {
		proposed []run.Proposal
		want     bool
	}{
		"a refund":                        {[]run.Proposal{call("issue_refund", `{"amount_usd":1240}`)}, true},
		"two refunds":                     {[]run.Proposal{call("issue_refund", `{"amount_usd":1240}`), call("issue_refund", `{"amount_usd":600}`)}, true},
		"a refund, and one too many":      {[]run.Proposal{call("issue_refund", `{"amount_usd":1240}`), call("issue_refund", `{"amount_usd":9000}`)}, false},
		"a refund, and something else":    {[]run.Proposal{call("issue_refund", `{"amount_usd":1240}`), call("send_mail", `{}`)}, false},
		"a refund that cannot be read":    {[]run.Proposal{call("issue_refund", `{"amount_usd":`)}, false},
		"a request, which calls no tools": {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := carol(&run.Gate{Proposed: c.proposed}).Approve; got != c.want {
				t.Errorf("Approve is %t, want %t", got, c.want)
			}
		})
	}
}
