package console

import (
	"strconv"
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

// A forwarded is a call that was forwarded, as the page of its run shows it.
type forwarded struct {
	run.Step
	Gate *run.Gate // that withheld the answer; nil for none
}

// forwardedOf returns the calls of a run with those of its gates that have withheld
// their answers. A step does not name its gate. It is of the same agent, model and
// cost, and the last of those that had ended when the gate opened.
func forwardedOf(steps []run.Step, gates []run.Gate) []forwarded {
	all := make([]forwarded, len(steps))
	for i := range steps {
		all[i].Step = steps[i]
	}
	for i := range gates {
		g := &gates[i]
		if g.Kind != run.ActionGate {
			continue
		}
		var of *forwarded
		for k := range all {
			f := &all[k]
			same := f.Agent == g.Agent && f.Asked == g.Model && f.Cost == g.Cost && f.Error == "" && f.Fault == ""
			if same && !f.end().After(g.Opened) && (of == nil || f.end().After(of.end())) {
				of = f
			}
		}
		if of != nil {
			of.Gate = g
		}
	}
	return all
}

// Target is the model that the call was for. A call without one is told by its endpoint.
func (f *forwarded) Target() string {
	switch {
	case f.Model != "":
		return f.Provider + "/" + f.Model
	case f.Provider != "":
		return f.Provider + ", " + string(f.Endpoint)
	}
	return string(f.Endpoint)
}

func (f *forwarded) end() time.Time { return f.Start.Add(f.Duration) }

// Answer says what the agent got.
func (f *forwarded) Answer() string {
	switch {
	case f.Error == "client_gone":
		return "the agent had left"
	case f.Fault != "" && f.Status != 0:
		return strconv.Itoa(f.Status) + ", given up: " + f.Fault
	case f.Fault != "":
		return "given up: " + f.Fault
	case strings.HasPrefix(f.Error, "upstream_"):
		return "failed: " + f.Error
	case f.Error != "":
		return "refused: " + f.Error
	case f.Gate == nil:
		return strconv.Itoa(f.Status)
	case f.Gate.Status == run.GateUsed:
		return strconv.Itoa(f.Status) + ", once approved"
	}
	return "withheld, " + string(f.Gate.Status)
}
