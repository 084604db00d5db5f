package wire

import (
	"iter"
	"slices"
	"strconv"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A Node is a JSON value that may be changed. Numbers and strings keep the
// spelling that they were read in, and members their order. A nil Node is a value
// that is not there: it can be read, as null is, but not changed.
type Node struct {
	kind  jsonscan.Kind
	text  []byte         // that it was read from
	own   bool           // text can be appended to
	names []string       // of an object's members, in their order
	place map[string]int // of the names, once there are many
	nodes []*Node        // the members' values, or an array's elements
}

// ReadNode reads a JSON text, of which the Node keeps parts. In no object of it
// may a name come twice.
func ReadNode(text []byte) (*Node, error) {
	var s jsonscan.Scanner
	s.Reset(text)
	n := readNode(&s, text)
	s.End()
	if err := s.Err(); err != nil {
		return nil, err
	}
	return n, nil
}

func readNode(s *jsonscan.Scanner, text []byte) *Node {
	n := &Node{kind: s.Kind()}
	from := s.Pos()
	switch n.kind {
	case jsonscan.Object:
		s.Object(func(key []byte) {
			n.names = append(n.names, string(key))
			n.nodes = append(n.nodes, readNode(s, text))
		})
	case jsonscan.Array:
		s.Array(func(int) { n.nodes = append(n.nodes, readNode(s, text)) })
	default:
		s.Skip()
	}
	if s.Err() == nil {
		to := s.Pos()
		n.text = text[from:to:to]
	}
	return n
}

// ObjectNode returns an object without members.
func ObjectNode() *Node { return &Node{kind: jsonscan.Object} }

// ArrayNode returns an array of elements.
func ArrayNode(elements ...*Node) *Node { return &Node{kind: jsonscan.Array, nodes: elements} }

// EventNode returns an object whose type is kind.
func EventNode(kind string) *Node { return ObjectNode().Set("type", StringNode(kind)) }

// StringNode returns a string.
func StringNode(s string) *Node {
	return &Node{kind: jsonscan.String, text: AppendString(nil, s)}
}

// IntNode returns a number.
func IntNode(i int) *Node {
	return &Node{kind: jsonscan.Number, text: strconv.AppendInt(nil, int64(i), 10)}
}

// NullNode returns null.
func NullNode() *Node { return &Node{kind: jsonscan.Null, text: []byte("null")} }

// Kind is what kind of value n is. It is Null for a value that is not there.
func (n *Node) Kind() jsonscan.Kind {
	if n == nil {
		return jsonscan.Null
	}
	return n.kind
}

// Text is the JSON text that n was read from.
func (n *Node) Text() []byte { return n.text }

// Raw returns a value with the very text that n was read from, which is not looked
// into. Of a value that is not there it is nil.
func (n *Node) Raw() *Node {
	if n == nil {
		return nil
	}
	return &Node{kind: n.kind, text: n.text}
}

// String is what a string means. It is empty for anything else.
func (n *Node) String() string {
	if n.Kind() != jsonscan.String {
		return ""
	}
	var s jsonscan.Scanner
	s.Reset(n.text)
	return string(s.Str())
}

// Index is the number that n is, or else if it is none from 0 on.
func (n *Node) Index(or int) int {
	if n.Kind() != jsonscan.Number {
		return or
	}
	var s jsonscan.Scanner
	s.Reset(n.text)
	if i := Count(&s); i != Unreported {
		return int(i)
	}
	return or
}

// Members yields the members of an object, and nothing of anything else.
func (n *Node) Members() iter.Seq2[string, *Node] {
	return func(yield func(string, *Node) bool) {
		if n.Kind() != jsonscan.Object {
			return
		}
		for i, name := range n.names {
			if !yield(name, n.nodes[i]) {
				return
			}
		}
	}
}

// Elements are those of an array. Anything else has none.
func (n *Node) Elements() []*Node {
	if n.Kind() != jsonscan.Array {
		return nil
	}
	return n.nodes
}

// Get returns a member of an object, or nil.
func (n *Node) Get(name string) *Node {
	if n.Kind() != jsonscan.Object {
		return nil
	}
	if i := n.find(name); i >= 0 {
		return n.nodes[i]
	}
	return nil
}

// many is how many members are looked through one by one.
const many = 32

func (n *Node) find(name string) int {
	if len(n.names) <= many {
		return slices.Index(n.names, name)
	}
	if n.place == nil {
		n.place = make(map[string]int, len(n.names))
		for i, name := range n.names {
			n.place[name] = i
		}
	}
	if i, ok := n.place[name]; ok {
		return i
	}
	return -1
}

// AppendTo appends the JSON text of n to b.
func (n *Node) AppendTo(b []byte) []byte {
	switch {
	case len(n.nodes) == 0 && n.text != nil:
		return append(b, n.text...)
	case n.kind == jsonscan.Object:
		b = append(b, '{')
		for i, name := range n.names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, name), ':')
			b = n.nodes[i].AppendTo(b)
		}
		return append(b, '}')
	}
	b = append(b, '[')
	for i, element := range n.nodes {
		if i > 0 {
			b = append(b, ',')
		}
		b = element.AppendTo(b)
	}
	return append(b, ']')
}
