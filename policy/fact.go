package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/rungate/rungate/provider"
)

// An operand is what a condition compares, or a set of such.
type operand uint16

const (
	argText operand = 1 << iota
	argNumber
	argFlag
	factText
	factWeekday
	factMoney
	factCount
	factFlag
	factTags

	anArgument = argText | argNumber | argFlag
	ordinal    = argNumber | factMoney | factCount
	equatable  = anArgument | ordinal | factText | factWeekday | factFlag
)

// operators are there for these operands.
var operators = map[string]operand{
	"==": equatable, "!=": equatable, "in": equatable,
	"<": ordinal, "<=": ordinal, ">": ordinal, ">=": ordinal,
	"contains": anArgument | factText | factTags,
	"matches":  argText | factText,
	"exists":   equatable | factTags,
}

// facts are what conditions can be about besides arguments.
var facts = map[string]operand{
	"model": factText, "provider": factText, "dialect": factText, "endpoint": factText,
	"user": factText, "agent": factText, "team": factText, "tags": factTags, "stream": factFlag,
	"estimated_cost_usd": factMoney, "spend_usd": factMoney,
	"estimated_input_tokens": factCount, "steps": factCount,
	"hour_utc": factCount, "weekday": factWeekday,
}

func factNames() string { return strings.Join(slices.Sorted(maps.Keys(facts)), ", ") }

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// A view is what a rule is checked on: a request, with one of the models that it
// may run; or with a call of a tool besides.
type view struct {
	in     *Input
	target Target
	unsure *condition // of the rule checked last: the first that cannot be said to hold

	call      *provider.ToolCall
	paths     *pathTree
	arguments []argument // of call, by slot
	read      bool       // arguments are there
}

// argument returns what the call has at a path.
func (v *view) argument(slot int) *argument {
	if !v.read {
		if v.arguments == nil {
			v.arguments = make([]argument, v.paths.slots)
		}
		readArguments(v.call.Args, v.paths, v.arguments)
		v.read = true
	}
	return &v.arguments[slot]
}

// textFact returns a fact, and whether it is known.
func (v *view) textFact(name string) (_ string, known bool) {
	in := v.in
	switch name {
	case "model":
		return v.target.Model, true
	case "provider":
		return v.target.Provider, true
	case "dialect":
		return in.Dialect, true
	case "endpoint":
		return string(in.Endpoint), true
	case "user":
		if in.User == "" && in.Run != nil {
			return in.Run.User, true
		}
		return in.User, true
	case "weekday":
		return weekdays[in.At.UTC().Weekday()], !in.At.IsZero()
	}
	switch {
	case in.Agent == nil:
		return "", false
	case name == "team":
		return in.Agent.Team, true
	}
	return in.Agent.ID, true
}

// numberFact returns a fact, money in picodollars, and whether it is known.
func (v *view) numberFact(name string) (_ int64, known bool) {
	in := v.in
	switch name {
	case "estimated_cost_usd":
		return int64(in.Cost), in.Priced
	case "estimated_input_tokens":
		return in.InputTokens, true
	case "hour_utc":
		return int64(in.At.UTC().Hour()), !in.At.IsZero()
	}
	switch {
	case in.Run == nil:
		return 0, false
	case name == "steps":
		return in.Run.Steps, true
	}
	return int64(in.Run.Spent), true
}

// tagged reports whether the call or its run has a tag, or, for none, any.
func (v *view) tagged(tag string) bool {
	has := func(tags []string) bool {
		return tag == "" && len(tags) > 0 || slices.Contains(tags, tag)
	}
	return has(v.in.Tags) || v.in.Run != nil && has(v.in.Run.Tags)
}
