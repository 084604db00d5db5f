// Package anthropicsdk shows the official Anthropic SDK for Go under a gateway
// in the same process.
package anthropicsdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	governed "github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// The SDK is given an http.Client and nothing else. The gateway has the
// provider's key; what the SDK sends as one does not matter.
func Example() {
	p, err := policy.Parse([]byte(`{
		"name": "research",
		"budgets": [{"name": "stop_on_budget", "per": "run", "limit_usd": "0.01", "expected_output_tokens": 100}]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(p)
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&governed.Provider{APIKey: "sk-ant-your-key"}},
		Policy:    policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	client := anthropic.NewClient(
		option.WithHTTPClient(&http.Client{Transport: roundtrip.New(gw)}),
		option.WithAPIKey("unused"),
	)
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "researcher", ID: "nightly"})
	params := anthropic.MessageNewParams{
		Model:     "claude-sonnet-4-5",
		MaxTokens: 50,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Say hello."))},
	}

	// A plain call.
	answer, err := client.Messages.New(ctx, params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("plain: ", answer.Content[0].Text)

	// A stream.
	fmt.Print("stream: ")
	stream := client.Messages.NewStreaming(ctx, params)
	for stream.Next() {
		fmt.Print(stream.Current().Delta.Text)
	}
	fmt.Println()
	if err := stream.Err(); err != nil {
		log.Fatal(err)
	}

	// An agent that goes on and on, until its run has no money left.
	for err == nil {
		_, err = client.Messages.New(ctx, params)
	}
	var refused *anthropic.Error
	if !errors.As(err, &refused) {
		log.Fatal(err)
	}
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(refused.RawJSON()), &body); err != nil {
		log.Fatal(err)
	}
	fmt.Println(refused.StatusCode, body.Error.Code)
	fmt.Println(body.Error.Message)

	// Output:
	// plain:  Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other.
	// stream: Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other.
	// 402 budget_exceeded
	// Rungate: budget "stop_on_budget" of policy "research" has no room for this call in run "nightly": $0.00924 of $0.01 are spent and $0.00 reserved, and it needs about $0.000846. Start a new run, or ask an operator to raise the limit.
}
