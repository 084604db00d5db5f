package run

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rungate/rungate/internal/jsonscan"
)

// The headers of directives, in canonical form. Each has a body field of the
// same name below "rungate".
const (
	HeaderRunID       = "X-Rungate-Run-Id"
	HeaderParentRunID = "X-Rungate-Parent-Run-Id"
	HeaderNewRun      = "X-Rungate-New-Run"
	HeaderPolicy      = "X-Rungate-Policy"
	HeaderUser        = "X-Rungate-User"
	HeaderTags        = "X-Rungate-Tags"
	HeaderApproval    = "X-Rungate-Approval"
)

// The bounds of directives.
const (
	MaxIDBytes = 256 // of an id, a name or a tag
	MaxTags    = 50
)

// Directives are what a call says about itself to the gateway.
type Directives struct {
	RunID  string
	Parent string // id of the run that a new one is started below; empty is none
	NewRun bool
	Policy string
	User   string
	Tags   []string

	// Approval is how the call is answered while a person has yet to decide about
	// it; empty if it does not say.
	Approval ApprovalMode

	// WaitForApproval lets the call wait for that for as long as its context lasts.
	WaitForApproval bool

	// Orphan lets a new run start without its Parent where there is no such run.
	// It is for a Parent that no directive has named.
	Orphan bool
}

// A DirectiveError says which directive is malformed, and how.
type DirectiveError struct {
	Field  string // as the agent wrote it: "x-rungate-run-id" or "rungate.run_id"
	Reason string
}

func (e *DirectiveError) Error() string { return e.Field + ": " + e.Reason }

// Refer sets the directives that a Ref gives.
func (d *Directives) Refer(r *Ref) {
	*d = Directives{RunID: r.ID, Parent: r.Parent, NewRun: r.NewRun, Policy: r.Policy, User: r.User, Tags: r.Tags, WaitForApproval: r.WaitForApproval}
}

// Check reports the first directive that is malformed, as a *[DirectiveError].
// It is for directives that were set by Refer; the others are checked as they
// are read.
func (d *Directives) Check() error {
	for _, f := range []struct{ field, value string }{{"run id", d.RunID}, {"parent run id", d.Parent}, {"policy", d.Policy}, {"user", d.User}} {
		if f.value != "" {
			if why := badID(f.value); why != "" {
				return &DirectiveError{f.field, why}
			}
		}
	}
	if why := badTags(d.Tags); why != "" {
		return &DirectiveError{"tags", why}
	}
	return nil
}

// ReadBody takes over the directives in object, the raw value of a body's member
// "rungate". The error is a *[DirectiveError].
func (d *Directives) ReadBody(object []byte) error {
	var s jsonscan.Scanner
	var bad *DirectiveError
	fail := func(field, why string) {
		if why != "" && bad == nil {
			bad = &DirectiveError{"rungate." + field, why}
		}
	}
	id := func(field string, to *string) {
		if s.Kind() != jsonscan.String {
			fail(field, "want a string")
			s.Skip()
			return
		}
		*to = string(s.Str())
		fail(field, badID(*to))
	}
	s.Reset(object)
	s.Object(func(key []byte) {
		switch string(key) {
		case "run_id":
			id("run_id", &d.RunID)
		case "parent_run_id":
			id("parent_run_id", &d.Parent)
		case "policy":
			id("policy", &d.Policy)
		case "user":
			id("user", &d.User)
		case "new_run":
			from, to := s.Skip()
			v, ok := parseBool(strings.Trim(string(object[from:to]), `"`))
			if !ok {
				fail("new_run", "want true or false")
			}
			d.NewRun = v
		case "approval":
			if s.Kind() != jsonscan.String {
				fail("approval", wantApproval)
				s.Skip()
				return
			}
			d.Approval, d.WaitForApproval = ApprovalMode(s.Str()), false
			if !d.Approval.Valid() {
				fail("approval", wantApproval)
			}
		case "tags":
			switch s.Kind() {
			case jsonscan.String:
				d.Tags = splitTags(string(s.Str()))
			case jsonscan.Array:
				d.Tags = []string{}
				s.Array(func(int) {
					if s.Kind() != jsonscan.String {
						fail("tags", "want an array of strings")
						s.Skip()
						return
					}
					if tag := s.Str(); len(d.Tags) <= MaxTags { // one more is known to be too many
						d.Tags = append(d.Tags, string(tag))
					}
				})
			default:
				fail("tags", "want an array of strings, or one string with commas")
				s.Skip()
			}
			fail("tags", badTags(d.Tags))
		default:
			name := string(key)
			if !ValidID(name) {
				name = fmt.Sprintf("%.64q", name) // fit to be repeated in an answer
			}
			fail(name, "there is no such directive; known are run_id, parent_run_id, new_run, policy, user, tags, approval")
			s.Skip()
		}
	})
	s.End()
	if err := s.Err(); err != nil {
		return &DirectiveError{"rungate", err.Error()}
	}
	if bad != nil {
		return bad
	}
	return nil
}

