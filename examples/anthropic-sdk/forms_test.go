package anthropicsdk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	governed "github.com/rungate/rungate/provider/anthropic"
)

// To the SDK, a recorded answer is the same in the form that it has and in the
// one that the dialect makes of it.
func TestForms(t *testing.T) {
	cases, err := recordings.All("anthropic.messages")
	require.NoError(t, err)
	same := 0
	for _, c := range cases {
		if c.Status != http.StatusOK {
			continue
		}
		body, stream := c.Response, c.Response
		if c.Stream {
			body, err = governed.Dialect{}.Whole(provider.Messages, stream)
		} else {
			stream, err = governed.Dialect{}.Streamed(provider.Messages, body, true)
		}
		if err != nil {
			continue // its own tests say which answers have one form only
		}
		t.Run(c.Name, func(t *testing.T) {
			whole, streamed := read(t, body), gather(t, stream)
			assert.JSONEq(t, marshal(t, whole), marshal(t, streamed))
			assert.JSONEq(t, whole.RawJSON(), streamed.RawJSON())
			same++
		})
	}
	assert.Greater(t, same, len(cases)*3/4)
}

// client returns one that gets the same answer to whatever it asks.
func client(kind string, answer []byte) anthropic.Client {
	return anthropic.NewClient(option.WithAPIKey("unused"), option.WithMaxRetries(0),
		option.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {kind}},
				Body: io.NopCloser(bytes.NewReader(answer)),
			}, nil
		})}))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// read has the SDK read a whole answer.
func read(t *testing.T, body []byte) *anthropic.BetaMessage {
	c := client("application/json", body)
	answer, err := c.Beta.Messages.New(context.Background(), anthropic.BetaMessageNewParams{MaxTokens: 1})
	require.NoError(t, err)
	return answer
}

// gather has the SDK gather an answer from a stream.
func gather(t *testing.T, stream []byte) *anthropic.BetaMessage {
	c := client("text/event-stream", stream)
	events := c.Beta.Messages.NewStreaming(context.Background(), anthropic.BetaMessageNewParams{MaxTokens: 1})
	var answer anthropic.BetaMessage
	for events.Next() {
		require.NoError(t, answer.Accumulate(events.Current()))
	}
	require.NoError(t, events.Err())
	return &answer
}

func marshal(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
