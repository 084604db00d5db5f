package celpolicy

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/rungate/rungate/internal/jsonscan"
)

var errNoArguments = errors.New("the answer does not show its arguments")

// readArguments returns what the arguments of a call are. An error means that this
// cannot be said for sure: they are not one JSON text, an object has two members
// of names that parsers may take for the same, or a number would lose digits.
func readArguments(args []byte) (ref.Val, error) {
	if args == nil {
		return nil, errNoArguments
	}
	r := argumentReader{args: args}
	r.scan.Reset(args)
	x := r.value()
	r.scan.End()
	if err := r.scan.Err(); err != nil {
		return nil, err
	}
	return x, nil
}

type argumentReader struct {
	args []byte
	scan jsonscan.Scanner
}

// value reads the next value. What it returns is of no meaning after an error of
// the scanner.
func (r *argumentReader) value() ref.Val {
	switch r.scan.Kind() {
	case jsonscan.Object:
		return r.members()
	case jsonscan.Array:
		var list []ref.Val
		r.scan.Array(func(int) { list = append(list, r.value()) })
		return types.NewRefValList(types.DefaultTypeAdapter, list)
	case jsonscan.String:
		return types.String(r.scan.Str())
	case jsonscan.Number:
		return r.number()
	case jsonscan.Bool:
		return types.Bool(r.scan.Bool())
	}
	r.scan.Skip() // null, or an error
	return types.NullValue
}

// maxDouble is the least double that may have lost digits before its point.
const maxDouble = 1 << 53

func (r *argumentReader) number() ref.Val {
	from, to := r.scan.Skip()
	num := string(r.args[from:to])
	if strings.ContainsAny(num, ".eE") {
		f, err := strconv.ParseFloat(num, 64)
		if err != nil || math.Abs(f) >= maxDouble {
			r.scan.Fail("a number that a double does not hold exactly")
		}
		return types.Double(f)
	}
	if i, err := strconv.ParseInt(num, 10, 64); err == nil {
		return types.Int(i)
	}
	u, err := strconv.ParseUint(num, 10, 64)
	if err != nil {
		r.scan.Fail("an integer that 64 bits do not hold")
	}
	return types.Uint(u)
}

func (r *argumentReader) members() ref.Val {
	m := members{folded: map[string]struct{}{}}
	values := map[string]ref.Val{}
	r.scan.Object(func(key []byte) {
		name := string(key)
		f := strings.Map(fold, name)
		if _, twice := m.folded[f]; twice {
			r.scan.Fail("a second member whose name differs in case only")
			return
		}
		m.folded[f] = struct{}{}
		values[name] = r.value()
	})
	m.Mapper = types.NewMap(types.DefaultTypeAdapter, values)
	return m
}

// members are those of a JSON object. A name that differs in case only from one
// that is there has no value, but an error: some parsers take both for the same.
type members struct {
	traits.Mapper
	folded map[string]struct{} // their names
}

// Find implements traits.Mapper. It is what looks a member up by its name.
func (m members) Find(key ref.Val) (ref.Val, bool) {
	x, found := m.Mapper.Find(key)
	if name, ok := key.(types.String); ok && !found {
		if _, other := m.folded[strings.Map(fold, string(name))]; other {
			return types.NewErr("its argument %q is there in another case only", string(name)), false
		}
	}
	return x, found
}

// Contains implements traits.Container.
func (m members) Contains(key ref.Val) ref.Val {
	x, found := m.Find(key)
	if !found && x != nil {
		return x
	}
	return types.Bool(found)
}

// fold returns the same for all cases of a letter, by the rules of
// [strings.EqualFold].
func fold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return unicode.ToLower(next)
		}
		r = next
	}
}
