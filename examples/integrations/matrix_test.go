package integrations

import (
	"time"

	"github.com/rungate/rungate/run"
)

// A client is one that people use, and what it is known to do.
type client struct {
	name   string // in the README
	dir    string
	pin    pin
	python string   // the virtual environment that runs it, if it is written in Python
	args   []string // of its scenarios program, before the scenario
	env    []string
	output output

	model string
	// paths has, for each ending that its base URL may have, the path that it
	// then calls. The first is what the integration guide says.
	paths     []path
	scenarios []scenario
	// blind says that it hands out no response headers: its user learns the run
	// from refusals at most.
	blind bool
	sends string // how it sends its key, and the version of the API that it speaks

	// helper is the SDK's own way to gather a stream, which its program agent uses;
	// of clients that have no such program it is empty.
	helper string
	broken string // what it raises when an answer breaks off within a stream
	runner string // what of it calls tools by itself, if anything does

	calls  int      // that its quickstart makes
	prints []string // what its quickstart prints besides the answers

	reactions map[situation]reaction

	// mute says that it sends no header that says how it waits at gates: the
	// configuration of its agent does.
	mute  bool
	gates map[gating]reaction
	gated []scenario // that are about gates
}

// A pin is where the version of a client is written down.
type pin struct{ file, name string }

type path struct{ base, called string }

// output is how the scenarios program says how the call ended.
type output int

const (
	ownJSON output = iota
	curlOutput
	openclawJSON
)

// A scenario is what a client asks for.
type scenario string

const (
	text   scenario = "text"
	stream scenario = "stream"
	tool   scenario = "tool"
	loop   scenario = "loop"  // a tool call, and its result
	typed  scenario = "typed" // likewise, and an answer by a schema
	image  scenario = "image"
	body   scenario = "body" // directives in the body
)

const (
	gpt    = "gpt-4"
	claude = "claude-sonnet-4"
)

var (
	openAIPaths    = []path{{"/v1", "/v1/chat/completions"}, {"", "/chat/completions"}}
	anthropicPaths = []path{{"/v1", "/v1/v1/messages"}, {"", "/v1/messages"}}

	simple    = []scenario{text, stream, tool, image}
	framework = append(simple[:4:4], loop)
	sdk       = append(simple[:4:4], body)
	typing    = append(sdk[:5:5], typed) // with types for what a model says
)

