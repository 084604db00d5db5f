package failover

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicopt "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	openaiopt "github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// An agent has one conversation, by the SDK of its vendor.
type agent interface {
	ask(context.Context) (*answer, error) // asks for the next turn
	tell([]result)                        // tells it what its calls have returned
}

// An answer is what an SDK has made of one.
type answer struct {
	turn
	ids    []string // of the calls
	end    string
	served string // what the header says
}

type result struct{ id, text string }

// A place is where an SDK finds the gateway.
type place struct {
	client *http.Client
	base   string // of the URL, without /v1; empty is the vendor's own
	token  string
	header http.Header
}

// A talk is a conversation that has ended.
type talk struct {
	turns    []*answer
	executed []call
	errors   map[int]error // that were raised, by the turn
}

// work lets an agent call its tools until it has an answer. A turn in which an error is
// raised is asked for once more. Next is told before which turn is asked for.
func work(t *testing.T, a agent, next func(n int)) *talk {
	t.Helper()
	ctx := run.NewContext(t.Context(), run.Ref{Agent: "support"}) // which is for roundtrip
	done := &talk{errors: map[int]error{}}
	for n := 0; ; n++ {
		require.Less(t, n, len(dialogue), "the conversation does not end")
		next(n)
		got, err := a.ask(ctx)
		if err != nil {
			done.errors[n] = err
			next(n)
			got, err = a.ask(ctx)
		}
		require.NoError(t, err)
		done.turns = append(done.turns, got)
		if len(got.calls) == 0 {
			return done
		}
		var results []result
		for i, c := range got.calls {
			done.executed = append(done.executed, c)
			results = append([]result{{got.ids[i], perform(c)}}, results...)
		}
		a.tell(results)
	}
}

// An openaiAgent is one with OpenAI's SDK.
type openaiAgent struct {
	client   openai.Client
	params   openai.ChatCompletionNewParams
	streamed bool
}

func newOpenAIAgent(p place, model string, streamed bool) agent {
	options := []openaiopt.RequestOption{openaiopt.WithHTTPClient(p.client), openaiopt.WithAPIKey(p.token)}
	if p.base != "" {
		options = append(options, openaiopt.WithBaseURL(p.base+"/v1"))
	}
	for name, values := range p.header {
		options = append(options, openaiopt.WithHeader(name, values[0]))
	}
	a := &openaiAgent{client: openai.NewClient(options...), streamed: streamed, params: openai.ChatCompletionNewParams{
		Model:               model,
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("You help customers."), openai.UserMessage(question)},
		MaxCompletionTokens: openai.Int(1000),
	}}
	for _, name := range []string{"track_parcel", "open_claim"} {
		var schema openai.FunctionParameters
		if err := json.Unmarshal([]byte(schemas[name]), &schema); err != nil {
			panic(err)
		}
		a.params.Tools = append(a.params.Tools, openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: name, Parameters: schema}))
	}
	if streamed {
		a.params.StreamOptions.IncludeUsage = openai.Bool(true)
	}
	return a
}

func (a *openaiAgent) ask(ctx context.Context) (*answer, error) {
	var resp *http.Response
	completion, err := completed(ctx, &a.client, a.params, a.streamed, openaiopt.WithResponseInto(&resp))
	if err != nil {
		return nil, err
	}
	m := completion.Choices[0].Message
	a.params.Messages = append(a.params.Messages, m.ToParam())
	got := &answer{
		turn:   turn{text: m.Content, in: completion.Usage.PromptTokens, out: completion.Usage.CompletionTokens},
		end:    completion.Choices[0].FinishReason,
		served: resp.Header.Get("X-Rungate-Served-By"),
	}
	for _, c := range m.ToolCalls {
		got.calls = append(got.calls, call{c.Function.Name, c.Function.Arguments})
		got.ids = append(got.ids, c.ID)
	}
	return got, nil
}

func (a *openaiAgent) tell(results []result) {
	for _, r := range results {
		a.params.Messages = append(a.params.Messages, openai.ToolMessage(r.text, r.id))
	}
}

