package openaisdk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	governed "github.com/rungate/rungate/provider/openai"
)

// To the SDK, a recorded answer is the same in the form that it has and in the
// one that the dialect makes of it.
func TestForms(t *testing.T) {
	for _, api := range []struct {
		name     string
		endpoint provider.Endpoint
		whole    func(*testing.T, openai.Client) any
		streamed func(*testing.T, openai.Client) any
	}{
		{"openai.chat", provider.Chat, wholeChat, streamedChat},
		{"openai.responses", provider.Responses, wholeResponse, streamedResponse},
	} {
		cases, err := recordings.All(api.name)
		require.NoError(t, err)
		same := 0
		for _, c := range cases {
			if c.Status != http.StatusOK {
				continue
			}
			body, stream := c.Response, c.Response
			if c.Stream {
				body, err = governed.Dialect{}.Whole(api.endpoint, stream)
			} else {
				stream, err = governed.Dialect{}.Streamed(api.endpoint, body, true)
			}
			if err != nil {
				continue // its own tests say which answers have one form only
			}
			t.Run(c.Name, func(t *testing.T) {
				whole, streamed := api.whole(t, client("application/json", body)), api.streamed(t, client("text/event-stream", stream))
				assert.JSONEq(t, marshal(t, whole), marshal(t, streamed))
				same++
			})
		}
		assert.Greater(t, same, len(cases)/2)
	}
}

// client returns one that gets the same answer to whatever it asks.
func client(kind string, answer []byte) openai.Client {
	return openai.NewClient(option.WithAPIKey("unused"), option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {kind}},
				Body: io.NopCloser(bytes.NewReader(answer)),
			}, nil
		})}))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func marshal(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func wholeChat(t *testing.T, c openai.Client) any {
	answer, err := c.Chat.Completions.New(context.Background(), openai.ChatCompletionNewParams{})
	require.NoError(t, err)
	return gathered(answer)
}

func streamedChat(t *testing.T, c openai.Client) any {
	var answer openai.ChatCompletionAccumulator
	stream := c.Chat.Completions.NewStreaming(context.Background(), openai.ChatCompletionNewParams{})
	for stream.Next() {
		chunk := stream.Current()
		require.True(t, answer.AddChunk(chunk))
		if chunk.JSON.Usage.Valid() {
			answer.Usage = chunk.Usage // of which the SDK adds up a part only
		}
	}
	require.NoError(t, stream.Err())
	return gathered(&answer.ChatCompletion)
}

// gathered leaves of an answer what the SDK gathers from a stream.
func gathered(answer *openai.ChatCompletion) any {
	answer.Moderation = openai.ChatCompletionModeration{}
	for i := range answer.Choices {
		c := &answer.Choices[i]
		c.Message.Annotations = nil
		c.Message.Audio = openai.ChatCompletionAudio{}
		c.Message.FunctionCall = openai.ChatCompletionMessageFunctionCall{} //nolint:staticcheck // deprecated, and still sent
		for i := range c.Message.ToolCalls {
			c.Message.ToolCalls[i].Custom = openai.ChatCompletionMessageCustomToolCallCustom{}
		}
		c.Logprobs.Content = append([]openai.ChatCompletionTokenLogprob{}, c.Logprobs.Content...)
		c.Logprobs.Refusal = append([]openai.ChatCompletionTokenLogprob{}, c.Logprobs.Refusal...)
	}
	return answer
}

func wholeResponse(t *testing.T, c openai.Client) any {
	answer, err := c.Responses.New(context.Background(), responses.ResponseNewParams{})
	require.NoError(t, err)
	return answer
}

// streamedResponse returns the response at the end of a stream. What the SDK has
// gathered before is the same.
func streamedResponse(t *testing.T, c openai.Client) any {
	var answer responses.ResponseAccumulator
	var before responses.ResponseAccumulatorSnapshot
	stream := c.Responses.NewStreaming(context.Background(), responses.ResponseNewParams{})
	for n := int64(0); stream.Next(); n++ {
		require.Equal(t, n, stream.Current().SequenceNumber)
		var event responses.ResponsesServerEventUnion
		require.NoError(t, json.Unmarshal([]byte(stream.Current().RawJSON()), &event))
		before = answer.Snapshot()
		require.NoError(t, answer.AddEvent(event), event.RawJSON())
	}
	require.NoError(t, stream.Err())
	after := answer.Snapshot()
	assert.Equal(t, after.Output, before.Output)
	response, err := answer.ReconstructedResponse()
	require.NoError(t, err)
	return response
}
