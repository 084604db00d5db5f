package policy

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rungate/rungate/internal/strict"
)

// A Rank is one target, or several of which each is as good as the other. In JSON it
// is the target alone, "provider/model", or an object with these fields.
type Rank struct {
	Any []Weighted `json:"any"`
	By  Choice     `json:"by"` // which of them is tried first; empty is ByWeight
}

// A Weighted is a target in a rank. In JSON it is the target alone, or an object with
// these fields.
type Weighted struct {
	Target Target `json:"target"`
	Weight int    `json:"weight"` // its share of the calls ByWeight; 0 is 1
}

// A Choice is how the targets of a rank are put in order for a call.
type Choice string

// The choices.
const (
	ByWeight  Choice = "weight"  // at random, those with more weight more often
	ByCost    Choice = "cost"    // the one that is expected to cost least first
	ByLatency Choice = "latency" // the one that has begun to answer soonest of late first
)

// maxWeight keeps sums of weights far from overflowing.
const maxWeight = 1_000_000

// Only returns the rank of one target.
func Only(t Target) Rank { return Rank{Any: []Weighted{{Target: t}}} }

// UnmarshalJSON reads a target, or an object with the fields of r.
func (r *Rank) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		return strict.JSON(data, r)
	}
	t, err := readTarget(data)
	*r = Only(t)
	return err
}

// UnmarshalJSON reads a target, or an object with the fields of w.
func (w *Weighted) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		return strict.JSON(data, w)
	}
	t, err := readTarget(data)
	*w = Weighted{Target: t}
	return err
}

// readTarget reads what stands for a target alone.
func readTarget(data []byte) (t Target, err error) {
	var text string
	if json.Unmarshal(data, &text) != nil || data[0] != '"' {
		return t, fmt.Errorf(`want "provider/model" or an object, not %s`, data)
	}
	return t, t.UnmarshalText([]byte(text))
}

// MarshalText writes what String returns.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads "provider/model", of which the first slash ends the provider.
func (t *Target) UnmarshalText(text []byte) error {
	name, model, _ := strings.Cut(string(text), "/")
	read := Target{Provider: name, Model: model}
	if !read.whole() {
		return fmt.Errorf(`want "provider/model", not %.100q`, text)
	}
	*t = read
	return nil
}

// whole reports whether t names one model at one provider.
func (t Target) whole() bool {
	return t.Provider != "" && t.Model != "" && !strings.Contains(t.Provider, "/") && !strings.Contains(t.String(), "*")
}

// validate calls bad for each thing that is wrong with r, and notes its targets in
// seen.
func (r *Rank) validate(seen map[Target]bool, bad complaint) {
	if len(r.Any) == 0 {
		bad(".any", "needs a target")
	}
	switch r.By {
	case "", ByWeight, ByCost, ByLatency:
	default:
		bad(".by", `%q is not known; use "weight", "cost" or "latency"`, string(r.By))
	}
	for i := range r.Any {
		w, path := &r.Any[i], fmt.Sprintf(".any[%d]", i)
		if len(r.Any) == 1 { // which may have been written alone
			path = ""
		}
		switch {
		case !w.Target.whole():
			bad(path, `want "provider/model"`)
		case seen[w.Target]:
			bad(path, "%q is there already; say by max_attempts how often it is tried", w.Target)
		}
		seen[w.Target] = true
		switch {
		case w.Weight < 0 || w.Weight > maxWeight:
			bad(fmt.Sprintf(".any[%d].weight", i), "want 1 up to %d; leave it out for 1", maxWeight)
		case w.Weight != 0 && r.By != "" && r.By != ByWeight:
			bad(fmt.Sprintf(".any[%d].weight", i), `is for a rank that is "by": "weight"`)
		}
	}
}
