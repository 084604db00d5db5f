package policy

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A kind is the type of a value in a condition, in an argument, or of a fact.
type kind uint8

const (
	missing    kind = iota // or null
	unreadable             // not to be read for sure
	text
	number
	boolean
	array
	object
)

// An argument is what stands at a path.
type argument struct {
	kind kind
	raw  []byte  // what a text means; of anything else, the JSON
	num  decimal // of a number
}

// readArguments puts what stands at each path of the tree into its slot of into,
// in one pass.
//
// Nothing is readable in what is not one JSON text, or has an object with a
// name that comes twice: JSON parsers differ in what they make of it. Nor is what
// stands below a name that differs in case only from the path's, or beside one:
// some parsers take both for the same. Nor is what stands below anything else
// than an object or array, which a tool may still be able to look into.
func readArguments(args []byte, tree *pathTree, into []argument) {
	clear(into)
	r := argumentReader{args: args, into: into}
	r.scan.Reset(args)
	r.walk(&tree.root)
	r.scan.End()
	if r.scan.Err() != nil {
		for i := range into {
			into[i] = argument{kind: unreadable}
		}
	}
}

type argumentReader struct {
	args []byte
	scan jsonscan.Scanner
	into []argument
}

// walk reads the next value, at which the paths are that pass n; nil if none do.
func (r *argumentReader) walk(n *pathNode) {
	k := r.scan.Kind()
	from := r.scan.Pos()
	switch k {
	case jsonscan.Object:
		r.scan.Object(func(key []byte) { r.walk(r.member(n, key)) })
		r.found(n, object, from)
	case jsonscan.Array:
		r.spoilNames(n)
		r.scan.Array(func(i int) { r.walk(n.element(i)) })
		r.found(n, array, from)
	case jsonscan.String:
		if n == nil || n.slot < 0 {
			r.scan.Skip()
		} else if s := r.scan.Str(); r.into[n.slot].kind != unreadable {
			r.into[n.slot] = argument{kind: text, raw: s}
		}
		r.spoilBelow(n)
	case jsonscan.Null:
		r.scan.Skip()
	default:
		r.scan.Skip()
		if k == jsonscan.Bool {
			r.found(n, boolean, from)
		} else {
			r.found(n, number, from)
		}
		r.spoilBelow(n)
	}
}

// found notes the value that begins at from and has just been read.
func (r *argumentReader) found(n *pathNode, k kind, from int) {
	if n == nil || n.slot < 0 || r.into[n.slot].kind == unreadable || r.scan.Err() != nil {
		return
	}
	a := argument{kind: k, raw: r.args[from:r.scan.Pos()]}
	if k == number {
		a.num = parseDecimal(a.raw)
	}
	r.into[n.slot] = a
}

// member returns where the paths go on that lead through a member.
func (r *argumentReader) member(n *pathNode, key []byte) *pathNode {
	if n == nil {
		return nil
	}
	var at *pathNode
	for _, c := range n.next {
		if bytes.Equal(c.name, key) {
			at = c
		} else if bytes.EqualFold(c.name, key) {
			r.spoil(c)
		}
	}
	return at
}

// element does the same for an array.
func (n *pathNode) element(i int) *pathNode {
	if n == nil {
		return nil
	}
	for _, c := range n.next {
		if c.index == i {
			return c
		}
	}
	return nil
}

// spoil makes all that stands at n and below unreadable.
func (r *argumentReader) spoil(n *pathNode) {
	if n.slot >= 0 {
		r.into[n.slot] = argument{kind: unreadable}
	}
	r.spoilBelow(n)
}

func (r *argumentReader) spoilBelow(n *pathNode) {
	if n == nil {
		return
	}
	for _, c := range n.next {
		r.spoil(c)
	}
}

// spoilNames does it for the members that paths look for in an array.
func (r *argumentReader) spoilNames(n *pathNode) {
	if n == nil {
		return
	}
	for _, c := range n.next {
		if c.index < 0 {
			r.spoil(c)
		}
	}
}
