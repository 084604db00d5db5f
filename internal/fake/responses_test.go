package fake_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/internal/fake"
)

const responsesPath = "/v1/responses"

func TestResponsesShape(t *testing.T) {
	const before = `{"id":"ID","object":"response","created_at":946684800,"status":"completed","background":false,"completed_at":946684800,"error":null,` +
		`"frequency_penalty":0,"incomplete_details":null,"instructions":"Be brief.","max_output_tokens":null,"max_tool_calls":null,"model":"gpt-5","output":`
	const after = `,"parallel_tool_calls":true,"presence_penalty":0,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},` +
		`"safety_identifier":null,"service_tier":"default","store":false,"temperature":1,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":TOOLS,` +
		`"top_logprobs":0,"top_p":1,"truncation":"disabled","usage":{"input_tokens":IN,"input_tokens_details":{"cache_write_tokens":0,"cached_tokens":0},` +
		`"output_tokens":OUT,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":SUM},"user":null,"metadata":{}}`
	tests := []struct{ name, body, want string }{
		{"text", `{"model":"gpt-5","store":false,"instructions":"Be brief.","input":"Hello"}`,
			before + `[{"id":"ID","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],` +
				`"text":"Noted: \"Hello\". My answers are made up, but they are counted, priced and governed like any other."}],"role":"assistant"}]` +
				strings.NewReplacer("TOOLS", "[]", "IN", "12", "OUT", "25", "SUM", "37").Replace(after)},
		{"a tool call", `{"model":"gpt-5","store":false,"instructions":"Be brief.","input":[{"role":"user","content":"Refund ord_2H4p, $1,240.00"}],"tools":[` + refundFlat + `]}`,
			before + `[{"id":"ID","type":"function_call","status":"completed","arguments":"{\"order\":\"ord_2H4p\",\"amount_usd\":1240.00}","call_id":"ID","name":"issue_refund"}]` +
				strings.NewReplacer("TOOLS", "["+refundFlat+"]", "IN", "59", "OUT", "14", "SUM", "73").Replace(after)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := post(t, responsesPath, tt.body)
				o := decode(t, answer)
				answer = compact(t, answer)
				for _, path := range [][]any{{"id"}, {"output", 0, "id"}, {"output", 0, "call_id"}} {
					if id, ok := o.at(path...).(string); ok {
						assert.Regexp(t, `^((resp|msg|fc)_[0-9a-f]{48}|call_\w{24})$`, id)
						answer = strings.ReplaceAll(answer, id, "ID")
					}
				}
				assert.Equal(t, tt.want, answer)
			})
		})
	}
}

func TestResponsesStream(t *testing.T) {
	tests := []struct {
		name, rest string
		events     []string // but for deltas, "response." left out
	}{
		{"text", `"input":"What is the capital of France?"`, []string{
			"created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
			"output_text.done", "content_part.done", "output_item.done", "completed",
		}},
		{"cut", `"max_output_tokens":5,"input":"What is the capital of France?"`, []string{
			"created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
			"output_text.done", "content_part.done", "output_item.done", "incomplete",
		}},
		{"tool calls", `"input":"issue_refund and noop","tools":[` + refundFlat + `,{"type":"function","name":"noop"}]`, []string{
			"created", "in_progress",
			"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
			"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
			"completed",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := events(t, post(t, responsesPath, `{"model":"m","stream":true,`+tt.rest+`}`))
				var names []string
				var deltas strings.Builder
				for i, e := range stream {
					o := e.object(t)
					assert.Equal(t, e.name, o["type"])
					assert.Equal(t, float64(i), o["sequence_number"])
					if d, ok := o["delta"].(string); ok {
						deltas.WriteString(d)
					}
					name := strings.TrimPrefix(e.name, "response.")
					if len(names) == 0 || names[len(names)-1] != name {
						names = append(names, name)
					}
				}
				assert.Equal(t, tt.events, names)

				begun := object(stream[0].object(t)["response"].(map[string]any))
				assert.Equal(t, "in_progress", begun["status"])
				assert.Equal(t, []any{}, begun["output"])
				assert.Nil(t, begun["usage"])

				done := object(stream[len(stream)-1].object(t)["response"].(map[string]any))
				whole := decode(t, post(t, responsesPath, `{"model":"m",`+tt.rest+`}`))
				for _, k := range []string{"status", "usage", "incomplete_details"} {
					assert.Equal(t, whole[k], done[k])
				}
				text := ""
				for i := range len(whole["output"].([]any)) {
					for _, path := range [][]any{{"output", i, "content", 0, "text"}, {"output", i, "arguments"}} {
						s, _ := whole.at(path...).(string)
						text += s
						assert.Equal(t, whole.at(path...), done.at(path...))
					}
				}
				assert.Equal(t, text, deltas.String())
			})
		})
	}
}

