package translate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/provider/anthropic"
)

// Schemas that Claude can be held to, and that it cannot.
const (
	closedSchema = `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`
	openSchema   = `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`
)

func TestChatStrictTools(t *testing.T) {
	const dropped = "tools.function.strict=dropped"
	declares := func(schema string) string {
		return `"tools":[{"type":"function","function":{"name":"look","strict":true,"parameters":` + schema + `}}]`
	}
	uses := func(schema, strict string) string {
		return `"tools":[{"name":"look",` + strict + `"input_schema":` + schema + `}],` + cached
	}
	many := `{"type":"object","properties":{` + strings.TrimSuffix(strings.Repeat(`"%d":{},`, 25), ",") + `},"additionalProperties":false}`
	n := make([]any, 25)
	for i := range n {
		n[i] = i
	}
	many = fmt.Sprintf(many, n...)
	tests := []requestCase{
		{name: "stay so", in: declares(closedSchema), want: uses(closedSchema, `"strict":true,`)},
		{name: "not where the model is too old", model: "claude-sonnet-4-0", in: declares(closedSchema), want: uses(closedSchema, ""), notes: dropped},
		{name: "not with objects that are not closed", in: declares(openSchema), want: uses(openSchema, ""), notes: dropped},
		{name: "not with too many optional properties", in: declares(many), want: uses(many, ""), notes: dropped},
		{name: "not without a schema", in: declares(`null`), want: uses(`{"type":"object","properties":{}}`, ""), notes: dropped},
		{name: "that are not say nothing", in: `"tools":[{"type":"function","function":{"name":"look","strict":false,"parameters":` + closedSchema + `}}]`, want: uses(closedSchema, "")},
	}
	for _, c := range []struct{ name, property, more string }{
		{"numbers that have a least", `{"type":"number","minimum":1}`, ""},
		{"texts of a format that is not known", `{"type":"string","format":"iban"}`, ""},
		{"texts that have a length", `{"type":"string","maxLength":1}`, ""},
		{"lists that have two elements at least", `{"type":"array","items":{},"minItems":2}`, ""},
		{"a choice of objects", `{"enum":[{"a":1}]}`, ""},
		{"objects that are not closed within", openSchema, ""},
		{"what refers to itself", `{"$ref":"#/$defs/n"}`, `,"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}},"required":["next"],"additionalProperties":false}}`},
		{"what refers to all of it", `{"$ref":"#"}`, ""},
		{"what refers to itself by way of others", `{"$ref":"#/$defs/a"}`, `,"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}}`},
		{"what refers to elsewhere", `{"$ref":"https://example.org/a"}`, ""},
	} {
		schema := `{"type":"object","properties":{"a":` + c.property + `},"required":["a"],"additionalProperties":false` + c.more + `}`
		tests = append(tests, requestCase{name: "not with " + c.name, in: declares(schema), want: uses(schema, ""), notes: dropped})
	}
	shared := `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"},"b":{"$ref":"#/$defs/a"}},"required":["a","b"],"additionalProperties":false,"$defs":{"a":{"type":["string","null"],"enum":["x",null]}}}`
	tests = append(tests, requestCase{name: "with definitions that are used twice", in: declares(shared), want: uses(shared, `"strict":true,`)})
	runAll(t, tests)

	t.Run("no more than twenty", func(t *testing.T) {
		var in, want []string
		for i := range 21 {
			in = append(in, fmt.Sprintf(`{"type":"function","function":{"name":"t%d","strict":true,"parameters":%s}}`, i, closedSchema))
			strict := `"strict":true,`
			if i == 20 {
				strict = ""
			}
			want = append(want, fmt.Sprintf(`{"name":"t%d",%s"input_schema":%s}`, i, strict, closedSchema))
		}
		requestCase{in: `"tools":[` + strings.Join(in, ",") + `]`, want: `"tools":[` + strings.Join(want, ",") + `],` + cached, notes: "tools.function.strict=dropped"}.run(t)
	})
}

