package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rungate/rungate/internal/glob"
)

// A Rule says what happens to calls on which all of its conditions hold.
//
// A rule without Tool is checked on the request. One with Tool is checked on the
// calls of tools in the answer, before the agent gets it; with Declared, on the
// tools that the request declares as well. A call that the provider makes itself
// (see provider.Tool.Hosted) has been made by then: only a rule with Declared, one
// to approve, or Policy.Tools, comes before it.
//
// A rule to approve asks a person about each call of its tool in the answer. About
// a declared tool that the provider runs it asks on the request, where there are
// no arguments yet, and then not again about the calls that come of it; a rule to
// allow that comes before it holds there, too. No tool is run to count tokens.
//
// Rules are checked in their order. The first that fits and is not to alert
// decides. What no rule fits passes: to restrict is what lists are for. Of what is
// decided about several tools or calls, to block comes before to deny, that before
// to approve, and that before to allow.
type Rule struct {
	Name string `json:"name"`

	// Tool is a glob of the tools that the rule is about, by any of the names that
	// a tool goes by, see [Policy]. It does not mind upper and lower case.
	Tool     string `json:"tool"`
	Declared bool   `json:"declared"`

	When []Condition `json:"when"` // none holds always
	Then Action      `json:"then"`

	// Channel is a label for where people are asked, such as "slack://#customer-ops";
	// may be empty. It is shown with the question, and nothing is sent anywhere by it.
	// Expires is how long they may take, up to 30 days; 0 is run.DefaultWindow. Both
	// are for rules to approve only.
	Channel string        `json:"channel"`
	Expires time.Duration `json:"expires"`
}

// An Action is what a rule, or a limit, does.
type Action string

// The actions.
const (
	ThenAllow   Action = "allow"   // the call passes, whatever later rules say
	ThenDeny    Action = "deny"    // the call is refused
	ThenBlock   Action = "block"   // the call is refused, and all later ones of its run
	ThenApprove Action = "approve" // it waits until a person approves it, see run.Gate
	ThenAlert   Action = "alert"   // it is announced; later rules decide
)

// rule is a Rule made for deciding.
type rule struct {
	name      string
	tool      string // in lower case
	then      Action
	when      []condition
	byTarget  bool // a condition is about the model or its provider
	arguments bool // a condition is about the arguments
	channel   string
	expires   time.Duration
}

// rules are those of a policy, by what they are checked on.
type rules struct {
	onRequest, onDeclared, onCalls []rule
	asking                         []rule // those onCalls that approve or allow; nil if none approves
	paths                          pathTree
}

func (rs *rules) compile(document []Rule, bad complaint) {
	used := names{}
	for i := range document {
		d, path := &document[i], fmt.Sprintf("rules[%d]", i)
		if d.Name == "" {
			bad(path+".name", "a rule needs a name")
		}
		used.add(path, d.Name, bad)
		switch d.Then {
		case ThenAllow, ThenDeny, ThenBlock, ThenApprove, ThenAlert:
		default:
			bad(path+".then", `%q is not known; use "allow", "deny", "block", "approve" or "alert"`, string(d.Then))
		}
		d.validateApproval(bad.below(path))
		r := rule{name: d.Name, tool: strings.ToLower(d.Tool), then: d.Then, channel: d.Channel, expires: d.Expires}
		for j := range d.When {
			c := d.When[j].compile(fmt.Sprintf("%s.when[%d]", path, j), &rs.paths, bad)
			r.byTarget = r.byTarget || c.fact == "model" || c.fact == "provider"
			r.arguments = r.arguments || c.arg != ""
			r.when = append(r.when, c)
		}
		switch {
		case d.Tool == "" && d.Declared:
			bad(path+".declared", "is about tools; say which by tool")
		case d.Tool == "" && r.arguments:
			bad(path+".tool", "conditions on arguments need it")
		case d.Declared && r.arguments:
			bad(path+".declared", "what is declared has no arguments; give conditions on them to a rule without it")
		}
		if d.Tool == "" {
			rs.onRequest = append(rs.onRequest, r)
			continue
		}
		rs.onCalls = append(rs.onCalls, r)
		if d.Declared {
			rs.onDeclared = append(rs.onDeclared, r)
		}
		if r.then == ThenApprove || r.then == ThenAllow {
			rs.asking = append(rs.asking, r)
		}
	}
	if !slices.ContainsFunc(rs.asking, func(r rule) bool { return r.then == ThenApprove }) {
		rs.asking = nil
	}
}

// fits reports whether the rule is about a tool that goes by these names.
func (r *rule) fits(names []string) bool {
	for _, n := range names {
		if glob.Match(r.tool, n) {
			return true
		}
	}
	return false
}

// fires reports whether all conditions hold, for some of the models that the
// call may run; to allow it, for all of them. A condition of which that cannot be
// said holds, except to allow.
func (r *rule) fires(v *view) bool {
	allow := r.then == ThenAllow
	v.target = v.in.Target
	if r.holds(v) != allow {
		return !allow
	}
	if r.byTarget {
		for _, v.target = range v.in.Others {
			if r.holds(v) != allow {
				return !allow
			}
		}
	}
	return allow
}

func (r *rule) holds(v *view) bool {
	v.unsure = nil
	for i := range r.when {
		c := &r.when[i]
		switch c.check(v) {
		case no:
			return false
		case unsure:
			if r.then == ThenAllow {
				return false
			}
			if v.unsure == nil {
				v.unsure = c
			}
		}
	}
	return true
}

// finding says why the rule has fired on what v shows; tool is the name of that
// which is declared or called. The reason is a sentence that begins in lower case:
// it stands after a colon, too.
func (r *rule) finding(v *view, tool string) Finding {
	f := Finding{Rule: r.name, Tool: tool}
	what := ""
	if r.tool != "" {
		f.Field, f.Requested = "tool", tool
		what = fmt.Sprintf("it declares the tool %q", tool)
		if v.call != nil {
			what = fmt.Sprintf("the answer calls the tool %q", tool)
		}
		if v.call != nil && (r.arguments || r.then == ThenApprove) {
			f.Args = v.call.Args
		}
	}
	switch {
	case v.unsure != nil && v.unsure.arg != "" && v.call == nil:
		f.Reason = fmt.Sprintf("%s, which the provider runs before its argument %q can be seen.", what, v.unsure.arg)
	case v.unsure != nil && v.unsure.arg != "":
		f.Reason = fmt.Sprintf("%s, and its argument %q is missing or cannot be read for sure.", what, v.unsure.arg)
	case v.unsure != nil:
		f.Reason = v.unsure.is("not known.")
	case len(r.when) > 0:
		texts := make([]string, len(r.when))
		for i := range r.when {
			texts[i] = r.when[i].text
		}
		if what != "" {
			what += ", and "
		}
		f.Reason = what + strings.Join(texts, " and ") + "."
	case r.tool != "":
		f.Reason = what + "."
	}
	return f
}
