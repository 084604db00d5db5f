package translate_test

import (
	"regexp"
	"strings"
)

// A restriction is what a model refuses of what its API knows: each has been seen to
// be answered with an error 400.
type restriction struct {
	models *regexp.Regexp
	fields []string            // that it does not take
	values map[string][]string // those that it takes of others, in JSON
	roles  string              // of messages that it does not take
	ended  bool                // it does not go on with an assistant message
}

var restrictions = []restriction{
	{models: regexp.MustCompile(`^(gpt-5|o\d)`), fields: []string{"max_tokens", "temperature", "top_p"}},
	{models: regexp.MustCompile(`^gpt-5`), fields: []string{"stop"}},
	{models: regexp.MustCompile(`^gpt-4`), fields: []string{"reasoning_effort"}},
	{models: regexp.MustCompile(`^llama`), fields: []string{"reasoning_effort", "service_tier"}, roles: "developer"},
	{
		models: regexp.MustCompile(`^claude-opus-5`), fields: []string{"temperature", "top_p", "top_k"}, ended: true,
		values: map[string][]string{"thinking.type": {"adaptive", "disabled"}},
	},
	{models: regexp.MustCompile(`^claude-sonnet-4-5`), roles: "system", values: map[string][]string{"thinking.type": {"enabled", "disabled"}}, fields: []string{"output_config.effort"}},
	{models: regexp.MustCompile(`^claude-3-5`), roles: "system", fields: []string{"thinking", "output_config"}},
}

// modelRules returns what the model that is asked would refuse.
func modelRules(body []byte) (faults []string) {
	v := decode(body)
	model := str(v, "model")
	for _, r := range restrictions {
		if !r.models.MatchString(model) {
			continue
		}
		for _, f := range r.fields {
			if in(v, strings.Split(f, ".")...) != nil {
				faults = append(faults, model+" takes no "+f)
			}
		}
		for f, known := range r.values {
			if word := str(v, strings.Split(f, ".")...); word != "" && !strings.Contains(strings.Join(known, " "), word) {
				faults = append(faults, model+" takes no "+f+" "+word)
			}
		}
		msgs := list(v, "messages")
		for _, m := range msgs {
			if r.roles != "" && str(m, "role") == r.roles {
				faults = append(faults, model+" takes no message of the role "+r.roles)
			}
		}
		if r.ended && str(msgs[len(msgs)-1], "role") == "assistant" {
			faults = append(faults, model+" does not go on with an assistant message")
		}
	}
	return faults
}
