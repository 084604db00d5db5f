package translate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMessagesToChatReasoning(t *testing.T) {
	effort := func(word string) string { return `"reasoning_effort":"` + word + `"` }
	adaptive := func(word string) string {
		return `"thinking":{"type":"adaptive"},"output_config":{"effort":"` + word + `"}`
	}
	checkChats(t, map[string]askedCase{
		"nothing said":                {model: "gpt-5.1"},
		"an effort":                   {model: "gpt-5.1", in: `"output_config":{"effort":"low"}`, want: effort("low")},
		"as it sees fit":              {model: "gpt-5.1", in: `"thinking":{"type":"adaptive"}`, want: effort("medium")},
		"as it sees fit, by effort":   {model: "gpt-5.1", in: adaptive("high"), want: effort("high")},
		"between tools":               {model: "gpt-5.1", in: `"thinking":{"type":"between_tools"}`, want: effort("medium")},
		"the most":                    {model: "gpt-5.2", in: adaptive("max"), want: effort("xhigh"), notes: "output_config.effort=xhigh"},
		"more than it has":            {model: "gpt-5.1", in: adaptive("xhigh"), want: effort("high"), notes: "output_config.effort=high"},
		"a small budget":              {model: "o3", in: `"thinking":{"type":"enabled","budget_tokens":2047}`, want: effort("low")},
		"a budget":                    {model: "o3", in: `"thinking":{"type":"enabled","budget_tokens":2048}`, want: effort("medium")},
		"a large budget":              {model: "o3", in: `"thinking":{"type":"enabled","budget_tokens":8192}`, want: effort("high")},
		"a budget and an effort":      {model: "o3", in: `"thinking":{"type":"enabled","budget_tokens":1024},"output_config":{"effort":"high"}`, want: effort("high")},
		"off":                         {model: "gpt-5.1", in: `"thinking":{"type":"disabled"}`, want: effort("none")},
		"off, with an effort":         {model: "gpt-5.1", in: `"thinking":{"type":"disabled"},"output_config":{"effort":"high"}`, want: effort("none")},
		"off, where it thinks a bit":  {model: "gpt-5", in: `"thinking":{"type":"disabled"}`, want: effort("minimal"), notes: "thinking=minimal"},
		"off, where it always thinks": {model: "o3", in: `"thinking":{"type":"disabled"}`, want: effort("low"), notes: "thinking=low"},
		"of a model that cannot":      {in: `"thinking":{"type":"adaptive"}`, notes: "thinking=dropped"},
		"effort that it has not":      {in: `"output_config":{"effort":"high"}`, notes: "output_config.effort=dropped"},
		"off, of one that cannot":     {in: `"thinking":{"type":"disabled"}`},
		"shown":                       {model: "o3", in: `"thinking":{"type":"adaptive","display":"summarized"}`, want: effort("medium"), notes: "thinking.display=dropped"},
		"not shown":                   {model: "o3", in: `"thinking":{"type":"adaptive","display":"omitted","block_binding":{}}`, want: effort("medium")},
		"a budget of nothing":         {model: "o3", in: `"thinking":{"type":"enabled"}`, refused: "thinking.budget_tokens: a number of tokens is wanted"},
		"of a type that is not known": {model: "o3", in: `"thinking":{"type":"novel"}`, refused: `thinking.type: "novel" is not known`},
		"the same, leniently":         {model: "o3", lenient: true, in: `"thinking":{"type":"novel"}`, notes: "thinking=dropped"},
		"an effort that is not known": {model: "o3", in: `"output_config":{"effort":"heroic"}`, refused: `output_config.effort: "heroic" is not known`},
		"an effort that is no word":   {model: "o3", in: `"output_config":{"effort":5}`, refused: `output_config.effort: a text is wanted`},
		"with a member":               {model: "o3", in: `"thinking":{"type":"adaptive","novel":1}`, refused: `thinking.novel: it is not known`},
	})
}