// completed is the answer to a request, which is gathered if it is streamed.
func completed(ctx context.Context, client *openai.Client, params openai.ChatCompletionNewParams, streamed bool, options ...openaiopt.RequestOption) (*openai.ChatCompletion, error) {
	if !streamed {
		return client.Chat.Completions.New(ctx, params, options...)
	}
	stream := client.Chat.Completions.NewStreaming(ctx, params, options...)
	defer stream.Close()
	var answer openai.ChatCompletionAccumulator
	for stream.Next() {
		chunk := stream.Current()
		if !answer.AddChunk(chunk) {
			return nil, errors.New("the SDK cannot place a chunk: " + chunk.RawJSON())
		}
		if chunk.JSON.Usage.Valid() {
			answer.Usage = chunk.Usage // of which the SDK adds up a part only
		}
	}
	return &answer.ChatCompletion, stream.Err()
}

// An anthropicAgent is one with Anthropic's SDK.
type anthropicAgent struct {
	client   anthropic.Client
	params   anthropic.MessageNewParams
	streamed bool
}

func newAnthropicAgent(p place, model string, streamed bool) agent {
	options := []anthropicopt.RequestOption{anthropicopt.WithHTTPClient(p.client), anthropicopt.WithAPIKey(p.token)}
	if p.base != "" {
		options = append(options, anthropicopt.WithBaseURL(p.base))
	}
	for name, values := range p.header {
		options = append(options, anthropicopt.WithHeader(name, values[0]))
	}
	a := &anthropicAgent{client: anthropic.NewClient(options...), streamed: streamed, params: anthropic.MessageNewParams{
		Model:     model,
		System:    []anthropic.TextBlockParam{{Text: "You help customers."}},
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))},
		MaxTokens: 1000,
	}}
	for _, name := range []string{"track_parcel", "open_claim"} {
		var schema anthropic.ToolInputSchemaParam
		if err := json.Unmarshal([]byte(schemas[name]), &schema); err != nil {
			panic(err)
		}
		a.params.Tools = append(a.params.Tools, anthropic.ToolUnionParamOfTool(schema, name))
	}
	return a
}

func (a *anthropicAgent) ask(ctx context.Context) (*answer, error) {
	var resp *http.Response
	m, err := messaged(ctx, &a.client, a.params, a.streamed, anthropicopt.WithResponseInto(&resp))
	if err != nil {
		return nil, err
	}
	a.params.Messages = append(a.params.Messages, m.ToParam())
	got := &answer{
		turn:   turn{in: m.Usage.InputTokens, out: m.Usage.OutputTokens},
		end:    string(m.StopReason),
		served: resp.Header.Get("X-Rungate-Served-By"),
	}
	for _, b := range m.Content {
		switch b := b.AsAny().(type) {
		case anthropic.TextBlock:
			got.text += b.Text
		case anthropic.ToolUseBlock:
			got.calls = append(got.calls, call{b.Name, string(b.Input)})
			got.ids = append(got.ids, b.ID)
		}
	}
	return got, nil
}

func (a *anthropicAgent) tell(results []result) {
	var blocks []anthropic.ContentBlockParamUnion
	for _, r := range results {
		blocks = append(blocks, anthropic.NewToolResultBlock(r.id, r.text, false))
	}
	a.params.Messages = append(a.params.Messages, anthropic.NewUserMessage(blocks...))
}

// messaged is the answer to a request, which is gathered if it is streamed.
func messaged(ctx context.Context, client *anthropic.Client, params anthropic.MessageNewParams, streamed bool, options ...anthropicopt.RequestOption) (*anthropic.Message, error) {
	if !streamed {
		return client.Messages.New(ctx, params, options...)
	}
	stream := client.Messages.NewStreaming(ctx, params, options...)
	defer stream.Close()
	var answer anthropic.Message
	for stream.Next() {
		if err := answer.Accumulate(stream.Current()); err != nil {
			return nil, err
		}
	}
	return &answer, stream.Err()
}
