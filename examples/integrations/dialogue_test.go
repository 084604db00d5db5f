//go:build clients

package integrations

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rungate/rungate/internal/fake"
)

// A turn is one answer of the model's, whatever the dialect.
type turn struct {
	thought string // before it says anything, at Anthropic only
	text    string
	calls   []toolCall
	in, out int64 // tokens
}

type toolCall struct{ name, args, result string }

// question is what the user says in dialogue.
const question = "Wo sind ord_2H4p und ord_7Kq9? – Tell the customer, please."

// dialogue is the conversation that agents have: two tools, of which the first turn
// calls one twice, and the second one both.
var dialogue = []turn{
	{
		text: "I'll look both up – einen Moment 🙂",
		calls: []toolCall{
			{"lookup_order", `{"order":"ord_2H4p"}`, "ord_2H4p is on its way"},
			{"lookup_order", `{"order":"ord_7Kq9"}`, "ord_7Kq9 is on its way"},
		},
		in: 120, out: 40,
	},
	{
		calls: []toolCall{
			{"send_note", `{"text":"„ord_2H4p“ & \"ord_7Kq9\" <unterwegs> 🚚\n","urgent":true}`, "sent at once"},
			{"lookup_order", `{"order":"ord_0001"}`, "ord_0001 is on its way"},
		},
		in: 200, out: 30,
	},
	{text: "Both are on their way, and the customer knows. 再见!", in: 260, out: 20},
}

// said is what an agent has heard and said when it asks for the nth turn.
func said(n int) []string {
	lines := []string{"system: You help customers.", "user: " + question}
	for _, t := range dialogue[:n] {
		if t.text != "" {
			lines = append(lines, "assistant: "+t.text)
		}
		for _, c := range t.calls {
			lines = append(lines, "call: "+c.name+" "+c.args)
		}
		for i, c := range t.calls {
			lines = append(lines, fmt.Sprintf("result of call %d: %s", i, c.result))
		}
	}
	return lines
}

// A vendor is how one of them writes answers.
type vendor struct {
	name   string
	target string // of those that another model's calls fall over to
	whole  func(n int, t *turn) string
	events func(n int, t *turn) []string // of which the first lead has no content
	lead   int
	failed string // an event
	spare  int    // events at the end that a stream is whole without
}

// answer is the reply with the nth turn.
func (v *vendor) answer(n int, streamed bool) *fake.Reply { return v.say(n, &dialogue[n], streamed) }

// say is the reply with a turn, the nth.
func (v *vendor) say(n int, t *turn, streamed bool) *fake.Reply {
	if streamed {
		return &fake.Reply{Events: v.events(n, t)}
	}
	return &fake.Reply{Body: v.whole(n, t)}
}

var vendors = map[string]*vendor{
	"openai": {
		name: "openai", target: "openai/gpt-4.1", whole: chatWhole, events: chatEvents, lead: 1, spare: 2,
		failed: `data: {"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}` + "\n\n",
	},
	"anthropic": {
		name: "anthropic", target: "anthropic/claude-sonnet-4-5", whole: messagesWhole, events: messagesEvents, lead: 2,
		failed: "event: error\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n",
	},
}

// fragments cuts s into pieces of a few characters.
func fragments(s string) (pieces []string) {
	r := []rune(s)
	for len(r) > 7 {
		pieces, r = append(pieces, string(r[:7])), r[7:]
	}
	return append(pieces, string(r))
}

// signature is Anthropic's, of what a model has thought.
const signature = "c2lnbmVk"

// quote is s as JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func chatWhole(n int, t *turn) string {
	content, finish, calls := "null", "stop", ""
	if t.text != "" {
		content = quote(t.text)
	}
	if len(t.calls) > 0 {
		var list []string
		for i, c := range t.calls {
			list = append(list, fmt.Sprintf(`{"id":"call_%d%d","type":"function","function":{"name":%q,"arguments":%s}}`, n, i, c.name, quote(c.args)))
		}
		finish, calls = "tool_calls", `"tool_calls":[`+strings.Join(list, ",")+`],`
	}
	return fmt.Sprintf(`{"id":"chatcmpl-%d","object":"chat.completion","created":1777200000,"model":"gpt-4.1-2025-04-14",`+
		`"choices":[{"index":0,"message":{"role":"assistant","content":%s,%s"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":%q}],"usage":%s}`,
		n, content, calls, finish, chatUsage(t))
}

