package celpolicy

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
)

// callType has the facts about a call.
var callType = newObjectType("rungate.Call", map[string]field[view]{
	"model":                  {types.StringType, func(v *view) (ref.Val, bool) { return types.String(v.target.Model), true }},
	"provider":               {types.StringType, func(v *view) (ref.Val, bool) { return types.String(v.target.Provider), true }},
	"dialect":                {types.StringType, func(v *view) (ref.Val, bool) { return types.String(v.in.Dialect), true }},
	"endpoint":               {types.StringType, func(v *view) (ref.Val, bool) { return types.String(v.in.Endpoint), true }},
	"stream":                 {types.BoolType, func(v *view) (ref.Val, bool) { return types.Bool(v.in.Stream), true }},
	"estimated_cost_usd":     {types.DoubleType, func(v *view) (ref.Val, bool) { return dollars(v.in.Cost), v.in.Priced }},
	"estimated_input_tokens": {types.IntType, func(v *view) (ref.Val, bool) { return types.Int(v.in.InputTokens), true }},
	"user":                   {types.StringType, (*view).user},
	"tags":                   {types.NewListType(types.StringType), (*view).tags},
	"agent":                  {types.StringType, (*view).agent},
	"team":                   {types.StringType, (*view).team},
	"steps":                  {types.IntType, (*view).steps},
	"spend_usd":              {types.DoubleType, (*view).spent},
	"hour_utc":               {types.IntType, func(v *view) (ref.Val, bool) { return types.Int(v.in.At.UTC().Hour()), !v.in.At.IsZero() }},
	"weekday":                {types.StringType, (*view).weekday},
	"tools":                  {types.NewListType(declaredType.Type), (*view).tools},
})

// declaredType has the facts about a tool that a request declares.
var declaredType = newObjectType("rungate.Tool", map[string]field[provider.Tool]{
	"name":   {types.StringType, func(t *provider.Tool) (ref.Val, bool) { return types.String(t.Name), true }},
	"type":   {types.StringType, func(t *provider.Tool) (ref.Val, bool) { return types.String(t.Type), true }},
	"url":    {types.StringType, func(t *provider.Tool) (ref.Val, bool) { return types.String(t.URL), true }},
	"hosted": {types.BoolType, func(t *provider.Tool) (ref.Val, bool) { return types.Bool(t.Hosted), true }},
})

// calledType has the facts about the call of a tool.
var calledType = newObjectType("rungate.ToolCall", map[string]field[provider.ToolCall]{
	"name":   {types.StringType, func(c *provider.ToolCall) (ref.Val, bool) { return types.String(c.Name), true }},
	"type":   {types.StringType, func(c *provider.ToolCall) (ref.Val, bool) { return types.String(c.Type), true }},
	"server": {types.StringType, func(c *provider.ToolCall) (ref.Val, bool) { return types.String(c.Server), true }},
	"hosted": {types.BoolType, func(c *provider.ToolCall) (ref.Val, bool) { return types.Bool(c.Hosted), true }},
})

// dollars is the double that is nearest to m.
func dollars(m budget.Money) types.Double { return types.Double(float64(m) / float64(budget.Dollar)) }

func (v *view) user() (_ ref.Val, known bool) {
	if v.in.User == "" && v.in.Run != nil {
		return types.String(v.in.Run.User), true
	}
	return types.String(v.in.User), true
}

func (v *view) tags() (_ ref.Val, known bool) {
	tags := v.in.Tags
	if v.in.Run != nil {
		tags = slices.Concat(tags, v.in.Run.Tags)
	}
	return types.NewStringList(types.DefaultTypeAdapter, tags), true
}

func (v *view) agent() (_ ref.Val, known bool) {
	if v.in.Agent == nil {
		return nil, false
	}
	return types.String(v.in.Agent.ID), true
}

func (v *view) team() (_ ref.Val, known bool) {
	if v.in.Agent == nil {
		return nil, false
	}
	return types.String(v.in.Agent.Team), true
}

func (v *view) steps() (_ ref.Val, known bool) {
	if v.in.Run == nil {
		return nil, false
	}
	return types.Int(v.in.Run.Steps), true
}

func (v *view) spent() (_ ref.Val, known bool) {
	if v.in.Run == nil {
		return nil, false
	}
	return dollars(v.in.Run.Spent), true
}

func (v *view) weekday() (_ ref.Val, known bool) {
	return types.String(strings.ToLower(v.in.At.UTC().Weekday().String())), !v.in.At.IsZero()
}

func (v *view) tools() (_ ref.Val, known bool) {
	tools := make([]ref.Val, len(v.in.Tools))
	for i := range v.in.Tools {
		tools[i] = &object{typ: declaredType.Type, of: &v.in.Tools[i]}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, tools), true
}
