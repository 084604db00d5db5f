package policy

import (
	"strings"

	"github.com/rungate/rungate/provider"
)

// ask makes d one to approve what v shows, by the rule if it is the first that
// asks.
func (r *rule) ask(d *Decision, v *view, tool string) {
	f := r.finding(v, tool)
	if d.Verdict == Allow {
		d.Verdict, d.Finding = Approve, f
		d.Approval.Channel, d.Approval.Expires = r.channel, r.expires
	}
	d.Gated = append(d.Gated, f)
}

// asked reports whether a rule that asks about the call need not, since the provider
// has made it with a declared tool that the rule fits, and that a person has been
// asked about on the request.
func (rs *rules) asked(r *rule, v *view) bool {
	if v.call == nil || !v.call.Hosted {
		return false
	}
	request := view{in: v.in}
	var room [8]string
	for i := range v.in.Tools {
		t := &v.in.Tools[i]
		if !t.Hosted || !makes(t, v.call) {
			continue
		}
		if names := appendNames(room[:0], t); r.fits(names) && rs.asks(&request, names) {
			return true
		}
	}
	return false
}

// makes reports whether a call that the provider has made comes of the declared tool:
// of its server, of itself, or of a function of it, such as "bash_code_execution" is
// of "code_execution".
func makes(t *provider.Tool, call *provider.ToolCall) bool {
	switch {
	case call.Server != "":
		return strings.EqualFold(t.Name, call.Server) || strings.EqualFold(t.Name, call.Name) && strings.HasPrefix(t.Type, "mcp")
	case strings.EqualFold(t.Name, call.Name):
		return true
	}
	return t.URL == "" && strings.HasSuffix(strings.ToLower(call.Name), "_"+strings.ToLower(t.Name))
}

// asks reports whether a rule asks about a declared tool that goes by these names.
// If the agent runs the tool, one may ask about its calls then.
func (rs *rules) asks(v *view, names []string) bool {
	for i := range rs.asking {
		if r := &rs.asking[i]; r.fits(names) && r.fires(v) {
			return r.then == ThenApprove
		}
	}
	return false
}

// hides reports whether a declared tool stands for others, whose names are known
// only when they are called.
func hides(t *provider.Tool) bool {
	unversioned, _ := provider.ToolKind(t.Type)
	return t.URL != "" || unversioned == "mcp" || strings.HasSuffix(unversioned, "_toolset")
}
