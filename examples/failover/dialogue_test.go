package failover

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// A turn is one answer of a model's, in no vendor's words.
type turn struct {
	text    string
	calls   []call
	in, out int64 // tokens
}

type call struct{ tool, args string }

// question is what the user wants to know.
const question = "Wo sind P-1 und P-2? – Please complain about what is late."

// dialogue is what the models answer, whichever vendor's it is: tools are called in
// parallel, one tool twice in a turn, with arguments that are easily spoilt.
var dialogue = []turn{
	{
		text:  "Einen Moment 🙂, I look both up.",
		calls: []call{{"track_parcel", `{"parcel":"P-1"}`}, {"track_parcel", `{"parcel":"P-2"}`}},
		in:    120, out: 40,
	},
	{
		calls: []call{
			{"open_claim", `{"number":9007199254740993,"text":"„P-2“ & \"P-1\" <late> 🚚\n","urgent":true}`},
			{"track_parcel", `{"parcel":"P-3"}`},
		},
		in: 200, out: 60,
	},
	{text: "P-1 has arrived; about P-2 I have complained. 再见!", in: 300, out: 20},
}

// perform is what a tool returns.
func perform(c call) string {
	if c.tool == "open_claim" {
		return "claim 17 is open"
	}
	return gjson.Get(c.args, "parcel").String() + " is in Köln"
}

// schemas are the parameters of the tools, by name.
var schemas = map[string]string{
	"track_parcel": `{"type":"object","properties":{"parcel":{"type":"string"}},"required":["parcel"]}`,
	"open_claim":   `{"type":"object","properties":{"number":{"type":"integer"},"text":{"type":"string"},"urgent":{"type":"boolean"}},"required":["text"]}`,
}

// said is what a model hears that is asked for the nth turn. The agent tells the results
// of a turn's calls from the last to the first. Those who speak of Messages in terms of
// Chat Completions put them in the order of the calls.
func said(n int, inOrder bool) []string {
	lines := []string{"system: You help customers.", "user: " + question}
	for _, t := range dialogue[:n] {
		if t.text != "" {
			lines = append(lines, "assistant: "+t.text)
		}
		for _, c := range t.calls {
			lines = append(lines, "call: "+c.tool+" "+normal(c.args))
		}
		told := slices.Clone(t.calls)
		if !inOrder {
			slices.Reverse(told)
		}
		for _, c := range told {
			lines = append(lines, "result: "+c.tool+" "+normal(c.args)+": "+perform(c))
		}
	}
	for _, name := range []string{"track_parcel", "open_claim"} {
		lines = append(lines, "tool: "+name+" "+normal(schemas[name]))
	}
	return lines
}

// heardChat is what a request of Chat Completions says.
func heardChat(body []byte) (lines []string) {
	calls := map[string]string{} // by id
	for _, m := range gjson.GetBytes(body, "messages").Array() {
		role := m.Get("role").String()
		if role == "developer" {
			role = "system"
		}
		if text := textOf(m.Get("content")); role == "tool" {
			lines = append(lines, "result: "+calls[m.Get("tool_call_id").String()]+": "+text)
		} else if text != "" {
			lines = append(lines, role+": "+text)
		}
		for _, c := range m.Get("tool_calls").Array() {
			what := c.Get("function.name").String() + " " + normal(c.Get("function.arguments").String())
			calls[c.Get("id").String()] = what
			lines = append(lines, "call: "+what)
		}
	}
	for _, f := range gjson.GetBytes(body, "tools.#.function").Array() {
		lines = append(lines, "tool: "+f.Get("name").String()+" "+normal(f.Get("parameters").Raw))
	}
	return lines
}

// heardMessages is what a request of Messages says.
func heardMessages(body []byte) []string {
	lines := []string{"system: " + textOf(gjson.GetBytes(body, "system"))}
	calls := map[string]string{} // by id
	for _, m := range gjson.GetBytes(body, "messages").Array() {
		if m.Get("content").Type == gjson.String {
			lines = append(lines, m.Get("role").String()+": "+m.Get("content").String())
			continue
		}
		for _, b := range m.Get("content").Array() {
			switch b.Get("type").String() {
			case "text":
				lines = append(lines, m.Get("role").String()+": "+b.Get("text").String())
			case "tool_use":
				what := b.Get("name").String() + " " + normal(b.Get("input").Raw)
				calls[b.Get("id").String()] = what
				lines = append(lines, "call: "+what)
			case "tool_result":
				lines = append(lines, "result: "+calls[b.Get("tool_use_id").String()]+": "+textOf(b.Get("content")))
			default:
				lines = append(lines, "unknown: "+b.Raw)
			}
		}
	}
	for _, f := range gjson.GetBytes(body, "tools").Array() {
		lines = append(lines, "tool: "+f.Get("name").String()+" "+normal(f.Get("input_schema").Raw))
	}
	return lines
}

// textOf is the text of content, which is that or a list of parts.
func textOf(content gjson.Result) string {
	if !content.IsArray() {
		return content.String()
	}
	var b strings.Builder
	for _, part := range content.Array() {
		b.WriteString(part.Get("text").String())
	}
	return b.String()
}

// normal is JSON in one spelling. What is none stays as it is.
func normal(text string) string {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return text
	}
	return quoted(v)
}

// quoted is a value as JSON.
func quoted(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}