func chatUsage(t *turn) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, t.in, t.out, t.in+t.out)
}

func chatEvents(n int, t *turn) []string {
	var events []string
	add := func(choices, usage string) {
		events = append(events, fmt.Sprintf("data: "+`{"id":"chatcmpl-%d","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1-2025-04-14","choices":%s,"usage":%s}`+"\n\n",
			n, choices, usage))
	}
	delta := func(d, finish string) {
		add(`[{"index":0,"delta":`+d+`,"logprobs":null,"finish_reason":`+finish+`}]`, "null")
	}
	content := "null"
	if t.text != "" {
		content = `""`
	}
	delta(`{"role":"assistant","content":`+content+`,"refusal":null}`, "null")
	if t.text != "" {
		for _, p := range fragments(t.text) {
			delta(`{"content":`+quote(p)+`}`, "null")
		}
	}
	finish := "stop"
	for i, c := range t.calls {
		finish = "tool_calls"
		delta(fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":"call_%d%d","type":"function","function":{"name":%q,"arguments":""}}]}`, i, n, i, c.name), "null")
		for _, p := range fragments(c.args) {
			delta(fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i, quote(p)), "null")
		}
	}
	delta(`{}`, quote(finish))
	add("[]", chatUsage(t))
	return append(events, "data: [DONE]\n\n")
}

func messagesWhole(n int, t *turn) string {
	var blocks []string
	stop := "end_turn"
	if t.thought != "" {
		blocks = append(blocks, `{"type":"thinking","thinking":`+quote(t.thought)+`,"signature":"`+signature+`"}`)
	}
	if t.text != "" {
		blocks = append(blocks, `{"type":"text","text":`+quote(t.text)+`}`)
	}
	for i, c := range t.calls {
		stop = "tool_use"
		blocks = append(blocks, fmt.Sprintf(`{"type":"tool_use","id":"toolu_%d%d","name":%q,"input":%s}`, n, i, c.name, c.args))
	}
	return fmt.Sprintf(`{"id":"msg_%d","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[%s],`+
		`"stop_reason":%q,"stop_sequence":null,"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d,"service_tier":"standard"}}`,
		n, strings.Join(blocks, ","), stop, t.in, t.out)
}

func messagesEvents(n int, t *turn) []string {
	var events []string
	add := func(kind, rest string) {
		events = append(events, "event: "+kind+"\ndata: {\"type\":\""+kind+"\""+rest+"}\n\n")
	}
	add("message_start", fmt.Sprintf(`,"message":{"id":"msg_%d","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],`+
		`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}`, n, t.in))
	add("ping", "")
	index := 0
	delta := func(kind, field, text string) {
		add("content_block_delta", fmt.Sprintf(`,"index":%d,"delta":{"type":%q,%q:%s}`, index, kind, field, quote(text)))
	}
	block := func(start, kind, field, text string) {
		add("content_block_start", fmt.Sprintf(`,"index":%d,"content_block":%s`, index, start))
		for _, p := range fragments(text) {
			delta(kind, field, p)
		}
		if kind == "thinking_delta" {
			delta("signature_delta", "signature", signature)
		}
		add("content_block_stop", fmt.Sprintf(`,"index":%d`, index))
		index++
	}
	if t.thought != "" {
		block(`{"type":"thinking","thinking":"","signature":""}`, "thinking_delta", "thinking", t.thought)
	}
	if t.text != "" {
		block(`{"type":"text","text":""}`, "text_delta", "text", t.text)
	}
	stop := "end_turn"
	for i, c := range t.calls {
		stop = "tool_use"
		block(fmt.Sprintf(`{"type":"tool_use","id":"toolu_%d%d","name":%q,"input":{}}`, n, i, c.name), "input_json_delta", "partial_json", c.args)
	}
	add("message_delta", fmt.Sprintf(`,"delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"output_tokens":%d}`, stop, t.out))
	add("message_stop", "")
	return events
}
