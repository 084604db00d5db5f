package policy

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// A pathTree is all the paths at which rules look into arguments. Each has a slot
// for what is found there.
type pathTree struct {
	root  pathNode
	slots int
}

// A pathNode is a place that paths lead to, or pass.
type pathNode struct {
	name  []byte // of the member
	index int    // of the element; -1 if name is none
	slot  int    // of the path that ends here; -1 if none does
	next  []*pathNode
}

// add adds the path of these names and returns its slot.
func (t *pathTree) add(names []string) int {
	n := &t.root
	if t.slots == 0 {
		n.slot = -1
	}
	for _, name := range names {
		n = n.child(name)
	}
	if n.slot < 0 {
		n.slot = t.slots
		t.slots++
	}
	return n.slot
}

func (n *pathNode) child(name string) *pathNode {
	for _, c := range n.next {
		if string(c.name) == name {
			return c
		}
	}
	c := &pathNode{name: []byte(name), index: -1, slot: -1}
	if i, err := strconv.Atoi(name); err == nil && strconv.Itoa(i) == name && i >= 0 {
		c.index = i
	}
	n.next = append(n.next, c)
	return c
}

var errPath = errors.New(`want names or indexes with dots between them, such as "customer.id" or "items.0.price"; ` +
	`a backslash goes before a dot in a name, and before any of *?#|@!:"{}[]() and itself`)

// parsePath splits a path of gjson's syntax into names. What else gjson knows
// (wildcards, queries, modifiers, several paths) is an error.
func parsePath(path string) ([]string, error) {
	var names []string
	var name bytes.Buffer
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '.':
			if name.Len() == 0 {
				return nil, errPath
			}
			names = append(names, name.String())
			name.Reset()
			continue
		case c == '\\' && i+1 < len(path):
			i++
			c = path[i]
		case c < ' ' || strings.IndexByte(`*?#|@!:"{}[]()\`, c) >= 0:
			return nil, errPath
		}
		name.WriteByte(c)
	}
	if name.Len() == 0 {
		return nil, errPath
	}
	return append(names, name.String()), nil
}
