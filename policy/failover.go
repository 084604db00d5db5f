package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/provider"
)

// A Failover says what serves calls of some models when those do not, or in their
// place.
type Failover struct {
	// Models are those that calls ask for, after aliases, as in a [List].
	Models []string `json:"models"`

	// To is what is tried, rank after rank, when the model that the call asks for has
	// not served it; with Instead, in its place. With neither, it is that model alone
	// that is tried again, as often as MaxAttempts says.
	To      []Rank `json:"to"`
	Instead bool   `json:"instead"`

	// Translation says what becomes of a call whose next target speaks another
	// dialect than its agent. Empty is StrictTranslation.
	Translation Translation `json:"translation"`

	// On is by what faults a target is given up on: the names of [provider.Faults].
	// None means all but Denied and UnknownModel. A call whose input was too long only
	// goes to a model that takes more.
	On []string `json:"on"`

	// MaxAttempts is how many requests go out for one call at most; 0 is what
	// Attempts says. With more than there are targets, the gateway begins with the
	// first one again, after a while.
	MaxAttempts int `json:"max_attempts"`

	// Deadline is for how long after the call has come another attempt may begin, and
	// how long the last one has to begin its answer. 0 is DefaultDeadline.
	Deadline time.Duration `json:"deadline"`

	// FirstByteTimeout and AnswerTimeout are how long a streamed answer, and a whole
	// one, may take to begin. 0 is what the gateway's limits say.
	FirstByteTimeout time.Duration `json:"first_byte_timeout"`
	AnswerTimeout    time.Duration `json:"answer_timeout"`
}

// What holds where a Failover does not say.
const (
	DefaultMaxAttempts = 3                // if there are as many targets
	DefaultDeadline    = 10 * time.Minute // at which the vendors' SDKs give up
)

// A Translation is what becomes of calls that would have to be translated.
type Translation string

// What becomes of them.
const (
	StrictTranslation  Translation = "strict"  // a target is passed over if anything of the call would be lost that matters
	LenientTranslation Translation = "lenient" // it is left out and noted, if only what comes out is not wrong
	NoTranslation      Translation = "none"    // targets of another dialect are passed over
)

// Check reports a translation that is not known.
func (t Translation) Check() error {
	switch t {
	case "", StrictTranslation, LenientTranslation, NoTranslation:
		return nil
	}
	return fmt.Errorf(`%q is not known; use "strict", "lenient" or "none"`, string(t))
}

// Applies reports whether f is about calls that ask for a model. Where no provider is
// known to serve it, asked has no Provider.
func (f *Failover) Applies(asked Target) bool { return slices.ContainsFunc(f.Models, asked.fits) }

// Targets are those in To, in the order in which they stand there.
func (f *Failover) Targets() (all []Target) {
	for i := range f.To {
		for _, w := range f.To[i].Any {
			all = append(all, w.Target)
		}
	}
	return all
}

// GivesUp reports whether a target is given up on by such a fault.
func (f *Failover) GivesUp(x provider.Fault) bool {
	switch {
	case x == provider.Rejected:
		return false
	case len(f.On) == 0:
		return x != provider.Denied && x != provider.UnknownModel
	}
	return slices.Contains(f.On, x.String())
}

// Attempts returns how many requests go out at most for a call that has so many
// targets: MaxAttempts, or else one for each of them, but DefaultMaxAttempts at most.
func (f *Failover) Attempts(targets int) int {
	if f.MaxAttempts > 0 {
		return f.MaxAttempts
	}
	return min(targets, DefaultMaxAttempts)
}

// Within returns the Deadline, or else DefaultDeadline.
func (f *Failover) Within() time.Duration {
	if f.Deadline > 0 {
		return f.Deadline
	}
	return DefaultDeadline
}

// Validate reports everything that is wrong with f, with paths; nil if nothing is.
func (f *Failover) Validate() error {
	var errs strict.Errors
	f.validate(collect(&errs))
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// validate calls bad for each thing that is wrong with f.
func (f *Failover) validate(bad complaint) {
	if len(f.Models) == 0 {
		bad("models", `say for which; "*" is all`)
	}
	for i, g := range f.Models {
		if g == "" {
			bad(fmt.Sprintf("models[%d]", i), "it is empty")
		}
	}
	if f.Instead && len(f.To) == 0 {
		bad("to", "say what serves the calls instead")
	}
	seen := map[Target]bool{}
	for i := range f.To {
		f.To[i].validate(seen, bad.below(fmt.Sprintf("to[%d]", i)))
	}
	if err := f.Translation.Check(); err != nil {
		bad("translation", "%v", err)
	}
	for i, name := range f.On {
		if !slices.Contains(faultNames(), name) {
			bad(fmt.Sprintf("on[%d]", i), `%q is not known; use "%s"`, name, strings.Join(faultNames(), `", "`))
		}
	}
	if f.MaxAttempts < 0 {
		bad("max_attempts", "is negative")
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"deadline", f.Deadline}, {"first_byte_timeout", f.FirstByteTimeout}, {"answer_timeout", f.AnswerTimeout}} {
		if d.value < 0 {
			bad(d.field, "is negative")
		}
	}
}

// faultNames are those that On may have.
func faultNames() []string {
	names := make([]string, 0, len(provider.Faults))
	for _, x := range provider.Faults {
		names = append(names, x.String())
	}
	return names
}
