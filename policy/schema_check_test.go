package policy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A schemaChecker checks documents by the part of JSON Schema that is used here.
// It panics at any keyword that it does not know, so that no rule is passed over.
type schemaChecker struct{ root map[string]any }

func newSchemaChecker(text []byte) schemaChecker {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil {
		panic(err)
	}
	return schemaChecker{root}
}

// def follows a reference.
func (c schemaChecker) def(ref string) map[string]any {
	at := c.root
	for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = at[name].(map[string]any)
	}
	return at
}

// check returns what is wrong with a value, read with UseNumber.
func (c schemaChecker) check(schema map[string]any, path string, v any) (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	for _, keyword := range slices.Sorted(maps.Keys(schema)) {
		arg := schema[keyword]
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description":
		case "$ref":
			wrong = append(wrong, c.check(c.def(arg.(string)), path, v)...)
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(s any) bool { return len(c.check(s.(map[string]any), path, v)) == 0 }) {
				bad("fits none of its forms")
			}
		case "type":
			types, ok := arg.([]any)
			if !ok {
				types = []any{arg}
			}
			if !slices.ContainsFunc(types, func(t any) bool { return isType(t.(string), v) }) {
				bad("want %v", types)
			}
		case "enum":
			if !slices.ContainsFunc(arg.([]any), func(e any) bool { return reflect.DeepEqual(e, v) }) {
				bad("want one of %v", arg)
			}
		case "minLength", "maxLength":
			if s, ok := v.(string); ok && outside(keyword, arg, rational(json.Number(fmt.Sprint(utf8.RuneCountInString(s))))) {
				bad("length")
			}
		case "minimum", "maximum", "exclusiveMinimum":
			if n, ok := v.(json.Number); ok && outside(keyword, arg, rational(n)) {
				bad("%v is out of bounds", n)
			}
		case "pattern":
			if s, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(s) {
				bad("want %v", arg)
			}
		case "items":
			if a, ok := v.([]any); ok {
				for i := range a {
					wrong = append(wrong, c.check(arg.(map[string]any), fmt.Sprintf("%s[%d]", path, i), a[i])...)
				}
			}
		case "minItems":
			if a, ok := v.([]any); ok && outside("minimum", arg, rational(json.Number(fmt.Sprint(len(a))))) {
				bad("too few")
			}
		case "required":
			if o, ok := v.(map[string]any); ok {
				for _, name := range arg.([]any) {
					if _, ok := o[name.(string)]; !ok {
						bad("want %v", name)
					}
				}
			}
		case "properties":
			if o, ok := v.(map[string]any); ok {
				for name, s := range arg.(map[string]any) {
					if member, ok := o[name]; ok {
						wrong = append(wrong, c.check(s.(map[string]any), path+"."+name, member)...)
					}
				}
			}
		case "additionalProperties":
			if o, ok := v.(map[string]any); ok {
				for name := range o {
					if _, known := schema["properties"].(map[string]any)[name]; !known {
						bad("%q is not known", name)
					}
				}
			}
		default:
			panic("the checker does not know " + keyword)
		}
	}
	return wrong
}

func isType(name string, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	case json.Number:
		return name == "number" || name == "integer" && rational(v).IsInt()
	}
	return false
}

// rational is the exact value of a number; a far exponent is cut down, which
// keeps it beyond every bound that there is here.
func rational(n json.Number) *big.Rat {
	mantissa, exp, _ := strings.Cut(strings.ToLower(string(n)), "e")
	if len(exp) > 4 {
		exp = exp[:4]
	}
	if exp != "" {
		mantissa += "e" + exp
	}
	r, ok := new(big.Rat).SetString(mantissa)
	if !ok {
		panic(n)
	}
	return r
}

func outside(keyword string, bound any, n *big.Rat) bool {
	c := n.Cmp(rational(bound.(json.Number)))
	switch keyword {
	case "minimum", "minLength":
		return c < 0
	case "exclusiveMinimum":
		return c <= 0
	}
	return c > 0
}
