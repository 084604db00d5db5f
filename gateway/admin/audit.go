package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/rungate/rungate/gateway/audit"
)

type trailList struct {
	Trails []audit.Head `json:"trails"`
}

// listTrails answers with the heads of all trails.
func (a *api) listTrails(_ *Operator, r *http.Request) (any, error) {
	t, err := a.trail()
	if err != nil {
		return nil, err
	}
	teams, err := t.Teams(r.Context())
	if err != nil {
		return nil, err
	}
	list := trailList{Trails: make([]audit.Head, len(teams))}
	for i, team := range teams {
		e, err := t.Head(r.Context(), team)
		if err != nil {
			return nil, err
		}
		list.Trails[i] = audit.Head{Team: team, Number: e.Number, Hash: e.Hash}
	}
	return &list, nil
}

// verified says whether a trail is whole.
type verified struct {
	Intact  bool        `json:"intact"`
	Entries int64       `json:"entries,omitempty"`
	Head    *audit.Head `json:"head,omitempty"`
	Broken  *broken     `json:"broken,omitempty"`
}

// broken is the first entry that is not as it was added.
type broken struct {
	Team    string      `json:"team"`
	Number  int64       `json:"number"`
	Fault   audit.Fault `json:"fault"`
	Message string      `json:"message"`
}

// verifyTrail answers whether a team's trail is whole. A head that was written down
// before, "number" and "hash", has to be in it still.
func (a *api) verifyTrail(_ *Operator, r *http.Request) (any, error) {
	t, err := a.trail()
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	team, err := trailTeam(q)
	if err != nil {
		return nil, err
	}
	var c audit.Check
	if q.Has("number") || q.Has("hash") {
		known := audit.Head{Team: team}
		if known.Number, err = strconv.ParseInt(q.Get("number"), 10, 64); err != nil || known.Number < 1 {
			return nil, invalid("number", "want the number of an entry")
		}
		if err := known.Hash.UnmarshalText([]byte(q.Get("hash"))); err != nil {
			return nil, invalid("hash", "%v", err)
		}
		c.Known = []audit.Head{known}
	}
	v, err := c.Verify(r.Context(), t, team)
	if b, ok := errors.AsType[*audit.BrokenError](err); ok {
		return &verified{Broken: &broken{b.Team, b.Number, b.Fault, b.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	answer := &verified{Intact: true, Entries: v.Entries}
	if len(v.Heads) > 0 {
		answer.Head = &v.Heads[0]
	}
	return answer, nil
}

// exportTrail answers with the lines of a team's trail from the one after number
// "after", a page at a time: it may be long.
func (a *api) exportTrail(w http.ResponseWriter, r *http.Request) {
	err := a.export(w, r)
	begun := w.Header().Get("Content-Type") != ""
	switch {
	case err != nil && !begun:
		a.refuse(r.Context(), w, err)
	case err != nil: // nobody must take it for all that there is
		a.cfg.Logger.ErrorContext(r.Context(), "export of an audit trail broken off", "error", err)
		panic(http.ErrAbortHandler)
	case !begun:
		exportHeader(w)
		w.WriteHeader(http.StatusOK)
	}
}

func (a *api) export(w http.ResponseWriter, r *http.Request) error {
	if _, err := Lookup(r.Context(), a.cfg.Operators, bearer(r.Header)); err != nil {
		return err
	}
	t, err := a.trail()
	if err != nil {
		return err
	}
	q := r.URL.Query()
	team, err := trailTeam(q)
	if err != nil {
		return err
	}
	var after int64
	if s := q.Get("after"); s != "" {
		if after, err = strconv.ParseInt(s, 10, 64); err != nil || after < 0 {
			return invalid("after", "want the number of an entry")
		}
	}
	return audit.Export(r.Context(), exportWriter{w}, t, team, after)
}

// exportPatience is how long an operator may take for a page of an export.
const exportPatience = time.Minute

// An exportWriter gives each page its time, whatever the server gives the answer.
type exportWriter struct{ http.ResponseWriter }

func (w exportWriter) Write(p []byte) (int, error) {
	exportHeader(w)
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(exportPatience)) // what cannot has its own
	return w.ResponseWriter.Write(p)
}

func exportHeader(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// trail is the gateway's.
func (a *api) trail() (audit.Trail, error) {
	if t := a.gw.Trail(); t != nil {
		return t, nil
	}
	return nil, &refusal{code: codeNoTrail, message: "this gateway keeps no audit trail"}
}

// trailTeam is the team whose trail is asked for. That of those whom nobody knows has
// an empty name.
func trailTeam(q url.Values) (string, error) {
	if !q.Has("team") {
		return "", invalid("team", "is missing; each team has a trail of its own")
	}
	return q.Get("team"), nil
}
