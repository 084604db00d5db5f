package openai_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func TestRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		refusal provider.Refusal
		want    string
	}{
		"with context": {
			provider.Refusal{Code: "budget_exceeded", Message: `Rungate: run "a" is out of budget`, Context: []byte(`{"run_id":"a"}`), RequestID: "req_1"},
			`{"error":{"message":"Rungate: run \"a\" is out of budget","type":"budget_exceeded","param":null,"code":"budget_exceeded","context":{"run_id":"a"}}}`,
		},
		"without": {
			provider.Refusal{Code: "invalid_request", Message: "Rungate: no"},
			`{"error":{"message":"Rungate: no","type":"invalid_request","param":null,"code":"invalid_request"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, string(openai.Dialect{}.Refusal(&c.refusal)))
		})
	}
}

func TestStreamError(t *testing.T) {
	refusal := provider.Refusal{Code: "upstream_timeout", Message: "Rungate: no answer", Context: []byte("{\n}")}
	for endpoint, want := range map[provider.Endpoint]string{
		provider.Chat: `data: {"error":{"message":"Rungate: no answer","type":"upstream_timeout","param":null,"code":"upstream_timeout","context":{ }}}` + "\n\n",
		provider.Responses: "event: error\n" +
			`data: {"type":"error","code":"upstream_timeout","message":"Rungate: no answer","param":null,"sequence_number":0,` +
			`"error":{"message":"Rungate: no answer","type":"upstream_timeout","param":null,"code":"upstream_timeout","context":{ }}}` + "\n\n",
	} {
		assert.Equal(t, want, string(openai.Dialect{}.StreamError(endpoint, &refusal)), endpoint)
	}
}
