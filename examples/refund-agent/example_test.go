package refundagent

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

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

// approvals is the policy of the agent: a person approves large refunds.
const approvals = `{"name": "refunds", "rules": [
	{"name": "refund:over-$500", "tool": "issue_refund", "when": [{"arg": "amount_usd", "op": ">", "value": 500}],
	 "then": "approve", "expires": "1h"}]}`

// A large refund waits for a person, and the agent knows nothing of that: its call
// of the model takes its time. The person is a function here.
func Example() {
	document, err := policy.Parse([]byte(approvals))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(document)
	if err != nil {
		log.Fatal(err)
	}
	shop := NewShop(map[string]float64{"ord_2H4p": 1240})
	var gw *gateway.Gateway
	carol := func(ctx context.Context, e *run.Event) error {
		asked := e.Gate.Proposed[0]
		fmt.Printf("carol is asked about %s %s; refunded so far: $%.2f\n", asked.Tool, asked.Args, shop.Refunded("ord_2H4p"))
		_, err := gw.Gates().Decide(ctx, e.Gate.ID, run.Verdict{Approve: true, By: "carol", Comment: "The parcel came back."})
		return err
	}
	gw, err = gateway.New(gateway.Config{
		Providers: []provider.Provider{&governed.Provider{APIKey: "sk-your-key"}},
		Policy:    policies,
		Notifiers: []notify.Notifier{notify.Filter{Events: []string{"approval.pending"}, Notifier: notify.NotifierFunc(carol)}},
		Transport: &inproc.Transport{Handler: &fake.Provider{Script: model}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	transport := roundtrip.New(gw)
	transport.WaitForApproval = true
	agent := Agent{
		Client: openai.NewClient(option.WithHTTPClient(&http.Client{Transport: transport}), option.WithAPIKey("unused")),
		Model:  openai.ChatModelGPT5_4Mini,
		Tools:  shop.Tools(),
	}
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "refunds", ID: "ticket-17"})
	answer, err := agent.Work(ctx, "Customer 81 sent ord_2H4p back and wants their money.")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)

	// Output:
	// carol is asked about issue_refund {"order": "ord_2H4p", "amount_usd": 1240.00}; refunded so far: $0.00
	// Understood: {"order": "ord_2H4p", "refunded_usd": 1240.00}
}