func TestChatResponseFormat(t *testing.T) {
	asks := func(schema string) string {
		return `"response_format":{"type":"json_schema","json_schema":{"name":"a","description":"b","strict":true,"schema":` + schema + `}}`
	}
	holds := func(schema string) string {
		return `"output_config":{"format":{"type":"json_schema","schema":` + schema + `}}`
	}
	const at = "response_format.json_schema.schema: "
	chain := make([]string, maxDefinitions+1)
	for i := range chain {
		chain[i] = fmt.Sprintf(`"d%d":{"$ref":"#/$defs/d%d"}`, i, i+1)
	}
	narrow := func(keyword string) string { return "response_format.json_schema.schema." + keyword + "=dropped" }
	runAll(t, []requestCase{
		{name: "text", in: `"response_format":{"type":"text"}`},
		{name: "a schema", in: asks(closedSchema), want: holds(closedSchema)},
		{name: "a schema that need not be kept to", in: `"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":false,"schema":` + closedSchema + `}}`, want: holds(closedSchema)},
		{name: "objects that are not closed get closed", in: asks(`{"type":"object","properties":{"a":` + openSchema + `,"b":{"type":"array","items":` + openSchema + `}}}`),
			want: holds(`{"additionalProperties":false,"type":"object","properties":{"a":` + closedSchema + `,"b":{"type":"array","items":` + closedSchema + `}}}`)},
		{name: "objects of any members cannot be closed", in: asks(`{"type":"object"}`), refusal: at + "the other API takes only objects whose members are all named; name them"},
		{name: "maps cannot be closed", in: asks(`{"type":"object","properties":{"a":{"type":"object","additionalProperties":{"type":"string"}}}}`),
			refusal: at + "the other API takes only objects whose members are all named; name them"},
		{name: "parts of a whole cannot be closed", in: asks(`{"type":"object","properties":{"a":{"allOf":[` + openSchema + `,` + openSchema + `]}}}`),
			refusal: at + `the other API holds no model to "allOf" in this form; leave that out`},
		{name: "what a model cannot be held to", in: asks(`{"type":"object","properties":{"a":{"type":"integer","minimum":1}}}`),
			refusal: at + `the other API holds no model to "minimum"; leave that out, or translate leniently`},
		{name: "what a model cannot be held to, leniently", lenient: true,
			in: asks(`{ "minLength" : 2, "maxLength":3 ,"type":"object","properties":{"minimum":{"minimum":0 ,"type":"integer" , "maximum":10, "multipleOf" : 2 },` +
				`"b":{"type":"array","items":{"description":"b","exclusiveMinimum":1},"minItems":1},"c":{"type":"string","enum":["x"],"minLength":1,"title":"c"},"d":{"format":"phone","minimum":1}},` +
				`"required":["minimum","b","c","d"],"additionalProperties":false,"uniqueItems":true}`),
			want: holds(`{"type":"object","properties":{"minimum":{"type":"integer"},` +
				`"b":{"type":"array","items":{"description":"b"},"minItems":1},"c":{"type":"string","enum":["x"],"title":"c"},"d":{}},` +
				`"required":["minimum","b","c","d"],"additionalProperties":false}`),
			notes: strings.Join([]string{narrow("minLength"), narrow("maxLength"), narrow("minimum"), narrow("maximum"), narrow("multipleOf"), narrow("exclusiveMinimum"), narrow("format"), narrow("uniqueItems")}, ", ")},
		{name: "definitions without end", in: asks(`{"type":"object","properties":{"a":{"type":"string"}},"$defs":{` + strings.Join(chain, ",") + `}}`),
			refusal: at + `the other API holds no model to "$defs" in this form; leave that out`},
		{name: "what is none of these, leniently", lenient: true, in: asks(`{"type":"object","properties":{"a":{"not":{"type":"null"}}}}`),
			refusal: at + `the other API holds no model to "not" in this form; leave that out`},
		{name: "models that are too old: no tool takes its place (litellm #35677)", model: "claude-3-5-sonnet-20241022", in: asks(closedSchema),
			refusal: "response_format: the model cannot be held to a schema; ask for JSON in words, or use a newer model"},
		{name: "models that are too old, leniently as well", model: "claude-opus-4-1", lenient: true, in: asks(closedSchema),
			refusal: "response_format: the model cannot be held to a schema; ask for JSON in words, or use a newer model"},
		{name: "servers of others", model: "glm-4.6", in: asks(closedSchema),
			refusal: "response_format: the model cannot be held to a schema; ask for JSON in words, or use a newer model"},
		{name: "no schema", in: asks(`null`), refusal: at + "a schema is wanted"},
		{name: "with effort", model: "claude-opus-4-8", in: asks(closedSchema) + `,"reasoning_effort":"high"`,
			want: `"thinking":{"type":"adaptive"},"output_config":{"effort":"high","format":{"type":"json_schema","schema":` + closedSchema + `}}`},
		{name: "any object is asked for in words", in: `"response_format":{"type":"json_object"}`,
			want: `"system":[{"type":"text","text":"Answer with one JSON object and nothing else."}]`, notes: "response_format=asked for in the system prompt"},
		{name: "any object, after what the system says", in: `"response_format":{"type":"json_object"},"messages":[{"role":"system","content":"A"},` + hi + `]`,
			want: `"system":[{"type":"text","text":"A"},{"type":"text","text":"Answer with one JSON object and nothing else."}]`, notes: "response_format=asked for in the system prompt"},
		{name: "a grammar", in: `"response_format":{"type":"grammar"}`,
			refusal: "response_format: a format of this type has no like at the other API; it is text, json_object or json_schema"},
	})
}

