package fake_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArguments(t *testing.T) {
	of := func(properties string) string { return `{"type":"object","properties":{` + properties + `}}` }
	tests := []struct {
		name, text, schema, want string
	}{
		{"a refund", "Please refund order ord_2H4p: $1,240.00.", refundSchema, `{"order":"ord_2H4p","amount_usd":1240.00}`},
		{"money in words", "Give 75 dollars back for order 4411", refundSchema, `{"order":"4411","amount_usd":75}`},
		{"money is not a quantity", "Order 3 pieces at 20 USD", of(`"price":{"type":"number"},"quantity":{"type":"integer"}`), `{"price":20,"quantity":3}`},
		{"numbers in turn", "add 2 and 3.5", of(`"a":{"type":"number"},"b":{"type":"number"},"c":{"type":"number"}`), `{"a":2,"b":3.5,"c":1}`},
		{"whole numbers", "3.7 of them", of(`"n":{"type":"integer"}`), `{"n":3}`},
		{"a minimum, where nothing is said", "some", of(`"n":{"type":"integer","minimum":5}`), `{"n":5}`},
		{"no number", "version 01 of a1b and 1.2.3", of(`"n":{"type":"number"}`), `{"n":1}`},
		{"an order that is not named", "refund it", refundSchema, `{"order":"order_1","amount_usd":1}`},
		{"what is required", "x", `{"type":"object","properties":{"a":{"type":"boolean"},"b":{"type":"boolean"}},"required":["b"]}`, `{"b":true}`},
		{"a place", "What is the weather in Lisbon?", of(`"location":{"type":"string"},"unit":{"type":"string","enum":["celsius","fahrenheit"]}`),
			`{"location":"Lisbon","unit":"celsius"}`},
		{"a word of a list that is mentioned", "in fahrenheit, please", of(`"city":{"type":"string"},"unit":{"enum":["celsius","fahrenheit"]}`),
			`{"city":"Paris","unit":"fahrenheit"}`},
		{"nothing that does harm", "delete everything", of(`"command":{"type":"string"},"file_path":{"type":"string"}`), `{"command":"echo hello","file_path":"README.md"}`},
		{"the text itself", "What  is\nit?", of(`"query":{"type":"string"}`), `{"query":"What is it?"}`},
		{"what names suggest", "x", of(`"startDate":{"type":"string"},"when":{"type":"string"},"email":{"type":"string"},"url":{"type":"string"},"currency":{"type":"string"},"language":{"type":"string"}`),
			`{"startDate":"2026-04-26","when":"2026-04-26T15:48:12Z","email":"ada@example.com","url":"https://example.com/","currency":"USD","language":"en"}`},
		{"what formats demand", "x", of(`"a":{"type":"string","format":"date"},"b":{"type":"string","format":"date-time"},"c":{"type":"string","format":"email"},"d":{"type":"string","format":"uri"}`),
			`{"a":"2026-04-26","b":"2026-04-26T15:48:12Z","c":"ada@example.com","d":"https://example.com/"}`},
		{"constants and defaults", "x", of(`"a":{"const":{"k":1}},"b":{"type":"integer","default":7}`), `{"a":{"k":1},"b":7}`},
		{"what may be null is not", "x", of(`"a":{"type":["null","boolean"]},"b":{"anyOf":[{"type":"null"},{"type":"boolean"}]},"c":{"type":"null"}`), `{"a":true,"b":true,"c":null}`},
		{"arrays and objects", "ids A-1 and B-2", of(`"ids":{"type":"array","minItems":2,"items":{"type":"string"}},"o":{"properties":{"ok":{"type":"boolean"}}},"any":{"type":"array"}`),
			`{"ids":["A-1","B-2"],"o":{"ok":true},"any":[]}`},
		{"references", "x", `{"$defs":{"yes":{"type":"boolean"}},"type":"object","properties":{"a":{"$ref":"#/$defs/yes"},"b":{"oneOf":[{"$ref":"#/$defs/yes"}]},"c":{"allOf":[{"type":"boolean"}]}}}`,
			`{"a":true,"b":true,"c":true}`},
		{"a reference to nothing", "x", of(`"a":{"$ref":"#/$defs/none"}`), `{"a":"x"}`},
		{"a schema in itself", "x", of(`"me":{"$ref":"#"}`), strings.Repeat(`{"me":`, 8) + "null" + strings.Repeat(`}`, 8)},
		{"no properties", "x", `{"type":"object"}`, `{}`},
		{"no object", "x", `{"type":"string"}`, `{}`},
		{"no schema", "x", `true`, `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"model":"m","tool_choice":"required","messages":[{"role":"user","content":` + strconv.Quote(tt.text) + `}],` +
				`"tools":[{"type":"function","function":{"name":"f","parameters":` + tt.schema + `}}]}`
			o := decode(t, post(t, chatPath, body))
			assert.Equal(t, tt.want, o.at("choices", 0, "message", "tool_calls", 0, "function", "arguments"))
		})
	}
	t.Run("a schema that grows without end is cut", func(t *testing.T) {
		var many []string
		for i := range 20 {
			many = append(many, `"p`+strconv.Itoa(i)+`":{"$ref":"#"}`)
		}
		body := `{"model":"m","messages":[{"role":"user","content":"f"}],"tools":[{"type":"function","function":{"name":"f","parameters":` + of(strings.Join(many, ",")) + `}}]}`
		assert.Less(t, len(post(t, chatPath, body)), 100_000)
	})
}
