package policy

import (
	"strings"

	"github.com/rungate/rungate/provider"
)

// ask makes d one to approve what v shows, by the rule if it is the first that
// asks. Of an answer each call that is asked about is noted.
func (r *rule) ask(d *Decision, v *view, tool string) {
	if d.Verdict == Approve && v.call == nil {
		return
	}
	f := r.finding(v, tool)
	if d.Verdict == Allow {
		d.Verdict, d.Finding = Approve, f
		d.Approval.Channel, d.Approval.Expires = r.channel, r.expires
	}
	if v.call != nil {
		d.Gated = append(d.Gated, f)
	}
}

// asked reports whether the rule has asked about the call on the request, since
// the provider has made it with a declared tool that the rule fits.
func (r *rule) asked(v *view) bool {
	if v.call == nil || !v.call.Hosted {
		return false
	}
	var room [8]string
	for i := range v.in.Tools {
		t := &v.in.Tools[i]
		if t.Hosted && (declares(t, v.call) || partOf(t, v.call)) && r.fits(appendNames(room[:0], t)) {
			return true
		}
	}
	return false
}

// partOf reports whether a call is of a function of the tool, such as
// "bash_code_execution" is of "code_execution".
func partOf(t *provider.Tool, call *provider.ToolCall) bool {
	return call.Server == "" && t.URL == "" && strings.HasSuffix(strings.ToLower(call.Name), "_"+strings.ToLower(t.Name))
}

// mayAsk reports whether a rule may ask about the calls of a declared tool that
// goes by these names.
func (rs *rules) mayAsk(v *view, names []string) bool {
	for i := range rs.asking {
		switch r := &rs.asking[i]; {
		case !r.fits(names):
		case r.then == ThenApprove:
			return true
		case r.fires(v): // and allows them all
			return false
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
