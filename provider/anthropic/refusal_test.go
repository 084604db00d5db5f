package anthropic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

func TestRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		refusal provider.Refusal
		want    string
	}{
		"with context": {
			provider.Refusal{Code: "budget_exceeded", Message: `Rungate: run "a" is out of budget`, Context: []byte(`{"run_id":"a"}`), RequestID: "req_1"},
			`{"type":"error","error":{"type":"budget_exceeded","message":"Rungate: run \"a\" is out of budget","code":"budget_exceeded","details":{"error_code":"budget_exceeded"},"context":{"run_id":"a"}},"request_id":"req_1"}`,
		},
		"without": {
			provider.Refusal{Code: "invalid_request", Message: "Rungate: no"},
			`{"type":"error","error":{"type":"invalid_request","message":"Rungate: no","code":"invalid_request","details":{"error_code":"invalid_request"}},"request_id":null}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, string(anthropic.Dialect{}.Refusal(&c.refusal)))
		})
	}
}

func TestStreamError(t *testing.T) {
	got := anthropic.Dialect{}.StreamError(provider.Messages, &provider.Refusal{Code: "upstream_timeout", Message: "Rungate: no answer", RequestID: "req_1"})
	assert.Equal(t, "event: error\n"+
		`data: {"type":"error","error":{"type":"upstream_timeout","message":"Rungate: no answer","code":"upstream_timeout","details":{"error_code":"upstream_timeout"}}}`+"\n\n", string(got))
}
