package policy

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/rungate/rungate/internal/strict"
)

// A Condition compares an argument of a tool, or a fact about the call, with a
// value. Exactly one of Arg and Call is given.
//
// An argument that is missing, or null, or of another type than the operator and
// the value ask for, holds for all rules but those that allow: what cannot be read
// is not safe. So it is with all arguments if they are not one JSON text, or hold
// an object with a name that comes twice; with one beside which there is another
// that differs in case only; with those of a tool that has yet to be called; and
// with facts that are not known, such as the cost of a model without a price.
// Strings that look like numbers are strings. Numbers are compared exactly, however
// they are written.
type Condition struct {
	// Arg is the path of an argument in gjson's syntax, such as "amount_usd",
	// "customer.id" or "items.0.price", without wildcards, queries and modifiers.
	Arg string `json:"arg"`

	// Call is a fact: "model", "provider", "dialect", "endpoint", "stream",
	// "user", "tags", "agent", "team", "estimated_cost_usd",
	// "estimated_input_tokens", "steps" and "spend_usd" of the run so far,
	// "hour_utc" (0 to 23), or "weekday" in UTC ("monday", …). User and tags are
	// those of the call and of its run.
	Call string `json:"call"`

	// Op is an operator. "==" and "!=" are for texts, numbers, and true or false;
	// "<", "<=", ">" and ">=" for numbers; "in" for one of a list of values;
	// "contains" for a part of a text, or an element of a list; "matches" for a
	// regular expression (RE2) that fits some part of a text; "exists" for what is
	// there, or, with the value false, is not. Texts are compared to the letter.
	Op string `json:"op"`

	// Value is a string, number or bool; for "in" a list of one of these. Money
	// may be a string or a number, such as "0.50". For "exists", nil is true.
	Value any `json:"value"`
}

// condition is a Condition made for deciding.
type condition struct {
	arg, fact string
	slot      int // of the argument
	op        string
	of        operand // what the values are for
	values    []value // one, but for "in"
	re        *regexp.Regexp
	want      bool   // what "exists" must be
	text      string // that it holds, for people
}

func (d *Condition) compile(path string, paths *pathTree, bad complaint) condition {
	c := condition{arg: d.Arg, fact: d.Call, op: d.Op, of: anArgument}
	switch {
	case (d.Arg == "") == (d.Call == ""):
		bad(path, "give one of arg and call")
	case d.Arg != "":
		names, err := parsePath(d.Arg)
		if err != nil {
			bad(path+".arg", "%v", err)
			break
		}
		c.slot = paths.add(names)
	case facts[d.Call] == 0:
		bad(path+".call", "%q is not known; use one of %s", d.Call, factNames())
	default:
		c.of = facts[d.Call]
	}
	switch allowed := operators[d.Op]; {
	case allowed == 0:
		bad(path+".op", "%q is not known; use one of ==, !=, <, <=, >, >=, in, contains, matches, exists", d.Op)
		return c
	case allowed&c.of == 0:
		bad(path+".op", "%s is nothing that %q can be compared by", d.Op, d.Call)
		return c
	default:
		c.of &= allowed
	}
	var plain any
	err := strict.Tree(d.Value, &plain)
	if err == nil {
		err = c.complete(plain)
	}
	for _, e := range strict.At(path+".value", err) {
		bad(e.Path, "%s", e.Reason)
	}
	return c
}

// complete takes the value of the condition.
func (c *condition) complete(plain any) error {
	c.text = c.sentence(plain)
	switch c.op {
	case "exists":
		exists, ok := plain.(bool)
		if !ok && plain != nil {
			return errors.New("want true or false")
		}
		c.want = exists || plain == nil
		return nil
	case "in":
		return c.completeList(plain)
	}
	v, err := c.of.value(plain)
	if err != nil {
		return err
	}
	c.values = []value{v}
	if c.op == "matches" {
		c.re, err = regexp.Compile(v.text)
	}
	return err
}

func (c *condition) completeList(plain any) error {
	list, ok := plain.([]any)
	if !ok || len(list) == 0 {
		return errors.New("want a list of values")
	}
	var errs strict.Errors
	c.values = make([]value, len(list))
	for i := range list {
		var err error
		if c.values[i], err = c.of.value(list[i]); err == nil && i > 0 && c.values[i].kind != c.values[0].kind {
			err = errors.New("is of another type than the first")
		}
		errs = append(errs, strict.At(fmt.Sprintf("[%d]", i), err)...)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}
