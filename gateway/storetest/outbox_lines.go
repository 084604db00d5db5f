package storetest

import (
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// alert is what is to be told of an account of the run "r" at an amount, without
// what is spent.
func alert(name string, at float64) run.Event {
	return run.Event{Type: run.BudgetAlert, At: after(time.Second), Run: run.Run{Key: key("r"), Status: run.Open}, Agent: "agt_one",
		Alert: &budget.Alert{Budget: budget.Budget{Name: name, Limit: 1 << 60}, Account: account(name), At: at}}
}

// line is one that tells of an alert when so much is spent.
func (o *outbox) line(hold int, name string, at int64) budget.Line {
	o.Helper()
	e := alert(name, float64(at)/100)
	note, err := e.Encode()
	o.must("Encode", err)
	return budget.Line{Hold: hold, At: at, Note: note}
}

// passed is the alert of a line that was passed with so much spent.
func passed(name string, at, spent int64) run.Event {
	e := alert(name, float64(at)/100)
	e.Alert.Spent = spent
	return e
}

// spend reserves in accounts and settles that with the charges and lines.
func (o *outbox) spend(names []string, charges []int64, lines ...budget.Line) {
	o.Helper()
	holds := make([]budget.Hold, len(names))
	for i, name := range names {
		holds[i] = hold(name, charges[i], 1<<60)
	}
	o.ledger.end(o.ledger.reserve(long, holds...), &budget.Settlement{Charges: charges, Lines: lines})
}

var lineCases = []outboxCase{
	{"a settlement tells of the lines that it passes, with what is spent", func(o *outbox) {
		o.wants("all")
		one := []string{"a"}
		o.spend(one, []int64{49}, o.line(0, "a", 50), o.line(0, "a", 80))
		o.says("before any")
		o.spend(one, []int64{1}, o.line(0, "a", 50), o.line(0, "a", 80))
		o.says("at the first", passed("a", 50, 50))
		o.spend(one, []int64{29}, o.line(0, "a", 50), o.line(0, "a", 80))
		o.says("between them")
		o.spend(one, []int64{100}, o.line(0, "a", 50), o.line(0, "a", 80), o.line(0, "a", 150))
		o.says("beyond the others", passed("a", 80, 179), passed("a", 150, 179))
		o.spend(one, []int64{1}, o.line(0, "a", 50), o.line(0, "a", 80))
		o.says("after all")
		o.spend(one, []int64{1 << 59})
		o.says("without lines")
	}},
	{"a line is of the account of its hold", func(o *outbox) {
		o.wants("all")
		o.spend([]string{"a", "b"}, []int64{10, 60}, o.line(0, "a", 50), o.line(1, "b", 50))
		o.says("of the second", passed("b", 50, 60))
		o.spend([]string{"b", "a"}, []int64{1, 45}, o.line(0, "b", 50), o.line(1, "a", 50))
		o.says("of the first", passed("a", 50, 55))
	}},
	{"what is settled again, given back or charged by the end of a lease tells nothing", func(o *outbox) {
		o.wants("all")
		l := o.ledger
		id := l.reserve(long, hold("a", 60, 1<<60))
		s := &budget.Settlement{Charges: []int64{60}, Lines: []budget.Line{o.line(0, "a", 50)}}
		for range 3 {
			l.end(id, s)
		}
		o.says("once", passed("a", 50, 60))
		l.release(l.reserve(long, hold("b", 60, 1<<60)))
		late := l.reserve(brief, hold("b", 60, 1<<60))
		l.lapse("b")
		o.says("nothing")
		o.spend([]string{"b"}, []int64{1}, o.line(0, "b", 50))
		o.says("by the next settlement", passed("b", 50, 61))
		l.end(late, &budget.Settlement{Charges: []int64{70}, Lines: []budget.Line{o.line(0, "b", 50), o.line(0, "b", 71)}})
		o.says("by a correction", passed("b", 71, 71))
	}},
	{"an alert is kept for those who want it", func(o *outbox) {
		o.wants("other", run.RunStarted)
		o.spend([]string{"a"}, []int64{50}, o.line(0, "a", 50))
		same(o.T, "for one who wants others", len(o.drain("other", later)), 0)
		o.wants("all")
		o.says("for one who came later")
	}},
	{"of many settlements at once, one tells of a line", func(o *outbox) {
		o.wants("all")
		var total atomic.Int64
		together(func(int) {
			for range 2 {
				o.spend([]string{"a"}, []int64{5}, o.line(0, "a", 50), o.line(0, "a", 100), o.line(0, "a", 5*crowd))
				total.Add(5)
			}
		})
		told := drained(o.drain("all", later))
		at := map[float64]int64{}
		for i := range told {
			at[told[i].Alert.At] = told[i].Alert.Spent
		}
		same(o.T, "alerts", len(told), 3)
		for line, spent := range at {
			if spent < int64(line*100) || spent > total.Load() {
				o.Errorf("the alert at %v says that %d is spent, of %d", line*100, spent, total.Load())
			}
		}
		same(o.T, "lines", len(at), 3)
	}},
}

// lineOrderCases are for runs and accounts that are in the same back end.
var lineOrderCases = []outboxCase{
	{"an alert comes after what happened to its run before", func(o *outbox) {
		o.wants("all")
		started := o.attach(to("r", after(0)))
		o.spend([]string{"a"}, []int64{50}, o.line(0, "a", 50))
		blocked, _ := o.block(key("r"), after(2*time.Second))
		o.says("in this order", ofRun(run.RunStarted, after(0), started.Run), passed("a", 50, 50), ofRun(run.RunBlocked, after(2*time.Second), blocked))
	}},
}
