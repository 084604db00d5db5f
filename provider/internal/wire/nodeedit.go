package wire

import (
	"errors"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
)

// Set sets a member of the object n and returns n. A value that is not there
// changes nothing.
func (n *Node) Set(name string, value *Node) *Node {
	if value == nil {
		return n
	}
	if i := n.find(name); i >= 0 {
		n.nodes[i] = value
		return n
	}
	if n.place != nil {
		n.place[name] = len(n.names)
	}
	n.names = append(n.names, name)
	n.nodes = append(n.nodes, value)
	return n
}

// With returns a copy of the object n with another value of a member that it has.
// If it has none of that name, the copy has neither.
func (n *Node) With(name string, value *Node) *Node {
	o := ObjectNode()
	for member, v := range n.Members() {
		if member == name {
			v = value
		}
		o.Set(member, v)
	}
	return o
}

// Update sets a member of the object n to what is told of it anew: null changes
// nothing that is there, an object is merged into one, and anything else takes
// its place.
func (n *Node) Update(name string, value *Node) {
	switch old := n.Get(name); {
	case old == nil:
		n.Set(name, value)
	case value.Kind() == jsonscan.Null:
	case old.kind == jsonscan.Object && value.kind == jsonscan.Object:
		for member, v := range value.Members() {
			old.Update(member, v)
		}
	default:
		n.Set(name, value)
	}
}

// Join adds the next part of a text to a member of the object n: to a string, or
// to one that is null or not there. Null adds nothing.
func (n *Node) Join(name string, part *Node) error {
	old := n.Get(name)
	switch {
	case part.Kind() == jsonscan.Null && old != nil:
		return nil
	case old.Kind() == jsonscan.Null:
		n.Set(name, part)
		return nil
	case old.kind != jsonscan.String || part.kind != jsonscan.String:
		return errors.New("a part of a text that is no string")
	case splits(old.text, part.text):
		return errors.New("half of a surrogate pair at the end of a part")
	}
	if !old.own {
		old.own, old.text = true, slices.Clone(old.text)
	}
	old.text = append(old.text[:len(old.text)-1], part.text[1:]...)
	return nil
}

// splits reports whether what two strings mean changes if they are joined: the
// first ends with half of a surrogate pair, and the second begins with the other.
func splits(first, second []byte) bool {
	half := func(escape []byte, from, to byte) bool {
		return escape[0] == '\\' && escape[1] == 'u' && escape[2]|0x20 == 'd' &&
			from <= escape[3]|0x20 && escape[3]|0x20 <= to
	}
	i := len(first) - len(`\uD83D"`)
	if i < 1 || len(second) < len(`"\uDE00"`) || !half(second[1:], 'c', 'f') {
		return false
	}
	return half(first[i:], '8', '9') || half(first[i:], 'a', 'b')
}

// Append adds an element to the array n.
func (n *Node) Append(element *Node) {
	n.nodes = append(n.nodes, element)
}

// Extend adds elements to the member of n that is an array, null or not there.
func (n *Node) Extend(name string, elements ...*Node) error {
	old := n.Get(name)
	switch old.Kind() {
	case jsonscan.Null:
		n.Set(name, ArrayNode(elements...))
	case jsonscan.Array:
		old.nodes = append(old.nodes, elements...)
	default:
		return errors.New("a list that is none")
	}
	return nil
}
