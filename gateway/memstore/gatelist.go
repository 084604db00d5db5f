package memstore

import (
	"cmp"
	"slices"
)

// gateList is a list of gates in the order in which they were opened. They mostly
// come in that order, so that it is sorted only when it is read.
type gateList struct {
	all      []*gate
	unsorted bool
	gone     int // how many are forgotten
}

func (l *gateList) add(g *gate) {
	if n := len(l.all); n > 0 && byOpened(g, l.all[n-1]) < 0 {
		l.unsorted = true
	}
	l.all = append(l.all, g)
}

// drop notes that one more is forgotten.
func (l *gateList) drop() {
	if l.gone++; 2*l.gone > len(l.all) {
		l.all = slices.DeleteFunc(l.all, func(g *gate) bool { return g.forgotten })
		l.gone = 0
	}
}

// before returns those that were opened before g, or all if that is nil. Some may
// be forgotten.
func (l *gateList) before(g *gate) []*gate {
	if l.unsorted {
		slices.SortFunc(l.all, byOpened)
		l.unsorted = false
	}
	if g == nil {
		return l.all
	}
	i, _ := slices.BinarySearchFunc(l.all, g, byOpened)
	return l.all[:i]
}

func byOpened(a, b *gate) int {
	return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID))
}

// gateQueue is a heap of live gates, that which ends first at the top.
type gateQueue []*gate

// Len implements heap.Interface.
func (q gateQueue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q gateQueue) Less(i, j int) bool { return q[i].ends().Before(q[j].ends()) }

// Swap implements heap.Interface.
func (q gateQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements heap.Interface.
func (q *gateQueue) Push(x any) {
	g := x.(*gate)
	g.place = len(*q)
	*q = append(*q, g)
}

// Pop implements heap.Interface.
func (q *gateQueue) Pop() any {
	n := len(*q) - 1
	g := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	return g
}