// OpenAI's newer models refuse tools in Chat Completions unless they do not think, even
// if nothing is said of it (openai-openapi #541, litellm #34569).
func TestMessagesToChatReasoningWithTools(t *testing.T) {
	const tools, toolsInChat = `"tools":[` + toolF + `]`, `"tools":[` + toolFInChat + `]`
	checkChats(t, map[string]askedCase{
		"nothing said":        {model: "gpt-5.6", in: tools, want: toolsInChat + `,"reasoning_effort":"none"`},
		"thinking":            {model: "gpt-5.6", in: tools + `,"thinking":{"type":"adaptive"}`, want: toolsInChat + `,"reasoning_effort":"none"`, notes: "thinking=none"},
		"an effort":           {model: "gpt-5.6", in: tools + `,"output_config":{"effort":"high"}`, want: toolsInChat + `,"reasoning_effort":"none"`, notes: "output_config.effort=none"},
		"off":                 {model: "gpt-5.6", in: tools + `,"thinking":{"type":"disabled"}`, want: toolsInChat + `,"reasoning_effort":"none"`},
		"without tools":       {model: "gpt-5.6", in: `"thinking":{"type":"adaptive"}`, want: `"reasoning_effort":"medium"`},
		"models that do both": {model: "gpt-5", in: tools + `,"output_config":{"effort":"high"}`, want: toolsInChat + `,"reasoning_effort":"high"`},
	})
}

func TestStrictSchema(t *testing.T) {
	object := func(properties, required string) string {
		return `{"type":"object","properties":{` + properties + `},"required":[` + required + `],"additionalProperties":false}`
	}
	nested := func(levels int) string {
		s := object("", "")
		for range levels - 1 {
			s = object(`"a":`+s, `"a"`)
		}
		return s
	}
	for name, c := range map[string]struct {
		schema string
		want   bool
	}{
		"no properties":               {`{"type":"object","additionalProperties":false}`, true},
		"all required":                {object(`"a":{"type":"string"},"b":{"type":["integer","null"]}`, `"b","a"`), true},
		"one not required":            {object(`"a":{"type":"string"},"b":{"type":"integer"}`, `"a"`), false},
		"one required that is not":    {object(`"a":{"type":"string"}`, `"a","b"`), false},
		"others allowed":              {`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, false},
		"others of a kind":            {`{"type":"object","additionalProperties":{"type":"string"}}`, false},
		"anything":                    {object(`"a":{}`, `"a"`), false},
		"true":                        {object(`"a":true`, `"a"`), false},
		"a list":                      {object(`"a":{"type":"array","items":{"type":"string"},"minItems":1}`, `"a"`), true},
		"a list of objects":           {object(`"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":"string"}}}}`, `"a"`), false},
		"either":                      {object(`"a":{"anyOf":[{"type":"string"},{"type":"null"}]}`, `"a"`), true},
		"either, one of which is not": {object(`"a":{"anyOf":[{"type":"string"},{"type":"object"}]}`, `"a"`), false},
		"one of":                      {object(`"a":{"oneOf":[{"type":"string"},{"type":"null"}]}`, `"a"`), false},
		"all of":                      {object(`"a":{"allOf":[{"type":"string"}]}`, `"a"`), false},
		"a choice":                    {object(`"a":{"enum":["x","y"]},"b":{"const":1}`, `"a","b"`), true},
		"a reference":                 {`{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"required":["a"],"additionalProperties":false,"$defs":{"b":{"type":"object","properties":{"next":{"$ref":"#/$defs/b"}},"required":["next"],"additionalProperties":false}}}`, true},
		"a reference to what is not":  {`{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"required":["a"],"additionalProperties":false,"$defs":{"b":{"type":"object"}}}`, false},
		"words about it":              {object(`"a":{"type":"string","title":"A","description":"an a","pattern":"^a$","format":"date"}`, `"a"`), true},
		"a format that is not known":  {object(`"a":{"type":"string","format":"uri"}`, `"a"`), false},
		"a default":                   {object(`"a":{"type":"string","default":"x"}`, `"a"`), false},
		"a length":                    {object(`"a":{"type":"string","maxLength":5}`, `"a"`), false},
		"an object that does not say": {object(`"a":{"properties":{"b":{"type":"string"}},"anyOf":[{"type":"null"}]}`, `"a"`), false},
		"a kind among others":         {object(`"a":{"type":["object","null"]}`, `"a"`), false},
		"ten levels":                  {nested(10), true},
		"eleven levels":               {nested(11), false},
		"lists of lists without end":  {object(`"a":`+strings.Repeat(`{"type":"array","items":`, 100)+`{"type":"null"}`+strings.Repeat(`}`, 100), `"a"`), false},
		"no schema":                   {`"object"`, false},
		"properties that are no list": {`{"type":"object","properties":[],"additionalProperties":false}`, false},
		"a name twice":                {object(`"a":{"type":"string"},"a":{"type":"string"}`, `"a"`), false},
	} {
		assert.Equal(t, c.want, strictSchema([]byte(c.schema)), name)
	}
}
