package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/rungate/rungate/run"
)

// A request is a request of an operator.
type request struct {
	c        *Console
	w        http.ResponseWriter
	r        *http.Request
	operator string
}

// page returns a page with what is in the frame of each.
func (q *request) page(name, title string, body any) *page {
	return &page{Root: root(q.r), Here: name, Title: title, Operator: q.operator, CanSignOut: q.c.cfg.Login != nil, Body: body}
}

// A part of a page keeps itself up to date.
type part interface {
	// live is all that changes of it. How much time has passed does not count:
	// pages know that by themselves.
	live() any
}

// show answers with a page. Where the request is for the live part of a page that
// it has already, it is answered with that part, or with nothing where it is still
// the same.
func (q *request) show(status int, name, title string, body part) error {
	p := q.page(name, title, body)
	var err error
	if p.Version, err = version(body); err != nil {
		return err
	}
	switch q.r.URL.Query().Get("live") {
	case "":
		return p.write(q.w, status, "page")
	case p.Version:
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return p.write(q.w, status, "live")
}

// version tells whether a part is another than it was.
func version(b part) (string, error) {
	data, err := json.Marshal(b.live())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}

// root leads from the page of a request to the first page, whatever prefix they
// are mounted under.
func root(r *http.Request) string {
	up := strings.Count(r.URL.EscapedPath(), "/") - 1
	if up < 1 {
		return "./"
	}
	return strings.Repeat("../", up)
}

// reload leads a browser, by GET, to the page that it has posted to.
func reload(w http.ResponseWriter, r *http.Request) {
	to := "./"
	if p := r.URL.EscapedPath(); !strings.HasSuffix(p, "/") {
		to += path.Base(p)
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to) // http.Redirect does not know of the prefix
	w.WriteHeader(http.StatusSeeOther)
}

var errNoPage = errors.New("no such page")

// problem is what is shown in the place of a page.
type problem struct {
	Text string
	Hint string
}

// fail answers with a page that says what is wrong.
func (q *request) fail(err error) {
	status, title, p := http.StatusServiceUnavailable, "Not available", problem{
		"This cannot be found out or done now.", "Nothing has changed by it. Try again in a moment."}
	switch {
	case errors.Is(err, ErrSignedOut):
		status, title, p = http.StatusUnauthorized, "Not signed in", problem{
			"You are not signed in.", "Sign in where you came from, then load this page again."}
	case errors.Is(err, errNoPage):
		status, title, p = http.StatusNotFound, "Not found", problem{"There is no such page.", ""}
	case errors.Is(err, run.ErrNoGate):
		status, title, p = http.StatusNotFound, "Not found", problem{
			"There is no such gate.", "Gates are forgotten with their run, some time after it has ended."}
	case errors.Is(err, run.ErrNotFound):
		status, title, p = http.StatusNotFound, "Not found", problem{
			"There is no such run.", "Runs are forgotten some time after they have ended."}
	case errors.Is(err, errBadForm):
		status, title, p = http.StatusBadRequest, "Not decided", problem{
			"The decision could not be read.", "Nothing has been decided. Go back and try again."}
	default:
		q.c.cfg.Logger.ErrorContext(q.r.Context(), "console page failed", "path", q.r.URL.Path, "error", err)
	}
	if err := q.page("problem", title, p).write(q.w, status, "page"); err != nil {
		q.c.cfg.Logger.ErrorContext(q.r.Context(), "console page failed", "error", err)
	}
}
