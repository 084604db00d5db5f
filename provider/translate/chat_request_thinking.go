package translate

import (
	"slices"
	"strconv"
)

// efforts are OpenAI's words for how hard a model thinks, from the least.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// budgets are how many tokens of thinking a Claude is given for an effort, if it wants
// to be told that.
var budgets = map[string]int64{
	"minimal": minBudget, "low": minBudget, "medium": 4096, "high": 16_384, "xhigh": 32_768, "max": 32_768,
}

// minBudget is the least that a budget may be.
const minBudget = 1024

// thinking writes how hard the model is to think. It returns the effort that goes with
// that and whether the model thinks.
func (t *messagesWriter) thinking(value []byte, limit int64) (effort string, thinks bool) {
	const field = "reasoning_effort"
	asked := string(word(value))
	switch {
	case value == nil || t.err != nil:
		return "", false
	case !slices.Contains(efforts, asked):
		t.refuse(field, "this effort is not known; it is one of none, minimal, low, medium, high, xhigh and max")
		return "", false
	case t.can.adaptive:
		return t.adaptive(field, asked)
	case asked == "none": // it does not, unless told
		return "", false
	case t.can.budgeted:
		return "", t.budgeted(field, asked, limit)
	}
	t.note(field, "dropped")
	return "", false
}

// adaptive lets the model think as it sees fit.
func (t *messagesWriter) adaptive(field, asked string) (effort string, thinks bool) {
	if asked == "none" {
		if t.can.disabled {
			t.key("thinking")
			t.out = append(t.out, `{"type":"disabled"}`...)
			return "", false
		}
		t.note(field, "low") // it thinks little then, or not at all
		return "low", true
	}
	effort = t.effort(asked)
	if effort != asked {
		t.note(field, effort)
	}
	t.key("thinking")
	t.out = append(t.out, `{"type":"adaptive"}`...)
	return effort, true
}

// effort returns the nearest effort that the model knows.
func (t *messagesWriter) effort(asked string) string {
	for i := slices.Index(efforts, asked); i >= 0; i-- {
		if slices.Contains(t.can.effort, efforts[i]) {
			return efforts[i]
		}
	}
	return "low"
}

// budgeted gives the model a budget of tokens for thinking, where it may think. What
// the call allows for the answer as a whole stays: at OpenAI as well thinking counts
// towards it.
func (t *messagesWriter) budgeted(field, asked string, limit int64) bool {
	switch {
	case t.results: // it would have to show what it has thought before the calls
		t.note(field, "dropped after tool calls")
		return false
	case t.forced:
		t.note(field, "dropped for tool_choice")
		return false
	case t.ended == assistant:
		t.note(field, "dropped for the assistant message at the end")
		return false
	}
	budget := min(budgets[asked], limit/2)
	if budget < minBudget {
		t.note(field, "dropped for the limit of the answer")
		return false
	}
	t.key("thinking")
	t.out = append(t.out, `{"type":"enabled","budget_tokens":`...)
	t.out = strconv.AppendInt(t.out, budget, 10)
	t.out = append(t.out, '}')
	if budget < budgets[asked] {
		t.note(field, "budget of "+strconv.FormatInt(budget, 10)+" tokens")
	}
	return true
}
