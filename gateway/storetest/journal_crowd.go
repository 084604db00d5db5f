package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

var journalCrowdCases = []journalCase{
	{"of many first calls of an id, one starts the run", func(j *journal) {
		var started atomic.Int64
		together(func(int) {
			if j.attach(to("r", after(0))).Started {
				started.Add(1)
			}
		})
		same(j.T, "runs that were started", started.Load(), 1)
		j.is("Find", j.find(key("r"), after(0)), "r", run.Open, "", crowd)
	}},
	{"of many first calls without id, one starts the run", func(j *journal) {
		var started atomic.Int64
		var ids sync.Map
		together(func(i int) {
			got := j.attach(auto("agt", fmt.Sprintf("auto-%d", i), after(0)))
			ids.Store(got.Run.ID, true)
			if got.Started {
				started.Add(1)
				j.is("the new run", got.Run, fmt.Sprintf("auto-%d", i), run.Open, "", 1)
			}
		})
		same(j.T, "runs that were started", started.Load(), 1)
		ids.Range(func(id, _ any) bool {
			j.is("Find", j.find(key(id.(string)), after(0)), id.(string), run.Open, "", crowd)
			return true
		})
	}},
	{"many New runs of one id are as many generations", func(j *journal) {
		j.past(to("r", after(0)))
		var mu sync.Mutex
		var got, ended []string
		together(func(int) {
			a := j.attach(anew("r", after(time.Second)))
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a.Run.ID)
			if !a.Started || a.Ended == nil {
				j.Errorf("run %q: Started is %v and Ended %v, want a new run and the one before it", a.Run.ID, a.Started, a.Ended)
				return
			}
			ended = append(ended, a.Ended.ID)
		})
		want := make([]string, crowd+1)
		want[0] = "r"
		for i := range crowd {
			want[i+1] = fmt.Sprintf("r.%d", i+2)
		}
		newest := want[crowd]
		slices.Sort(want)
		got = append(got, "r")
		slices.Sort(got)
		same(j.T, "generations", got, want)
		ended = append(ended, newest)
		slices.Sort(ended)
		same(j.T, "generations that ended, and the newest", ended, want)
		j.is("the bare id", j.find(key("r"), after(time.Second)), newest, run.Open, "", 1)
	}},
	{"many calls that end lose no step and no count", func(j *journal) {
		const each = 8
		j.past(to("r", after(0)))
		together(func(i int) {
			for n := range each {
				k := j.open(to("r", after(0)))
				r := j.detach(k, after(0), step(fmt.Sprintf("s-%d-%d", i, n), 3), nil)
				// No change is seen half done.
				if int64(r.Spent) != 3*r.Steps || r.Tokens.Input != 3*r.Steps {
					j.Errorf("a run of %d steps has spent %d and %d tokens, want 3 for each step", r.Steps, r.Spent, r.Tokens.Input)
				}
				j.open(to("r", after(0)))
				j.detach(k, after(0), nil, &run.Refusal{Code: "c"})
			}
		})
		r := j.find(key("r"), after(0))
		j.is("Find", r, "r", run.Open, "", 0)
		if r.Steps != crowd*each || r.Spent != 3*crowd*each {
			j.Errorf("%d steps and %d spent, want %d and %d", r.Steps, r.Spent, crowd*each, 3*crowd*each)
		}
		ids := map[string]bool{}
		for _, s := range j.steps(key("r"), 0, 2*crowd*each) {
			ids[s.ID] = true
		}
		same(j.T, "different steps", len(ids), crowd*each)
		f := j.refusals(key("r"))
		if len(f) != 1 || f[0].Count != crowd*each {
			j.Errorf("Refusals are %+v, want one, counted %d times", f, crowd*each)
		}
	}},
	{"a step that is added many times at once is added once", func(j *journal) {
		k := j.open(leased("one", to("r", after(0))))
		j.open(leased("two", to("r", after(0))))
		together(func(int) { j.end(run.Detachment{Key: k, Call: "one", At: after(0), Step: step("s", 3)}) })
		r := j.find(k, after(0))
		j.is("Find", r, "r", run.Open, "", 1)
		if r.Steps != 1 || r.Spent != 3 {
			j.Errorf("%d steps and %d spent, want 1 and 3", r.Steps, r.Spent)
		}
	}},
	{"many calls of children leave their parent idle when all have ended", func(j *journal) {
		j.past(to("root", after(0)))
		together(func(i int) {
			for range 4 {
				k := j.open(below("root", fmt.Sprint("r-", i%3), after(0)))
				j.is("while a child is called", j.find(key("root"), after(2*idle)), "root", run.Open, "", 0)
				j.detach(k, after(0), nil, nil)
			}
		})
		r := j.find(key("root"), after(idle))
		j.is("after that", r, "root", run.Completed, run.ReasonIdle, 0)
		same(j.T, "Children", r.Children, 3)
	}},
	{"of many that close or block a run, the first does", func(j *journal) {
		j.past(to("r", after(0)))
		var completed, blocked atomic.Int64
		together(func(i int) {
			if i%2 == 0 {
				if _, changed := j.complete(key("r"), run.ReasonByAgent, after(0)); changed {
					completed.Add(1)
				}
			} else if _, changed := j.block(key("r"), after(0)); changed {
				blocked.Add(1)
			}
		})
		same(j.T, "calls that changed the run", completed.Load()+blocked.Load(), 1)
		if completed.Load() == 1 {
			j.is("Find", j.find(key("r"), after(0)), "r", run.Completed, run.ReasonByAgent, 0)
		} else {
			j.is("Find", j.find(key("r"), after(0)), "r", run.Blocked, block.Code, 0)
		}
	}},
	{"of many that find a run idle, one says that it ended", func(j *journal) {
		j.past(to("r", after(0)))
		var said atomic.Int64
		together(func(i int) {
			switch i % 4 {
			case 0:
				if j.attach(to("r", after(idle))).Ended != nil {
					said.Add(1)
				}
			case 1:
				if _, changed := j.complete(key("r"), run.ReasonByAgent, after(idle)); changed {
					said.Add(1)
				}
			case 2:
				said.Add(int64(len(j.sweep(after(idle)).Completed)))
			default:
				j.is("Find", j.find(key("r"), after(idle)), "r", run.Completed, run.ReasonIdle, 0)
			}
		})
		same(j.T, "how often it was said", said.Load(), 1)
		j.is("Find", j.find(key("r"), after(idle)), "r", run.Completed, run.ReasonIdle, 0)
	}},
}
