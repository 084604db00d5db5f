// Package openaisdk shows the official OpenAI SDK for Go under a gateway in the
// same process.
package openaisdk

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	governed "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// The SDK is given an http.Client and nothing else. The gateway has the
// provider's key; what the SDK sends as one does not matter.
func Example() {
	p, err := policy.Parse([]byte(`{
		"name": "research",
		"budgets": [{"name": "stop_on_budget", "per": "run", "limit_usd": "0.001", "expected_output_tokens": 100}]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(p)
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&governed.Provider{APIKey: "sk-your-key"}},
		Policy:    policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	client := openai.NewClient(
		option.WithHTTPClient(&http.Client{Transport: roundtrip.New(gw)}),
		option.WithAPIKey("unused"),
	)
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "researcher", ID: "nightly"})
	params := openai.ChatCompletionNewParams{
		Model:               openai.ChatModelGPT5_4Mini,
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")},
		MaxCompletionTokens: openai.Int(50),
	}

	// A plain call.
	answer, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("plain: ", answer.Choices[0].Message.Content)

	// A stream.
	fmt.Print("stream: ")
	stream := client.Chat.Completions.NewStreaming(ctx, params)
	for stream.Next() {
		if chunk := stream.Current(); len(chunk.Choices) > 0 {
			fmt.Print(chunk.Choices[0].Delta.Content)
		}
	}
	fmt.Println()
	if err := stream.Err(); err != nil {
		log.Fatal(err)
	}

	// An agent that goes on and on, until its run has no money left.
	for err == nil {
		_, err = client.Chat.Completions.New(ctx, params)
	}
	var refused *openai.Error
	if !errors.As(err, &refused) {
		log.Fatal(err)
	}
	fmt.Println(refused.StatusCode, refused.Code)
	fmt.Println(refused.Message)

	// Output:
	// plain:  Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other.
	// stream: Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other.
	// 402 budget_exceeded
	// Rungate: budget "stop_on_budget" of policy "research" has no room for this call in run "nightly": $0.0008715 of $0.001 are spent and $0.00 reserved, and it needs about $0.000234. Start a new run, or ask an operator to raise the limit.
}