var clients = []client{
	{
		name:      "OpenAI SDK, Python",
		dir:       "openai-python",
		pin:       pin{"requirements.txt", "openai"},
		python:    "python",
		model:     gpt,
		paths:     openAIPaths,
		scenarios: typing,
		sends:     "bearer",
		helper:    "chat.completions.stream(…).get_final_completion()",
		broken:    "APIError",
		calls:     2,
		reactions: thrice("APIStatusError", "PermissionDeniedError", "ConflictError", "RateLimitError"),
		gates:     tries(3, "TypeError", "PermissionDeniedError"),
		gated:     gatedSDK,
	},
	{
		name:      "OpenAI SDK, TypeScript",
		dir:       "openai-typescript",
		pin:       pin{"package.json", "openai"},
		model:     gpt,
		paths:     openAIPaths,
		scenarios: sdk,
		sends:     "bearer",
		helper:    "chat.completions.stream(…).finalChatCompletion()",
		broken:    "APIError",
		runner:    "chat.completions.runTools(…)",
		calls:     1,
		reactions: thrice("APIError", "PermissionDeniedError", "ConflictError", "RateLimitError"),
		gates:     tries(3, "TypeError", "PermissionDeniedError"),
		gated:     gatedSDK,
	},
	{
		name:      "Anthropic SDK, Python",
		dir:       "anthropic-python",
		pin:       pin{"requirements.txt", "anthropic"},
		python:    "python",
		model:     claude,
		paths:     anthropicPaths,
		scenarios: typing,
		sends:     "bearer, 2026-10-21",
		helper:    "messages.stream(…).get_final_message()",
		broken:    "APIStatusError",
		runner:    "beta.messages.tool_runner(…)",
		calls:     1,
		reactions: thrice("PaymentRequiredError", "PermissionDeniedError", "ConflictError", "RateLimitError"),
		gates:     tries(3, "TypeError", "PermissionDeniedError"),
		gated:     gatedSDK,
	},
	{
		name:      "Anthropic SDK, TypeScript",
		dir:       "anthropic-typescript",
		pin:       pin{"package.json", "@anthropic-ai/sdk"},
		model:     claude,
		paths:     anthropicPaths,
		scenarios: sdk,
		sends:     "bearer, 2026-10-21",
		helper:    "messages.stream(…).finalMessage()",
		broken:    "APIError",
		runner:    "beta.messages.toolRunner(…)",
		calls:     1,
		reactions: thrice("PaymentRequiredError", "PermissionDeniedError", "ConflictError", "RateLimitError"),
		gates:     tries(3, "TypeError", "PermissionDeniedError"),
		gated:     gatedSDK,
	},
	{
		name:      "Anthropic SDK 0.x, TypeScript",
		dir:       "anthropic-typescript",
		pin:       pin{"package.json", "anthropic-sdk-0"},
		env:       []string{"ANTHROPIC_SDK=anthropic-sdk-0"},
		model:     claude,
		paths:     anthropicPaths,
		scenarios: sdk,
		sends:     "x-api-key, 2023-06-01",
		helper:    "messages.stream(…).finalMessage()",
		broken:    "APIError",
		runner:    "beta.messages.toolRunner(…)",
		reactions: thrice("APIError", "PermissionDeniedError", "ConflictError", "RateLimitError"),
		gates:     tries(3, "TypeError", "PermissionDeniedError"),
		gated:     gatedSDK,
	},
	{
		name:      "curl",
		dir:       "curl",
		output:    curlOutput,
		model:     gpt,
		paths:     openAIPaths,
		scenarios: sdk,
		sends:     "bearer",
		calls:     1,
		reactions: never("402", "403", "409", "429"),
		gates:     tries(1, "202", "403"),
	},
	{
		name:      "LangChain, Python",
		dir:       "langchain",
		pin:       pin{"requirements.txt", "langchain-openai"},
		python:    "python",
		model:     gpt,
		paths:     openAIPaths,
		scenarios: framework,
		sends:     "bearer",
		calls:     1,
		reactions: thrice("APIStatusError", "OpenAIPermissionDeniedError", "ConflictError", "OpenAIRateLimitError"),
		gates:     tries(3, "TypeError", "OpenAIPermissionDeniedError"),
	},
	{
		name:      "LangChain, TypeScript, OpenAI",
		dir:       "langchain-js",
		pin:       pin{"package.json", "@langchain/openai"},
		args:      []string{"openai"},
		model:     gpt,
		paths:     openAIPaths,
		scenarios: framework,
		sends:     "bearer",
		blind:     true,
		calls:     2,
		reactions: but(thrice("APIError", "PermissionDeniedError", "ConflictError", "RateLimitError"), 7, time.Minute),
		gates:     tries(1, "TypeError", "PermissionDeniedError"),
	},
	{
		name:      "LangChain, TypeScript, Anthropic",
		dir:       "langchain-js",
		pin:       pin{"package.json", "@langchain/anthropic"},
		args:      []string{"anthropic"},
		model:     claude,
		paths:     anthropicPaths,
		scenarios: framework,
		sends:     "x-api-key, 2023-06-01",
		blind:     true,
		reactions: but(thrice("APIError", "PermissionDeniedError", "ConflictError", "RateLimitError"), 7, time.Minute),
		gates:     tries(1, "TypeError", "PermissionDeniedError"),
	},
	{
		name:      "LlamaIndex, Python",
		dir:       "llamaindex",
		pin:       pin{"llamaindex/requirements.txt", "llama-index-llms-openai"},
		python:    "python-llamaindex",
		model:     gpt,
		paths:     openAIPaths,
		scenarios: framework,
		sends:     "bearer",
		blind:     true,
		calls:     1,
		reactions: but(thrice("APIStatusError", "PermissionDeniedError", "ConflictError", "RateLimitError"), 12, 5*time.Second),
		gates:     tries(4, "TypeError", "PermissionDeniedError"),
	},
	{
		name:      "OpenClaw, OpenAI",
		dir:       "openclaw",
		pin:       pin{"openclaw/package.json", "openclaw"},
		args:      []string{"rungate/gpt-4"},
		output:    openclawJSON,
		model:     gpt,
		paths:     []path{{"", "/chat/completions"}, {"/v1", "/v1/chat/completions"}},
		scenarios: []scenario{tool},
		sends:     "bearer",
		blind:     true,
		calls:     1,
		reactions: map[situation]reaction{
			overBudget:  {attempts: 1, raises: "API key has run out of credits", ownWords: true},
			wrongModel:  {attempts: 1, raises: "authentication failed, HTTP 403", ownWords: true},
			closedRun:   {attempts: 4, raises: "409 Rungate: "},
			limited:     {attempts: 10, over: 2 * time.Minute, raises: "Rate limit reached"},
			limitedOnce: {attempts: 2},
		},
		mute: true,
		gates: map[gating]reaction{
			{run.AcceptedMode, undecided}: {attempts: 2, raises: "Agent couldn't generate a response.", ownWords: true},
			{run.WaitMode, approved}:      {attempts: 2},
			{run.WaitMode, rejected}:      {attempts: 1, raises: "authentication failed, HTTP 403", ownWords: true},
			{run.WaitMode, expired}:       {attempts: 1, raises: "authentication failed, HTTP 403", ownWords: true},
			{run.ErrorMode, undecided}:    {attempts: 1, raises: "authentication failed, HTTP 403", ownWords: true},
		},
	},
	{
		name:      "OpenClaw, Anthropic",
		dir:       "openclaw",
		pin:       pin{"openclaw/package.json", "openclaw"},
		args:      []string{"rungate-anthropic/claude-sonnet-4"},
		output:    openclawJSON,
		model:     claude,
		paths:     []path{{"", "/v1/messages"}, {"/v1", "/v1/messages"}},
		scenarios: []scenario{tool},
		sends:     "x-api-key, 2023-06-01",
		blind:     true,
		mute:      true,
		gates:     map[gating]reaction{{run.WaitMode, approved}: {attempts: 2}},
	},
	{
		name:      "rungate from PyPI",
		dir:       "rungate-python",
		pin:       pin{"requirements.txt", "rungate"},
		python:    "python",
		model:     gpt,
		paths:     []path{{"", "/v1/chat/completions"}},
		scenarios: simple,
		sends:     "bearer",
		calls:     5,
		prints:    []string{"Cost: $", "Budget remaining: $0.99"},
		reactions: never("APIError", "PermissionDeniedError", "APIError", "APIError"),
		mute:      true,
		gates:     tries(1, "ApprovalRequiredError", "PermissionDeniedError"),
	},
}

// differences are what the package rungate from PyPI expects and does not get,
// as its scenario "differences" prints it.
var differences = []difference{
	{"run.log_tool_call()", "a step, by `POST /v1/runs/{id}/steps`", `"NotFoundError 404"`},
	{"stream.rungate.run_id", "the run, from an event `rungate` at the end of the stream", "null"},
	{"stream.rungate.cost_usd", "the cost, from the same event", "null"},
	{"run.complete()", "the run, from `{\"data\": …}`; it is completed all the same", "{}"},
}

type difference struct{ expression, promised, got string }