func TestResponsesBehaviour(t *testing.T) {
	const call = `{"type":"function_call","call_id":"call_1","name":"issue_refund","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"done"}`
	tests := []struct {
		name, rest string
		kind, want string // of the first item: its text or the tool's name
	}{
		{"a result is told", `"input":[{"role":"user","content":"Refund"},` + call + `],"tools":[` + refundFlat + `]`, "message", `issue_refund returned "done". Anything else?`},
		{"none is called if none may be", `"tool_choice":"none","input":"Refund","tools":[` + refundFlat + `]`, "message", ""},
		{"one is called if one must be", `"tool_choice":{"type":"function","name":"issue_refund"},"input":[` + call + `],"tools":[` + refundFlat + `]`, "function_call", "issue_refund"},
		{"an image is seen", `"input":[{"role":"user","content":[{"type":"input_text","text":"What?"},{"type":"input_image"}]}]`, "message", "I see an image. "},
		{"JSON by a schema", `"text":{"format":{"type":"json_schema","name":"r","schema":` + refundSchema + `}},"input":"ord_7, 12 dollars"`, "message", `{"order":"ord_7","amount_usd":12}`},
		{"JSON", `"text":{"format":{"type":"json_object"}},"input":"JSON"`, "message", `{"answer":"JSON"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := decode(t, post(t, responsesPath, `{"model":"m",`+tt.rest+`}`))
			assert.Equal(t, tt.kind, o.at("output", 0, "type"))
			if tt.kind == "function_call" {
				assert.Equal(t, tt.want, o.at("output", 0, "name"))
			} else {
				assert.True(t, strings.HasPrefix(o.at("output", 0, "content", 0, "text").(string), tt.want))
			}
		})
	}
}

func TestResponsesAreStored(t *testing.T) {
	p := &fake.Provider{}
	_, first := call(t, p, "POST", responsesPath, `{"model":"m","input":"Refund","tools":[`+refundFlat+`]}`)
	o := decode(t, first)
	id, callID := o["id"].(string), o.at("output", 0, "call_id").(string)

	t.Run("can be read", func(t *testing.T) {
		_, again := call(t, p, "GET", responsesPath+"/"+id, "")
		assert.Equal(t, first, again)
	})
	t.Run("can be continued", func(t *testing.T) {
		_, next := call(t, p, "POST", responsesPath, `{"model":"m","previous_response_id":"`+id+`","tools":[`+refundFlat+`],`+
			`"input":[{"type":"function_call_output","call_id":"`+callID+`","output":"ok"}]}`)
		o := decode(t, next)
		assert.Equal(t, `issue_refund returned "ok". Anything else?`, o.at("output", 0, "content", 0, "text"))
		assert.Equal(t, id, o["previous_response_id"])
	})
	t.Run("can be deleted", func(t *testing.T) {
		_, gone := call(t, p, "DELETE", responsesPath+"/"+id, "")
		assert.Equal(t, `{"id":"`+id+`","object":"response","deleted":true}`, compact(t, gone))
		for _, method := range []string{"GET", "DELETE"} {
			resp, _ := call(t, p, method, responsesPath+"/"+id, "")
			assert.Equal(t, 404, resp.StatusCode)
		}
		resp, body := call(t, p, "POST", responsesPath, `{"model":"m","previous_response_id":"`+id+`","input":"hi"}`)
		assert.Equal(t, 400, resp.StatusCode)
		assert.Equal(t, "previous_response_not_found", decode(t, body).at("error", "code"))
	})
	t.Run("not if they should not be", func(t *testing.T) {
		_, body := call(t, p, "POST", responsesPath, `{"model":"m","store":false,"input":"hi"}`)
		resp, _ := call(t, p, "GET", responsesPath+"/"+decode(t, body)["id"].(string), "")
		assert.Equal(t, 404, resp.StatusCode)
	})
	t.Run("only the latest", func(t *testing.T) {
		var ids []string
		for range 2 { // the same again takes no more room
			for i := range 101 {
				_, body := call(t, p, "POST", responsesPath, fmt.Sprintf(`{"model":"m","input":"%d"}`, i))
				ids = append(ids, decode(t, body)["id"].(string))
			}
		}
		for i, want := range map[int]int{0: 404, 1: 200, 100: 200} {
			resp, _ := call(t, p, "GET", responsesPath+"/"+ids[i], "")
			assert.Equal(t, want, resp.StatusCode, i)
		}
	})
}