// Whatever the order of its members and the white space between them are, a schema is
// the same without what is narrow.
func TestChatSchemasWithoutLimits(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		in, want := randomSchema(r, 3)
		tr, err := Request(chatRequestOf(t, []byte(`{"model":"gpt-5","messages":[`+hi+`],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":`+in+`}}}`)),
			anthropic.Dialect{}, Options{Model: "claude-opus-4-8", Lenient: true})
		require.NoError(t, err, in)
		require.JSONEq(t, want, gjson.GetBytes(tr.Body, "output_config.format.schema").Raw, in)
	}
}

// randomSchema returns a schema, and the same without what is narrow.
func randomSchema(r *rand.Rand, depth int) (with, without string) {
	kept := map[string][2]string{"title": {`"minimum"`, `"minimum"`}, "description": {`"a\"}"`, `"a\"}"`}}
	if depth == 0 || r.IntN(3) == 0 {
		kept["type"] = [2]string{`"integer"`, `"integer"`}
	} else {
		child, bare := randomSchema(r, depth-1)
		other, plain := randomSchema(r, depth-1)
		kept["type"] = [2]string{`"object"`, `"object"`}
		kept["properties"] = [2]string{`{"minimum": ` + child + ` , "b":` + other + `}`, `{"minimum":` + bare + `,"b":` + plain + `}`}
		kept["required"] = [2]string{`["minimum","b"]`, `["minimum","b"]`}
		kept["additionalProperties"] = [2]string{"false", "false"}
	}
	var all, some []string
	blanks := func() string { return strings.Repeat(" ", r.IntN(2)) }
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		value := kept[name]
		all = append(all, blanks()+`"`+name+`"`+blanks()+":"+blanks()+value[0]+blanks())
		some = append(some, `"`+name+`":`+value[1])
	}
	for _, limit := range []string{`"minimum":1`, `"maxLength" : 2`, `"format":"iban"`, `"uniqueItems":true`, `"multipleOf":{"a":[1,","]}`} {
		if r.IntN(2) == 0 {
			all = append(all, blanks()+limit+blanks())
		}
	}
	r.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return "{" + strings.Join(all, ",") + "}", "{" + strings.Join(some, ",") + "}"
}
