package models

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicopt "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	openaiopt "github.com/openai/openai-go/v3/option"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	claude "github.com/rungate/rungate/provider/anthropic"
	gpt "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
)

// Each SDK asks for a model of the other vendor, and is answered in its own format.
func Example_calls() {
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&gpt.Provider{APIKey: "sk-your-key"}, &claude.Provider{APIKey: "sk-ant-your-key"}},
		Policy:    policy.AllowAll,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())
	client := &http.Client{Transport: roundtrip.New(gw)}
	ctx := context.Background()

	one := openai.NewClient(openaiopt.WithHTTPClient(client), openaiopt.WithAPIKey("unused"))
	completion, err := one.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model:    "claude-sonnet-5",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello.")},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("OpenAI: %s says: %s (%s)\n", completion.Model, completion.Choices[0].Message.Content, completion.Choices[0].FinishReason)

	other := anthropic.NewClient(anthropicopt.WithHTTPClient(client), anthropicopt.WithAPIKey("unused"))
	stream := other.Messages.NewStreaming(ctx, anthropic.MessageNewParams{
		Model:     "gpt-5.4-mini",
		MaxTokens: 100,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Say hello."))},
	})
	var message anthropic.Message
	for stream.Next() {
		if err := message.Accumulate(stream.Current()); err != nil {
			log.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Anthropic: %s says: %s (%s)\n", message.Model, message.Content[0].Text, message.StopReason)

	// Output:
	// OpenAI: claude-sonnet-5 says: Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other. (stop)
	// Anthropic: gpt-5.4-mini says: Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other. (end_turn)
}
