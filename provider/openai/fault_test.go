package openai_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func TestFault(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   provider.Fault
	}{
		// What the account is to blame for.
		"a 429 that never clears: no quota":        {429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, provider.OutOfFunds},
		"no quota, told by the type":               {429, `{"error":{"message":"x","type":"insufficient_quota","param":null,"code":null}}`, provider.OutOfFunds},
		"no quota, told in words only":             {429, `{"error":{"message":"You exceeded your current quota"}}`, provider.OutOfFunds},
		"a hard limit on billing":                  {400, `{"error":{"message":"Billing hard limit has been reached","type":"invalid_request_error","param":null,"code":"billing_hard_limit_reached"}}`, provider.OutOfFunds},
		"billing is not active":                    {429, `{"error":{"message":"Your account is not active","type":"billing_not_active","param":null,"code":"billing_not_active"}}`, provider.OutOfFunds},
		"the project's own limit":                  {429, `{"error":{"code":"project_spend_limit_exceeded","type":"insufficient_quota","message":"x"}}`, provider.OutOfFunds},
		"402 of a compatible server":               {402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, provider.OutOfFunds},
		"402 with a number as code":                {402, `{"error":{"message":"This request requires more credits, or fewer max_tokens.","code":402}}`, provider.OutOfFunds},
		"a wrong key":                              {401, `{"error":{"message":"Incorrect API key provided: sk-a****b.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, provider.Denied},
		"a key that may not do that":               {401, `{"error":{"message":"You have insufficient permissions for this operation.","type":"invalid_request_error","param":null,"code":null}}`, provider.Denied},
		"a country":                                {403, `{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}`, provider.Denied},
		"an organization that is not verified":     {400, `{"error":{"message":"Your organization must be verified to stream this model.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}`, provider.Denied},
		"a limit on requests":                      {429, `{"error":{"message":"Rate limit reached for gpt-4.1-mini on requests per min (RPM): Limit 500, Used 500, Requested 1.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`, provider.RateLimited},
		"a limit on tokens":                        {429, `{"error":{"message":"Rate limit reached for gpt-4.1-mini on tokens per min (TPM): Limit 200000, Used 199000, Requested 4100.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, provider.RateLimited},
		"a limit that no wait satisfies":           {429, `{"error":{"message":"Request too large for gpt-5-nano in organization org-x on tokens per min (TPM): Limit 2000000, Requested 2500013.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, provider.TooLong},
		"a sudden increase":                        {503, `{"error":{"message":"Slow down: your sudden increase in request rate is affecting reliability.","type":"slow_down","param":null,"code":"slow_down"}}`, provider.RateLimited},
		"an error of the server":                   {500, `{"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}`, provider.Overloaded},
		"overloaded":                               {503, `{"error":{"message":"That model is currently overloaded with other requests.","type":"server_error","param":null,"code":null}}`, provider.Overloaded},
		"a server's error that blames the call":    {500, `{"error":{"message":"x","type":"invalid_request_error","param":null,"code":null}}`, provider.Overloaded},
		"an unknown model (Chat Completions)":      {404, "{\"error\":{\"message\":\"The model `nonexistent` does not exist or you do not have access to it.\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}", provider.UnknownModel},
		"an unknown model (Responses)":             {400, `{"error":{"message":"The requested model 'bad model' does not exist.","type":"invalid_request_error","param":"model","code":"model_not_found"}}`, provider.UnknownModel},
		"a model that the project may not use":     {403, "{\"error\":{\"message\":\"Project `proj_x` does not have access to model `gpt-5`\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}", provider.UnknownModel},
		"a model's name that is none":              {400, `{"error":{"message":"invalid model ID","type":"invalid_request_error","param":null,"code":null}}`, provider.UnknownModel},
		"a model at the wrong endpoint":            {404, `{"error":{"message":"This is a chat model and not supported in the v1/completions endpoint.","type":"invalid_request_error","param":"model","code":null}}`, provider.UnknownModel},
		"an unknown model (vLLM)":                  {404, "{\"object\":\"error\",\"message\":\"The model `x` does not exist.\",\"type\":\"NotFoundError\",\"param\":null,\"code\":404}", provider.UnknownModel},
		"an unknown model (Ollama)":                {404, `{"error":{"message":"model 'x' not found","type":"api_error","param":null,"code":null}}`, provider.UnknownModel},
		"a server that has no such endpoint":       {404, `{"detail":"Not Found"}`, provider.UnknownModel},
		"no such file":                             {404, `{"error":{"message":"No such File object: file-abc","type":"invalid_request_error","param":"id","code":null}}`, provider.Rejected},
		"no such conversation":                     {404, `{"error":{"message":"Conversation with id 'conv_1' not found.","type":"invalid_request_error","param":null,"code":null}}`, provider.Rejected},
		"no such response":                         {400, `{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`, provider.Rejected},
		"too long (Chat Completions)":              {400, `{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130512 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, provider.TooLong},
		"too long (Responses)":                     {400, `{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`, provider.TooLong},
		"too long (vLLM)":                          {400, `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","param":null,"code":400}`, provider.TooLong},
		"reasoning that another has encrypted":     {400, `{"error":{"message":"The encrypted content for item rs_1 could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}`, provider.UnsignedHistory},
		"a parameter that the model does not take": {400, `{"error":{"message":"Unsupported parameter: 'logprobs' is not supported with this model.","type":"invalid_request_error","param":"logprobs","code":"unsupported_parameter"}}`, provider.Rejected},
		"a flagged prompt":                         {400, `{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}`, provider.Rejected},
		"a flagged prompt (OpenRouter)":            {403, `{"error":{"message":"openai/gpt-5 requires moderation on OpenAI. Your input was flagged for \"violence\".","code":403}}`, provider.Rejected},
		"an image that cannot be fetched":          {400, `{"error":{"message":"Error while downloading https://example.com/a.png.","type":"invalid_request_error","param":null,"code":"invalid_image_url"}}`, provider.Rejected},
		"a conflict":                               {409, `{"error":{"message":"x","type":"invalid_request_error","code":null}}`, provider.Rejected},

		// What an agent has sent may be quoted, and takes no target from the others.
		"a quoted quota":         {400, `{"error":{"message":"Invalid value: 'You exceeded your current quota'. Supported values are: 'a'.","type":"invalid_request_error","param":"x","code":"invalid_value"}}`, provider.Rejected},
		"a quoted balance":       {400, `{"error":{"message":"Unknown parameter: 'insufficient balance'.","type":"invalid_request_error","param":"x","code":"unknown_parameter"}}`, provider.Rejected},
		"a quoted error":         {400, `{"error":{"message":"Invalid value: '{\"error\":{\"code\":\"insufficient_quota\"}}'","type":"invalid_request_error","param":"x","code":"invalid_value"}}`, provider.Rejected},
		"a page for a long body": {413, "<html><head><title>413 Request Entity Too Large</title></head></html>", provider.Rejected},

		// In a stream, with the status 200.
		"a chunk: the output's limit":              {200, `{"error":{"message":"Could not finish the message because max_tokens or model output limit was reached.","type":"invalid_request_error","param":null,"code":null},"detail":{"message":"x","code":null},"obfuscation":"2yrCkl"}`, provider.Rejected},
		"a chunk: the server":                      {200, `{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}`, provider.Overloaded},
		"a chunk: no quota":                        {200, `{"error":{"message":"x","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, provider.OutOfFunds},
		"a chunk: a number as code (OpenRouter)":   {200, `{"id":"gen-1","error":{"code":429,"message":"Rate limited"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`, provider.RateLimited},
		"a chunk: a gateway's 502 (OpenRouter)":    {200, `{"error":{"code":502,"message":"Provider returned error"}}`, provider.Overloaded},
		"a chunk: a bad request (vLLM)":            {200, `{"error":{"object":"error","message":"x","type":"BadRequestError","param":null,"code":400}}`, provider.Rejected},
		"a chunk: of a kind that nobody knows":     {200, `{"error":{"message":"x","type":"mystery"}}`, provider.Overloaded},
		"a chunk: words":                           {200, `{"error":"something went wrong"}`, provider.Overloaded},
		"response.failed: the server":              {200, `{"type":"response.failed","sequence_number":3,"response":{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"The model failed to generate a response."}}}`, provider.Overloaded},
		"response.failed: a rate limit":            {200, `{"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"Rate limit reached for gpt-5"}}}`, provider.RateLimited},
		"response.failed: no quota":                {200, `{"type":"response.failed","response":{"status":"failed","error":{"code":"insufficient_quota","message":"x"}}}`, provider.OutOfFunds},
		"response.failed: too long":                {200, `{"type":"response.failed","response":{"error":{"code":"context_length_exceeded","message":"x"}}}`, provider.TooLong},
		"response.failed: a prompt":                {200, `{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"x"}}}`, provider.Rejected},
		"response.failed: an image":                {200, `{"type":"response.failed","response":{"error":{"code":"image_parse_error","message":"x"}}}`, provider.Rejected},
		"response.failed: without a reason":        {200, `{"type":"response.failed","response":{"error":null}}`, provider.Overloaded},
		"error: the server":                        {200, `{"type":"error","code":"server_error","message":"x","param":null,"sequence_number":1}`, provider.Overloaded},
		"error: too many requests":                 {200, `{"type":"error","error":{"type":"too_many_requests","code":"rate_limit_exceeded","message":"x","param":null},"sequence_number":2}`, provider.RateLimited},
		"error: the call":                          {200, `{"type":"error","code":"invalid_value","message":"x","param":"input","sequence_number":1}`, provider.Rejected},
		"a whole answer that is an error":          {200, `{"error":{"message":"x","type":"server_error"}}`, provider.Overloaded},
		"a stream as the answer":                   {429, "event: error\ndata: {\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}\n\n", provider.OutOfFunds},
		"an error in a list":                       {429, `[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]`, provider.RateLimited},
		"a word of the other dialect":              {529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, provider.Overloaded},
		"an answer in words":                       {503, `upstream connect error or disconnect/reset before headers`, provider.Overloaded},
		"no quota in words that are no JSON":       {429, `You exceeded your current quota, please check your plan.`, provider.OutOfFunds},
		"a wrong key, as text with a status in it": {401, "{\n  \"error\": {\n    \"message\": \"Incorrect API key provided: x.\",\n    \"type\": \"invalid_request_error\",\n    \"param\": null,\n    \"code\": \"invalid_api_key\"\n  },\n  \"status\": 401\n}", provider.Denied},
		"a deployment that is not there (Azure)":   {404, `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`, provider.UnknownModel},
		"a content filter (Azure)":                 {400, `{"error":{"code":"content_filter","message":"The response was filtered","status":400}}`, provider.Rejected},
		"no channel for the model (new-api)":       {503, `{"error":{"code":"model_not_found","message":"No available channel for model x","type":"new_api_error"}}`, provider.UnknownModel},
		"a message that is too long to be read":    {400, `{"error":{"message":"` + strings.Repeat("a", 1<<20) + `maximum context length"}}`, provider.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want.String(), openai.Dialect{}.Fault(c.status, []byte(c.body)).String())
		})
	}
}

func TestRecordedFaults(t *testing.T) {
	counts := map[string]int{}
	for _, c := range recorded(t) {
		f := openai.Dialect{}.Fault(c.Status, c.Response)
		switch {
		case c.Status >= 400:
			counts[strconv.Itoa(c.Status)+" "+f.String()]++
		case c.Stream && bytes.Contains(c.Response, []byte(`"error":{`)):
			for _, data := range errorsIn(t, c) {
				counts["stream "+openai.Dialect{}.Fault(200, data).String()]++
			}
		}
	}
	assert.Equal(t, map[string]int{
		"400 rejected": 14, "400 too_long": 2, "400 unknown_model": 4, "401 denied": 10, "403 denied": 1, "404 unknown_model": 4,
		"429 out_of_funds": 1, "429 rate_limited": 2, "429 too_long": 1, "500 overloaded": 1, "503 overloaded": 1, "503 rate_limited": 1,
		"stream overloaded": 2, "stream rejected": 1,
	}, counts)
}

// errorsIn returns the data of the events of a stream by which it fails.
func errorsIn(t *testing.T, c recordings.Case) (list [][]byte) {
	var split sse.Splitter
	require.NoError(t, split.Feed(c.Response))
	m := openai.Dialect{}.Meter(&provider.Request{Endpoint: endpoints[c.API], Model: "m", Stream: true, Choices: 1})
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if m.Event(e.Name, e.Data) == provider.EventError {
			list = append(list, bytes.Clone(e.Data))
		}
	}
	return list
}

// A gateway behind a gateway refuses a run, and is no worse a target for the others.
func TestFaultOfGovernance(t *testing.T) {
	for status, want := range map[int]provider.Fault{
		401: provider.Denied, 402: provider.Rejected, 403: provider.Rejected, 409: provider.Rejected,
		429: provider.RateLimited, 502: provider.Overloaded, 503: provider.Overloaded, 504: provider.Overloaded,
	} {
		body := openai.Dialect{}.Refusal(&provider.Refusal{Code: "some_code", Message: "Rungate: the run is refused"})
		assert.Equal(t, want.String(), openai.Dialect{}.Fault(status, body).String(), status)
	}
}

func FuzzFault(f *testing.F) {
	for _, c := range recorded(f) {
		if c.Status >= 400 {
			f.Add(c.Status, c.Response)
		}
	}
	f.Add(200, []byte(`{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}`))
	f.Add(429, []byte("event: error\ndata: {\"error\":{\"message\":\"x\",\"code\":429}}\n\n"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		before := bytes.Clone(body)
		got := openai.Dialect{}.Fault(status, body)
		assert.LessOrEqual(t, int(got), len(provider.Faults))
		assert.Equal(t, before, body)
		if json.Valid(body) {
			var b bytes.Buffer
			require.NoError(t, json.Indent(&b, body, "", "\t"))
			assert.Equal(t, got, openai.Dialect{}.Fault(status, b.Bytes()), "white space says nothing")
		}
	})
}

func TestNative(t *testing.T) {
	for model, want := range map[string]bool{
		"gpt-5.6": true, "gpt-4o-mini": true, "GPT-4o": true, "chatgpt-4o-latest": true, "o1": true, "o3-mini": true, "o4-mini-2025-04-16": true, "o9": true,
		"codex-mini-latest": true, "computer-use-preview": true, "text-embedding-3-small": true, "davinci-002": true, "text-davinci-003": true,
		"ft:gpt-4o-mini-2024-07-18:acme::abc": true, "ft:o4-mini:acme::abc": true, "FT:GPT-4.1:a": true,
		"claude-sonnet-5": false, "": false, "o": false, "o0": false, "opus": false, "olmo-2": false, "my-gpt-4": false, "mistral-large": false,
		"gpt": false, "ft:mistral": false, "gemini-3-pro": false, "anthropic/claude-sonnet-5": false,
	} {
		assert.Equal(t, want, openai.Dialect{}.Native(model), model)
	}
}
