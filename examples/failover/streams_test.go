package failover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	claude "github.com/rungate/rungate/provider/anthropic"
	gpt "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
)

// An api is one that answers are recorded of.
type api struct {
	vendor   *vendor
	name     string
	dialect  provider.Dialect
	endpoint provider.Endpoint
	read     func(ctx context.Context, p place, model string, streamed bool) (any, error) // by the other vendor's SDK
}

var apis = []api{
	{openaiVendor, "openai.chat", gpt.Dialect{}, provider.Chat, readMessage},
	{anthropicVendor, "anthropic.messages", claude.Dialect{}, provider.Messages, readCompletion},
}

// oddities are streams of which there is no whole answer, and that the SDK reads all the
// same, with what it makes of them.
var oddities = map[string]string{
	"synthetic/anthropic-sse-unknown-event": `"content":"Sure — the weather in München is 12 °C 🌤"`,
	"synthetic/anthropic-sse-cut-mid-tool":  `"finish_reason":"length"`, // as OpenAI cuts calls off
	"synthetic/openai-sse-cut-mid-tool":     `"stop_reason":"max_tokens"`,
}

// To the other vendor's SDK, a recorded answer is the same whether it comes whole, or
// streamed and gathered by the SDK. What has failed is raised.
func TestStreamsAreAnswers(t *testing.T) {
	for _, a := range apis {
		cases, err := recordings.All(a.name)
		require.NoError(t, err)
		same := 0
		for _, c := range cases {
			if c.Status != http.StatusOK {
				continue
			}
			body, stream := c.Response, c.Response
			if c.Stream {
				body, err = a.dialect.Whole(a.endpoint, stream)
			} else {
				stream, err = a.dialect.Streamed(a.endpoint, body, true)
			}
			oneForm := err != nil
			t.Run(c.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					if oneForm && !c.Stream {
						return // its dialect's own tests say why
					}
					streamed, broken := a.serve(t, fake.Stream(string(stream)), true)
					if odd, ok := oddities[c.Name]; ok {
						require.NoError(t, broken)
						assert.Contains(t, streamed, odd)
						return
					}
					if oneForm {
						status, message := raised(t, broken)
						assert.Contains(t, []int{200, 502}, status)
						assert.NotEmpty(t, message)
						return
					}
					whole, wrong := a.serve(t, &fake.Reply{Body: string(body)}, false)
					if wrong != nil { // the other API has no words for it
						status, message := raised(t, wrong)
						assert.Equal(t, 502, status)
						assert.Contains(t, message, "broke off")
						raised(t, broken)
						return
					}
					require.NoError(t, broken)
					assert.JSONEq(t, whole, streamed)
					same++
				})
			})
		}
		assert.Greater(t, same, len(cases)*3/5)
	}
}

// raised returns what an SDK tells in its own way of an error: the status of the answer,
// and what is said.
func raised(t *testing.T, err error) (status int, message string) {
	t.Helper()
	require.Error(t, err)
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e.StatusCode, e.Message
	}
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok {
		return http.StatusOK, e.Message
	}
	if e, ok := errors.AsType[*anthropic.Error](err); ok {
		return e.StatusCode, e.Error()
	}
	require.Fail(t, "not an error of the SDK's", "%T %v", err, err)
	return 0, ""
}

// serve lets the vendor give a reply to the other vendor's SDK, and returns what that
// has read.
func (a *api) serve(t *testing.T, reply *fake.Reply, streamed bool) (string, error) {
	t.Helper()
	model := &fake.Provider{Script: func(*http.Request, []byte) *fake.Reply { return reply }}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&gpt.Provider{APIKey: "sk-one"}, &claude.Provider{APIKey: "sk-two"}},
		Policy:    policy.AllowAll,
		Transport: &inproc.Transport{Handler: model},
	})
	require.NoError(t, err)
	defer gw.Close(context.Background())
	got, err := a.read(t.Context(), place{client: &http.Client{Transport: roundtrip.New(gw)}, token: "unused"}, a.vendor.target(), streamed)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(got)
	require.NoError(t, err)
	return string(b), nil
}

// readCompletion reads an answer by OpenAI's SDK.
func readCompletion(ctx context.Context, p place, model string, streamed bool) (any, error) {
	a := newOpenAIAgent(p, model, streamed).(*openaiAgent)
	answer, err := completed(ctx, &a.client, a.params, streamed)
	if err != nil {
		return nil, err
	}
	for i := range answer.Choices { // what the SDK does not gather from a stream
		c := &answer.Choices[i]
		c.Message.Annotations = nil
		c.Message.Audio = openai.ChatCompletionAudio{}
		for i := range c.Message.ToolCalls {
			c.Message.ToolCalls[i].Custom = openai.ChatCompletionMessageCustomToolCallCustom{}
		}
	}
	return answer, nil
}

// readMessage reads an answer by Anthropic's SDK.
func readMessage(ctx context.Context, p place, model string, streamed bool) (any, error) {
	a := newAnthropicAgent(p, model, streamed).(*anthropicAgent)
	answer, err := messaged(ctx, &a.client, a.params, streamed)
	if err != nil {
		return nil, err
	}
	return []any{answer, json.RawMessage(answer.RawJSON())}, nil
}

// An error in a stream of the other vendor's is raised by the SDK, wherever it comes; and
// so is the end of a stream that is not complete.
func TestErrorsInStreams(t *testing.T) {
	for _, a := range apis {
		for n, turn := range dialogue {
			events := a.vendor.events(n, turn)
			for i := range events {
				for _, end := range []struct {
					name    string
					reply   *fake.Reply
					message string
				}{
					{"error", &fake.Reply{Events: append(events[:i:i], a.vendor.failed)}, a.vendor.complaint},
					{"end", &fake.Reply{Events: events[:i:i]}, "broke off"},
					{"break", breaksOff(i-a.vendor.lead)(a.vendor, n, true), "broke off"},
				} {
					t.Run(fmt.Sprintf("%s/turn %d/%s after %d events", a.name, n, end.name, i), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							_, err := a.serve(t, end.reply, true)
							if end.name == "end" && i >= len(events)-a.vendor.spare {
								require.NoError(t, err)
								return
							}
							status, message := raised(t, err)
							assert.Contains(t, message, end.message)
							if end.name == "error" {
								assert.Equal(t, 200, status)
							} else if i <= a.vendor.lead {
								assert.Equal(t, 502, status, "nothing has been sent yet")
							}
						})
					})
				}
			}
		}
	}
}
