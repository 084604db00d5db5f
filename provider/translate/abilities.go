package translate

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"github.com/rungate/rungate/provider"
)

// abilities are what a model takes and does not take, as far as it matters to what it
// is sent.
type abilities struct {
	effort     []string // the words for how hard it thinks, the least first; nil if there are none
	adaptive   bool     // of Claude: it thinks as it sees fit, by effort
	budgeted   bool     // of Claude: it thinks within a budget of tokens
	disabled   bool     // of Claude, where adaptive: it takes being told not to think
	structured bool     // it can be held to a JSON Schema
	sampling   bool     // it takes temperature and top_p
	prefill    bool     // it goes on with an assistant message at the end
	images     bool
	pdfs       bool
	stop       bool // it takes sequences at which to stop
	midway     bool // of Claude: it takes system messages within the conversation
	breakpoint bool // of OpenAI: it takes breakpoints of its prompt cache
	developer  bool // of OpenAI: instructions come as a developer message
	parallel   bool // of OpenAI: it takes parallel_tool_calls
	resting    bool // of OpenAI: with tools it takes no effort but "none"
	vendors    bool // it is one of the vendor's own, and not of a compatible server
}

// What the servers have in common that are compatible with an API and run models of
// others: vLLM, Ollama and the like for Chat Completions. For Messages there are fewer,
// and they leave unread what they do not know, so nothing is relied on there that
// makes an answer wrong.
var (
	compatibleChat     = abilities{structured: true, sampling: true, images: true, stop: true, parallel: true}
	compatibleMessages = abilities{sampling: true, images: true, stop: true}
)

//go:embed modeldata/models.json
var modelTable []byte

// tables are the abilities of the vendors' models, by vendor and name.
var tables = sync.OnceValue(func() map[string]map[string]abilities {
	var rows map[string][]struct {
		Models, Effort, Takes []string
	}
	if err := json.Unmarshal(modelTable, &rows); err != nil {
		panic("translate: the embedded models: " + err.Error()) // a test reads them
	}
	all := map[string]map[string]abilities{}
	for vendor, rows := range rows {
		all[vendor] = map[string]abilities{}
		for _, r := range rows {
			a := abilities{vendors: true, effort: r.Effort}
			for _, word := range r.Takes {
				if !a.take(word) {
					panic("translate: the embedded models: what is " + word)
				}
			}
			for _, name := range r.Models {
				all[vendor][name] = a
			}
		}
	}
	return all
})

// take notes what a word of the table says and reports whether there is such a word.
func (a *abilities) take(word string) bool {
	flag := map[string]*bool{
		"adaptive": &a.adaptive, "budgeted": &a.budgeted, "disabled": &a.disabled, "structured": &a.structured, "sampling": &a.sampling,
		"prefill": &a.prefill, "images": &a.images, "pdfs": &a.pdfs, "stop": &a.stop, "midway": &a.midway,
		"breakpoints": &a.breakpoint, "developer": &a.developer, "parallel": &a.parallel,
		"resting": &a.resting,
	}[word]
	if flag != nil {
		*flag = true
	}
	return flag != nil
}

// Names of models: those of OpenAI's families, what may come before a name, and what
// may follow it.
var (
	ofOpenAI = regexp.MustCompile(`^(gpt-\d|o\d|chatgpt-)`)
	prefix   = regexp.MustCompile(`^(.*/|ft:|([a-z]+\.)?anthropic\.)`)
	suffix   = regexp.MustCompile(`(:.*|-v\d+|@.*|[-@]\d{8}|-\d{4}-\d\d-\d\d|-\d{4}|-latest|-preview)$`)
)

// maxSuffixes is how many of them a name has at the most: "-20250929-v1:0" are two.
const maxSuffixes = 4

// abilitiesOf returns those of a model at an API, Chat or Messages, by its name, with
// or without a date. Of one of the vendor's that is not known they are those of its
// newest; of any other one, what compatible servers have in common.
func abilitiesOf(at provider.Endpoint, model string) abilities {
	name := strings.ToLower(model)
	name = name[len(prefix.FindString(name)):]
	vendor, own, other := "openai", ofOpenAI.MatchString(name), compatibleChat
	if at == provider.Messages {
		vendor, own, other = "anthropic", strings.Contains(name, "claude"), compatibleMessages
		name = strings.ReplaceAll(name, ".", "-") // claude-sonnet-4.5, as routers have it
	}
	if !own {
		return other
	}
	table := tables()[vendor]
	for range maxSuffixes + 1 {
		if a, ok := table[name]; ok {
			return a
		}
		end := suffix.FindStringIndex(name)
		if end == nil || end[0] == 0 {
			break
		}
		name = name[:end[0]]
	}
	return table["*"]
}
