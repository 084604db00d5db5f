package anthropic

import (
	"bytes"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// failure is the body of an error.
func failure(kind, message string) string {
	body, _ := json.Marshal(map[string]any{
		"type": "error", "request_id": "req_1", "error": map[string]any{"type": kind, "message": message},
	})
	return string(body)
}

// detailed is the body of an error with a code.
func detailed(kind, code string) string {
	body, _ := json.Marshal(map[string]any{
		"type": "error", "error": map[string]any{"type": kind, "message": "x", "details": map[string]any{"error_code": code}},
	})
	return string(body)
}

func TestFault(t *testing.T) {
	const invalid, limited = "invalid_request_error", "rate_limit_error"
	for name, c := range map[string]struct {
		status int
		body   string
		want   provider.Fault
	}{
		// What the account is to blame for (litellm #16092, posthog #66298).
		"a 400 that is an empty account":        {400, failure(invalid, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."), provider.OutOfFunds},
		"a 400 that is a spend limit":           {400, failure(invalid, "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."), provider.OutOfFunds},
		"a 400 that is a workspace's limit":     {400, failure(invalid, "You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."), provider.OutOfFunds},
		"402":                                   {402, failure("billing_error", "There is an issue with your billing or payment information."), provider.OutOfFunds},
		"402 without a body":                    {402, "", provider.OutOfFunds},
		"a contract's limit":                    {402, detailed("billing_error", "contract_spend_limit_reached"), provider.OutOfFunds},
		"a 429 that never clears: a tier's cap": {429, detailed(limited, "enforced_spend_limit_reached"), provider.OutOfFunds},
		"somebody else's limit, who would pay":  {402, detailed("billing_error", "linked_organization_spend_limit_reached"), provider.Rejected},
		"a wrong key":                           {401, failure("authentication_error", "invalid x-api-key"), provider.Denied},
		"a key that may not do that":            {403, failure("permission_error", "Your API key does not have permission to use the specified resource."), provider.Denied},
		"a 400 that is a suspended account":     {400, failure(invalid, "This organization has been disabled."), provider.Denied},
		"an account on hold":                    {403, detailed("permission_error", "organization_on_hold"), provider.Denied},
		"an encryption key that is disabled":    {400, detailed(invalid, "cmek_key_disabled"), provider.Denied},
		"an encryption key out of reach":        {500, detailed("api_error", "cmek_key_unreachable"), provider.Overloaded},
		"a limit on requests":                   {429, failure(limited, "This request would exceed your organization's rate limit of 50 requests per minute."), provider.RateLimited},
		"a limit on how fast one may grow":      {429, detailed(limited, "ramp_limit_exceeded"), provider.RateLimited},
		"a limit on long inputs":                {429, failure(limited, "Extra usage is required for long context requests."), provider.TooLong},
		"an error of the server":                {500, failure("api_error", "Internal server error"), provider.Overloaded},
		"a timeout":                             {504, failure("timeout_error", "Request timed out"), provider.Overloaded},
		"529 (openclaw #49079)":                 {529, failure("overloaded_error", "Overloaded"), provider.Overloaded},
		"529 without a body":                    {529, "", provider.Overloaded},
		"408":                                   {408, "", provider.Overloaded},
		"an edge's 520 (laravel #884)":          {520, "<html><title>520: Web server is returning an unknown error</title>", provider.Overloaded},
		"an edge's 403":                         {403, "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>", provider.Overloaded},
		"an unknown model":                      {404, failure("not_found_error", "model: claude-does-not-exist"), provider.UnknownModel},
		"no such file":                          {404, failure("not_found_error", "File not found: file_011"), provider.Rejected},
		"no such container":                     {404, failure("not_found_error", "Container container_1 was not found"), provider.Rejected},
		"no such thread":                        {404, detailed("not_found_error", "thread_not_found"), provider.Rejected},
		"too long":                              {400, failure(invalid, "prompt is too long: 210000 tokens > 200000 maximum"), provider.TooLong},
		"too long together with the output":     {400, failure(invalid, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again"), provider.TooLong},
		"too many bytes":                        {413, failure("request_too_large", "Request exceeds the maximum size"), provider.Rejected},
		"more output than there is":             {400, failure(invalid, "max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens for claude-opus-4"), provider.Rejected},
		"a turn without thinking":               {400, failure(invalid, "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block."), provider.UnsignedHistory},
		"a turn without thinking, other words":  {400, failure(invalid, "messages.3.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`."), provider.UnsignedHistory},
		"thinking that another has signed":      {400, failure(invalid, "messages.1.content.0: Invalid `signature` in `thinking` block"), provider.UnsignedHistory},
		"thinking that was changed":             {400, failure(invalid, "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response."), provider.UnsignedHistory},
		"a prefill":                             {400, failure(invalid, "This model does not support assistant message prefill. The conversation must end with a user message."), provider.Rejected},
		"results without their calls":           {400, failure(invalid, "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1"), provider.Rejected},
		"a conflict":                            {409, failure(invalid, "x"), provider.Rejected},

		// What an agent has sent may be quoted, and takes no target from the others.
		"a quoted balance": {400, failure(invalid, "tools.0.name: 'Your credit balance is too low' does not match '^[a-zA-Z0-9_-]{1,128}$'"), provider.Rejected},
		"a quoted limit":   {400, failure(invalid, "Unexpected value(s) `You have reached your specified API usage limits` for the `anthropic-beta` header."), provider.Rejected},
		"a quoted ban":     {400, failure(invalid, "messages.0.role: this organization has been disabled"), provider.Rejected},

		// In a stream, with the status 200.
		"an event: overloaded":         {200, `{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}              }`, provider.Overloaded},
		"an event: the server":         {200, failure("api_error", "Internal server error"), provider.Overloaded},
		"an event: a timeout":          {200, failure("timeout_error", "x"), provider.Overloaded},
		"an event: a rate limit":       {200, failure(limited, "x"), provider.RateLimited},
		"an event: no credit":          {200, failure(invalid, "Your credit balance is too low to access the Anthropic API."), provider.OutOfFunds},
		"an event: billing":            {200, failure("billing_error", "x"), provider.OutOfFunds},
		"an event: a key":              {200, failure("authentication_error", "x"), provider.Denied},
		"an event: an unknown model":   {200, failure("not_found_error", "model: x"), provider.UnknownModel},
		"an event: the call":           {200, failure(invalid, "x"), provider.Rejected},
		"an event: too many bytes":     {200, failure("request_too_large", "x"), provider.Rejected},
		"an event: of no known kind":   {200, failure("mystery_error", "x"), provider.Overloaded},
		"an answer in words":           {503, "upstream connect error or disconnect/reset before headers. reset reason: overflow", provider.Overloaded},
		"a stream as the answer":       {529, "event: error\r\ndata: " + failure("overloaded_error", "Overloaded") + "\r\n\r\n", provider.Overloaded},
		"a code of the other dialect":  {429, `{"error":{"message":"x","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, provider.OutOfFunds},
		"a page with the words in it":  {400, "<html>Your credit balance is too low</html>", provider.Overloaded},
		"the words alone, as a string": {400, `{"error":"Your credit balance is too low to access the Anthropic API."}`, provider.OutOfFunds},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want.String(), Dialect{}.Fault(c.status, []byte(c.body)).String())
		})
	}
}

func TestRecordedFaults(t *testing.T) {
	counts := map[string]int{}
	for _, c := range cases(t) {
		switch {
		case c.Status >= 400:
			counts[strconv.Itoa(c.Status)+" "+Dialect{}.Fault(c.Status, c.Response).String()]++
		case c.Stream && bytes.Contains(c.Response, []byte("event: error")):
			var split sse.Splitter
			require.NoError(t, split.Feed(c.Response))
			for e, ok := split.Next(); ok; e, ok = split.Next() {
				if string(e.Name) == "error" {
					counts["stream "+Dialect{}.Fault(200, e.Data).String()]++
				}
			}
		}
	}
	assert.Equal(t, map[string]int{
		"400 out_of_funds": 1, "400 rejected": 5, "401 denied": 4, "402 out_of_funds": 1, "403 denied": 1, "404 unknown_model": 2,
		"413 rejected": 1, "429 rate_limited": 2, "500 overloaded": 1, "502 overloaded": 1, "504 overloaded": 1, "529 overloaded": 2,
		"stream overloaded": 4,
	}, counts)
}

func FuzzFault(f *testing.F) {
	for _, c := range cases(f) {
		if c.Status >= 400 {
			f.Add(c.Status, c.Response)
		}
	}
	f.Add(200, []byte(`{"type":"error","error":{"details":{"error_code":"x"},"type":"overloaded_error","message":"Overloaded"}              }`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		before := bytes.Clone(body)
		got := Dialect{}.Fault(status, body)
		assert.LessOrEqual(t, int(got), len(provider.Faults))
		assert.Equal(t, before, body)
		// However an agent has a message begin, what it is told of is not the account.
		quoted, err := json.Marshal("messages.0: " + string(body))
		require.NoError(t, err)
		switch f := (Dialect{}).Fault(400, []byte(`{"type":"error","error":{"type":"invalid_request_error","message":`+string(quoted)+`}}`)); f {
		case provider.Rejected, provider.TooLong, provider.UnsignedHistory:
		default:
			t.Errorf("a quoted message is %s", f)
		}
	})
}

func TestNative(t *testing.T) {
	for model, want := range map[string]bool{
		"claude-sonnet-5": true, "claude-3-5-haiku-20241022": true, "Claude-Opus-5": true,
		"": false, "claude": false, "gpt-5": false, "my-claude-3": false, "anthropic/claude-opus-5": false, "claudette-1": false,
	} {
		assert.Equal(t, want, Dialect{}.Native(model), model)
	}
}
