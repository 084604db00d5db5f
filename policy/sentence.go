package policy

import (
	"encoding/json"
	"strconv"
	"strings"
)

// relations are, after "is" or "are", what operators say.
var relations = map[string]string{
	"==": "", "!=": "not ", "<": "below ", "<=": "at most ", ">": "over ", ">=": "at least ", "in": "one of ",
}

// sentence says in English that the condition holds, compared with a value as the
// document has it: `its argument "amount_usd" is over 500`.
func (c *condition) sentence(plain any) string {
	switch c.op {
	case "contains":
		if c.fact == "tags" {
			return c.subject() + " contain " + c.shown(plain)
		}
		return c.subject() + " contains " + c.shown(plain)
	case "matches":
		return c.subject() + " matches " + c.shown(plain)
	case "exists":
		if plain == false {
			return c.is("not given")
		}
		return c.is("given")
	}
	return c.is(relations[c.op] + c.shown(plain))
}

// is says something of the condition's subject.
func (c *condition) is(what string) string {
	switch c.fact {
	case "tags", "steps", "estimated_input_tokens":
		return c.subject() + " are " + what
	}
	return c.subject() + " is " + what
}

func (c *condition) subject() string {
	if c.arg != "" {
		return "its argument " + strconv.Quote(c.arg)
	}
	return "its " + c.fact
}

// shown is a value for people.
func (c *condition) shown(plain any) string {
	switch v := plain.(type) {
	case string:
		if c.of == factMoney {
			return v
		}
		return strconv.Quote(v)
	case []any:
		all := make([]string, len(v))
		for i := range v {
			all[i] = c.shown(v[i])
		}
		return strings.Join(all, ", ")
	}
	b, _ := json.Marshal(plain) // fails on a json.Number that is none, which is refused
	return string(b)
}