// ReadHeader takes over the directives in h, over those that are set already.
// The error is a *[DirectiveError].
func (d *Directives) ReadHeader(h http.Header) error {
	for _, f := range [...]struct {
		name string
		to   *string
	}{{HeaderRunID, &d.RunID}, {HeaderParentRunID, &d.Parent}, {HeaderPolicy, &d.Policy}, {HeaderUser, &d.User}} {
		v, ok, err := single(h, f.name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if why := badID(v); why != "" {
			return headerError(f.name, why)
		}
		*f.to = v
	}
	if v, ok, err := single(h, HeaderNewRun); err != nil {
		return err
	} else if ok {
		if d.NewRun, ok = parseBool(v); !ok {
			return headerError(HeaderNewRun, "want true or false")
		}
	}
	if v, ok, err := single(h, HeaderApproval); err != nil {
		return err
	} else if ok {
		if !ApprovalMode(v).Valid() {
			return headerError(HeaderApproval, wantApproval)
		}
		d.Approval, d.WaitForApproval = ApprovalMode(v), false
	}
	if lines := h[HeaderTags]; len(lines) > 0 {
		d.Tags = splitTags(strings.Join(lines, ","))
		if why := badTags(d.Tags); why != "" {
			return headerError(HeaderTags, why)
		}
	}
	return nil
}

// WriteHeader sets the headers that say the same as d. WaitForApproval is the
// longest wait that can be asked for.
func (d *Directives) WriteHeader(h http.Header) {
	set := func(name, v string) {
		if v != "" {
			h.Set(name, v)
		}
	}
	set(HeaderRunID, d.RunID)
	set(HeaderParentRunID, d.Parent)
	set(HeaderPolicy, d.Policy)
	set(HeaderUser, d.User)
	set(HeaderTags, strings.Join(d.Tags, ","))
	set(HeaderApproval, string(d.Approval))
	if d.WaitForApproval {
		set(HeaderApproval, longestWait)
	}
	if d.NewRun {
		h.Set(HeaderNewRun, "true")
	}
}

// ValidID reports whether s can be the id of a run: 1 to MaxIDBytes bytes of
// printable characters.
func ValidID(s string) bool { return badID(s) == "" }

func headerError(name, why string) error {
	return &DirectiveError{strings.ToLower(name), why}
}

// single returns the one value of a header. Two that differ are no answer.
func single(h http.Header, name string) (v string, ok bool, err error) {
	lines := h[name]
	if len(lines) == 0 {
		return "", false, nil
	}
	for _, l := range lines[1:] {
		if l != lines[0] {
			return "", false, headerError(name, "sent twice, with different values")
		}
	}
	return lines[0], true, nil
}

func parseBool(s string) (v, ok bool) {
	switch {
	case s == "1" || strings.EqualFold(s, "true"):
		return true, true
	case s == "0" || strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

// badID says what is wrong with an id, and is empty if nothing is.
func badID(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case len(s) > MaxIDBytes:
		return fmt.Sprintf("longer than %d bytes", MaxIDBytes)
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return badText(s) // not plain ASCII: look closer
		}
	}
	return ""
}

func badText(s string) string {
	if !utf8.ValidString(s) {
		return "not valid UTF-8"
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return fmt.Sprintf("holds the character %U, which is not printable", c)
		}
	}
	return ""
}

func splitTags(s string) []string {
	tags := strings.SplitN(s, ",", MaxTags+1)
	for i := range tags {
		tags[i] = strings.Clone(strings.TrimSpace(tags[i])) // s may be large, and its tags are kept
	}
	return tags
}

func badTags(tags []string) string {
	if len(tags) > MaxTags {
		return fmt.Sprintf("more than %d tags", MaxTags)
	}
	for i, t := range tags {
		if why := badID(t); why != "" {
			return fmt.Sprintf("tag %d: %s", i+1, why)
		}
	}
	if slices.ContainsFunc(tags, func(t string) bool { return strings.Contains(t, ",") }) {
		return "a tag holds a comma"
	}
	return ""
}

const wantApproval = "want accepted, error, wait or wait=SECONDS"
