package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

// lease is how long the calls of these cases are leased.
const lease = 10 * time.Second

// leased names the call of an attachment, which is leased until lease later.
func leased(name string, a *run.Attachment) *run.Attachment {
	a.Call, a.Until = name, a.At.Add(lease)
	return a
}

func (j *journal) renewCall(k run.Key, name string, at time.Time) {
	j.Helper()
	j.must("RenewCall", j.store.RenewCall(j.Context(), k, name, at, at.Add(lease)))
}

// end ends a call by its name.
func (j *journal) end(d run.Detachment) (r run.Run) {
	j.Helper()
	j.must("Detach", j.store.Detach(j.Context(), &d, &r))
	return r
}

var callCases = []journalCase{
	{"a call is in flight for as long as it is leased", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.open(leased("two", to("r", after(time.Second))))
		same(j.T, "a moment before the first lease ends", j.find(k, after(lease-time.Second)).InFlight, 2)
		same(j.T, "when it has ended", j.find(k, after(lease)).InFlight, 1)
		same(j.T, "when both have", j.find(k, after(lease+time.Second)).InFlight, 0)
		r := j.attach(to("r", after(lease))).Run
		j.is("Attach", r, "r", run.Open, "", 2)
		same(j.T, "LastCall", r.LastCall.UTC(), after(lease))
		r, _ = j.block(k, after(lease+time.Second))
		j.is("Block", r, "r", run.Blocked, block.Code, 1)
	}},
	{"RenewCall leases a call until a later time, and its run is called then", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.open(leased("two", to("r", after(0))))
		for n := range 3 {
			j.renewCall(k, "one", after(time.Duration(n+1)*(lease-time.Second)))
		}
		at := after(3 * (lease - time.Second))
		r := j.find(k, at)
		j.is("while it is leased", r, "r", run.Open, "", 1)
		same(j.T, "LastCall", r.LastCall.UTC(), at)
		same(j.T, "after it", j.find(k, at.Add(lease)).InFlight, 0)
		r = j.find(k, at.Add(idle-time.Second))
		j.is("before it is idle", r, "r", run.Open, "", 0)
		same(j.T, "LastCall after that", r.LastCall.UTC(), at)
		r = j.find(k, at.Add(idle))
		j.is("when it is idle", r, "r", run.Completed, run.ReasonIdle, 0)
		same(j.T, "Closed", r.Closed.UTC(), at.Add(idle))
	}},
	{"RenewCall does nothing for a call that is not in flight", func(j *journal) {
		k := j.open(leased("ended", to("r", after(0))))
		j.end(run.Detachment{Key: k, Call: "ended", At: after(0)})
		j.open(leased("late", to("r", after(0))))
		other := j.open(leased("there", to("other", after(0))))
		for _, name := range []string{"ended", "late", "none", "there", "LATE", ""} {
			j.renewCall(k, name, after(lease))
		}
		r := j.find(k, after(lease))
		j.is("Find", r, "r", run.Open, "", 0)
		same(j.T, "LastCall", r.LastCall.UTC(), after(0))
		j.renewCall(key("nowhere"), "there", after(0))
		j.renewCall(run.Key{Team: "team:two", ID: "other"}, "there", after(0))
		same(j.T, "a call of the same name in another run", j.find(other, after(lease)).InFlight, 0)
	}},
	{"calls of runs that have stopped are renewed, and end, as others do", func(j *journal) {
		closed := j.open(leased("one", to("closed", after(0))))
		blocked := j.open(leased("one", to("blocked", after(0))))
		want, _ := j.complete(closed, run.ReasonByAgent, after(0))
		j.block(blocked, after(0))
		for _, k := range []run.Key{closed, blocked} {
			j.renewCall(k, "one", after(lease-time.Second))
			same(j.T, "in flight in run "+k.ID, j.find(k, after(lease)).InFlight, 1)
			same(j.T, "and not after that", j.find(k, after(2*lease)).InFlight, 0)
		}
		got := j.find(closed, after(lease))
		same(j.T, "LastCall of the closed one", got.LastCall.UTC(), want.LastCall.UTC())
		same(j.T, "steps", j.end(run.Detachment{Key: closed, Call: "one", At: after(lease), Step: step("s", 1)}).Steps, 1)
	}},
	{"a run whose call was never renewed is idle from when it was called, but not before the lease ends", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.is("a moment before it is idle", j.find(k, after(idle-time.Second)), "r", run.Open, "", 0)
		got := j.attach(to("r", after(2*idle)))
		j.ended("Attach", got.Ended, "r", run.ReasonIdle)
		j.is("Attach", got.Run, "r", run.Completed, run.ReasonIdle, 0)
		same(j.T, "Closed", got.Run.Closed.UTC(), after(idle))
		a := leased("one", to("short", after(0)))
		a.Start.IdleTimeout = time.Second
		k = j.open(a)
		j.is("a moment before the lease ends", j.find(k, after(lease-time.Second)), "short", run.Open, "", 1)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(lease-time.Second)).Completed), 0)
		s := j.sweep(after(idle))
		if len(s.Completed) != 1 {
			j.Fatalf("Sweep completed %d runs, want one", len(s.Completed))
		}
		j.is("Sweep", s.Completed[0], "short", run.Completed, run.ReasonIdle, 0)
		same(j.T, "Closed", s.Completed[0].Closed.UTC(), after(lease))
	}},
	{"a call of a run counts as one of its ancestors, for as long as it is leased", func(j *journal) {
		j.family()
		k := j.open(leased("one", to("grandchild", after(0))))
		j.open(leased("two", to("child", after(0))))
		at := after(0)
		for range 20 { // much longer than they may be idle
			at = at.Add(lease - time.Second)
			j.renewCall(k, "one", at)
		}
		for _, id := range []string{"root", "child", "grandchild"} {
			r := j.find(key(id), at)
			j.is("while it is leased", r, id, run.Open, "", map[string]int64{"grandchild": 1}[id])
			same(j.T, "LastCall of "+id, r.LastCall.UTC(), at)
			j.is("before it is idle", j.find(key(id), at.Add(idle-time.Second)), id, run.Open, "", 0)
		}
		same(j.T, "runs that Sweep completes before", len(j.sweep(at.Add(idle-time.Second)).Completed), 0)
		swept := j.sweep(at.Add(idle)).Completed
		same(j.T, "runs that Sweep completes", len(swept), 3)
		for _, r := range swept {
			same(j.T, "Closed of "+r.ID, r.Closed.UTC(), at.Add(idle))
		}
	}},
	{"a lease keeps ancestors open that would be idle before", func(j *journal) {
		a := to("root", after(0))
		a.Start.IdleTimeout = time.Second
		j.past(a)
		j.open(leased("one", below("root", "child", after(0))))
		j.is("a moment before it ends", j.find(key("root"), after(lease-time.Second)), "root", run.Open, "", 0)
		for _, id := range []string{"root", "child"} {
			r := j.find(key(id), after(lease))
			same(j.T, "Status of "+id, r.Status, run.Completed)
			same(j.T, "Closed of "+id, r.Closed.UTC(), after(lease))
		}
	}},
	{"calls whose leases have ended leave room for others", func(j *journal) {
		l := run.Limits{MaxSteps: 2}
		a := limited("r", after(0), l)
		j.open(leased("one", a))
		j.open(leased("two", a))
		j.exceeded("while they are leased", j.attach(limited("r", after(lease-time.Second), l)), "r", run.RuleMaxSteps)
		got := j.attach(limited("r", after(lease), l))
		same(j.T, "when they are not: Exceeded", got.Exceeded, "")
		j.is("when they are not", got.Run, "r", run.Open, "", 1)
	}},
	{"to attach a call again counts it once, and leases it until a later time", func(j *journal) {
		for _, a := range []*run.Attachment{to("r", after(0)), auto("agt", "auto-1", after(0)), below("r", "child", after(0))} {
			first := j.attach(leased("one", a))
			again := *a
			again.AutoID = "auto-2"
			for range 3 {
				again.At = again.At.Add(time.Second)
				got := j.attach(leased("one", &again))
				if got.Started || got.Ended != nil || got.Exceeded != "" || got.Deferred {
					j.Errorf("Attach again says %+v, want nothing", got.Attached)
				}
				j.is("Attach again", got.Run, first.Run.ID, run.Open, "", 1)
				same(j.T, "LastCall", got.Run.LastCall.UTC(), again.At)
			}
			earlier := again
			earlier.At = a.At
			j.attach(leased("one", &earlier))
			same(j.T, "before the longest lease ends", j.find(first.Run.Key, again.At.Add(lease-time.Second)).InFlight, 1)
			same(j.T, "when it ends", j.find(first.Run.Key, again.At.Add(lease)).InFlight, 0)
		}
	}},
	{"a call of a run that is full is attached again", func(j *journal) {
		a := limited("r", after(0), run.Limits{MaxSteps: 1})
		j.open(leased("one", a))
		got := j.attach(leased("one", a))
		same(j.T, "Exceeded", got.Exceeded, "")
		j.is("Attach again", got.Run, "r", run.Open, "", 1)
		j.exceeded("another call", j.attach(leased("two", a)), "r", run.RuleMaxSteps)
		f := j.refusals(key("r"))
		if len(f) != 1 || f[0].Count != 1 {
			j.Errorf("Refusals are %+v, want the one of the other call", f)
		}
	}},
	{"a call that has started a run anew does so once, whatever it follows on", func(j *journal) {
		j.past(to("r", after(0)))
		a := anew("r", after(0))
		a.Follows = "r"
		j.is("Attach", j.attachOnce(leased("one", a)).Run, "r.2", run.Open, "", 1)
		for _, follows := range []string{"r", "r.2", ""} {
			a.Follows = follows
			got := j.attachOnce(a)
			j.is("Attach again", got.Run, "r.2", run.Open, "", 1)
			if got.Started || got.Ended != nil {
				j.Errorf("Started is %v and Ended %v, want neither", got.Started, got.Ended)
			}
		}
		unnamed := auto("agt", "auto-1", after(0))
		unnamed.New = true
		j.attachOnce(leased("one", unnamed))
		unnamed.AutoID = "auto-2"
		j.is("Attach of an automatic run again", j.attachOnce(unnamed).Run, "auto-1", run.Open, "", 1)
		a.Call, a.Follows = "two", "r.2"
		j.is("Attach of another call", j.attachOnce(a).Run, "r.3", run.Open, "", 1)
	}},
	{"a call that was detached is a new one when it is attached again", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.end(run.Detachment{Key: k, Call: "one", At: after(0), Refusal: &run.Refusal{Code: "c"}})
		j.is("Attach", j.attach(leased("one", to("r", after(time.Second)))).Run, "r", run.Open, "", 1)
		r := j.end(run.Detachment{Key: k, Call: "one", At: after(time.Second), Refusal: &run.Refusal{Code: "c"}})
		j.is("Detach", r, "r", run.Open, "", 0)
		same(j.T, "refusals", j.refusals(k)[0].Count, 2)
	}},
	{"calls of the same name in several runs are several", func(j *journal) {
		a, b := j.open(leased("one", to("a", after(0)))), j.open(leased("one", to("b", after(0))))
		j.end(run.Detachment{Key: a, Call: "one", At: after(0)})
		same(j.T, "in flight in the first", j.find(a, after(0)).InFlight, 0)
		same(j.T, "in flight in the second", j.find(b, after(0)).InFlight, 1)
	}},
	{"to detach a call again changes nothing", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.open(leased("two", to("r", after(0))))
		same(j.T, "Repeat", j.repeat(7, after(0)), 1)
		same(j.T, "Repeat", j.repeat(7, after(0)), 2)
		d := run.Detachment{Key: k, Call: "one", At: after(time.Second), Step: step("one", 5), Repeated: 7, Refusal: &run.Refusal{Code: "c"}}
		want := j.end(d)
		j.is("Detach", want, "r", run.Open, "", 1)
		for range 3 {
			j.same("Detach again", j.end(d), want)
		}
		f := j.refusals(k)
		if len(f) != 1 || f[0].Count != 1 {
			j.Errorf("Refusals are %+v, want one, counted once", f)
		}
		same(j.T, "Repeat after one that was taken off once", j.repeat(7, after(time.Second)), 2)
	}},
	{"a call whose lease has ended adds its step, and that is all", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.open(leased("two", to("r", after(lease))))
		same(j.T, "Repeat", j.repeat(7, after(0)), 1)
		late := run.Detachment{Key: k, Call: "one", At: after(lease), Step: step("one", 5), Refusal: &run.Refusal{Code: "c"}, Repeated: 7}
		for range 2 {
			r := j.end(late)
			j.is("Detach", r, "r", run.Open, "", 1)
			if r.Steps != 1 || r.Spent != 5 {
				j.Errorf("%d steps and %d spent, want 1 and 5", r.Steps, r.Spent)
			}
		}
		same(j.T, "refusals", len(j.refusals(k)), 0)
		same(j.T, "Repeat after it", j.repeat(7, after(lease)), 2)
	}},
	{"many calls at once are counted each by its name", func(j *journal) {
		k := j.past(to("r", after(0)))
		j.past(below("r", "child", after(0)))
		together(func(i int) {
			name := "call of goroutine " + string(rune('A'+i%(crowd/2))) // two share each
			for range 2 {
				j.attach(leased(name, to("child", after(time.Second))))
				j.renewCall(key("child"), name, after(2*time.Second))
			}
		})
		r := j.find(key("child"), after(2*time.Second))
		j.is("while they are leased", r, "child", run.Open, "", crowd/2)
		same(j.T, "LastCall of its parent", j.find(k, after(2*time.Second)).LastCall.UTC(), after(2*time.Second))
		together(func(i int) {
			name := "call of goroutine " + string(rune('A'+i%(crowd/2)))
			j.end(run.Detachment{Key: key("child"), Call: name, At: after(3 * time.Second), Step: step(name, 1)})
		})
		r = j.find(key("child"), after(3*time.Second))
		j.is("after them", r, "child", run.Open, "", 0)
		same(j.T, "steps", r.Steps, crowd/2)
	}},
}
