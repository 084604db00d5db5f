package translate

import (
	"slices"
)

// reasoning writes how hard the model is to think: by what the request says of its
// thinking, and by its effort, which may be empty.
func (c *chatWriter) reasoning(effort string) {
	asked := effort
	field := "output_config.effort"
	switch thinking, budget := c.thinking(); thinking {
	case "disabled":
		asked, field = "none", "thinking"
	case "adaptive", "between_tools":
		if asked == "" {
			asked, field = "medium", "thinking" // or else some models do not think at all
		}
	case "enabled":
		if asked == "" {
			asked, field = effortOf(budget), "thinking"
		}
	}
	if asked != "" && !slices.Contains(efforts, asked) {
		c.lacks("output_config.effort", "output_config.effort", "%.80q is not known", asked)
		return
	}
	var word string
	switch {
	case c.can.resting && len(c.tools) > 0:
		word = "none" // with tools, it takes nothing else
	case asked == "":
		return
	case len(c.can.effort) == 0:
		if asked != "none" {
			c.notes.Add(field, "dropped")
		}
		return
	default:
		word = effortNear(asked, c.can.effort)
	}
	if word != asked && asked != "" {
		c.notes.Add(field, word)
	}
	c.put(`,"reasoning_effort":"` + word + `"`)
}

// thinking reads what the request says of the model's thinking: its type, and the budget
// in tokens.
func (c *chatWriter) thinking() (typ string, budget int64) {
	const path = "thinking"
	s := c.top[memberThinking]
	if s.none() {
		return "", 0
	}
	c.object(c.raw(s), path, func(name, value []byte) {
		switch string(name) {
		case "type":
			typ = string(word(value))
		case "budget_tokens":
			budget = integer(value)
		case "display":
			if word := string(word(value)); word != "" && word != "omitted" {
				c.notes.Add(path+".display", "dropped") // the answer shows no thinking
			}
		case "block_binding": // of thinking in the history, which is left out
		default:
			c.unknown(path, path, name)
		}
	})
	switch {
	case typ == "enabled" && budget <= 0:
		c.refuse(path+".budget_tokens", "a number of tokens is wanted")
	case !slices.Contains([]string{"enabled", "adaptive", "between_tools", "disabled"}, typ):
		c.lacks(path+".type", path, "%.80q is not known", typ)
	}
	return typ, budget
}

// effortOf is how hard a model thinks with so many tokens to do so.
func effortOf(budget int64) string {
	switch {
	case budget < 2048:
		return "low"
	case budget < 8192:
		return "medium"
	}
	return "high"
}

// effortNear is the one of the words, the least first, that is no more than word, or else
// the least. Only who asks for none gets none, if there is another.
func effortNear(word string, words []string) string {
	rank := func(w string) int { return slices.Index(efforts, w) }
	best := ""
	for _, w := range words {
		switch {
		case w == word:
			return w
		case w == "none":
		case best == "" || rank(w) <= rank(word):
			best = w
		}
	}
	if best == "" {
		return words[0]
	}
	return best
}
