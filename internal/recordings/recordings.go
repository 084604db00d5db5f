package recordings

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// A Case is one exchange.
type Case struct {
	Name      string // unique, such as "openai.chat/fantasy-simple-0"
	API       string // such as "openai.chat", "anthropic.messages"
	Method    string
	Path      string // below the host, such as "/v1/messages"
	Query     string // without the question mark; empty if there was none
	Status    int
	Stream    bool // Response is a stream of server-sent events
	Synthetic bool // made by hand in the shape of the real ones, not recorded

	// Of the headers, those that matter.
	RequestHeader, ResponseHeader http.Header

	// The bodies as they were on the wire, but for their content encoding.
	// Request is nil where there was none, or none was recorded.
	Request, Response []byte

	Features []string // what is worth a test in it, such as "usage.cache_1h"
	Note     string   // of a synthetic case: what it stands for
	Origin   Origin
}

// Has reports whether the case has the feature.
func (c Case) Has(feature string) bool { return slices.Contains(c.Features, feature) }

// An Origin says who recorded a case.
type Origin struct {
	Repo     string `json:"repo,omitempty"` // on GitHub; empty for a synthetic case
	Commit   string `json:"commit,omitempty"`
	File     string `json:"file,omitempty"`
	Exchange int    `json:"exchange,omitempty"` // its place in the file, from 0
	Licence  string `json:"licence,omitempty"`
}

// An Entry describes a case in the archive's index. The bodies are files beside
// it: the case's name followed by RequestFile or ResponseFile.
type Entry struct {
	Name           string      `json:"name"`
	API            string      `json:"api"`
	Method         string      `json:"method"`
	Path           string      `json:"path"`
	Query          string      `json:"query,omitempty"`
	Status         int         `json:"status"`
	Stream         bool        `json:"stream,omitempty"`
	Synthetic      bool        `json:"synthetic,omitempty"`
	RequestHeader  http.Header `json:"request_header,omitempty"`
	ResponseHeader http.Header `json:"response_header,omitempty"`
	Features       []string    `json:"features,omitempty"`
	Note           string      `json:"note,omitempty"`
	Origin         Origin      `json:"origin"`
}

// The names of the archive's files.
const (
	IndexFile    = "index.json"
	RequestFile  = "/request"
	ResponseFile = "/response"
)

//go:embed recordings.zip
var archive []byte

// All returns every case of the given APIs, or of all if none are given, sorted
// by name. Each call reads them anew, so that the caller may change them.
func All(apis ...string) ([]Case, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("recordings: %w", err)
	}
	files := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		files[f.Name] = f
	}
	index, err := read(files[IndexFile])
	if err != nil {
		return nil, err
	}
	var entries []Entry
	if err := json.Unmarshal(index, &entries); err != nil {
		return nil, fmt.Errorf("recordings: index: %w", err)
	}
	var cases []Case
	for _, e := range entries {
		if len(apis) > 0 && !slices.Contains(apis, e.API) {
			continue
		}
		c := Case{
			Name: e.Name, API: e.API, Method: e.Method, Path: e.Path, Query: e.Query,
			Status: e.Status, Stream: e.Stream, Synthetic: e.Synthetic,
			RequestHeader: e.RequestHeader, ResponseHeader: e.ResponseHeader,
			Features: e.Features, Note: e.Note, Origin: e.Origin,
		}
		if c.Request, err = read(files[e.Name+RequestFile]); err != nil {
			return nil, err
		}
		if c.Response, err = read(files[e.Name+ResponseFile]); err != nil {
			return nil, err
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// read unpacks f, which may be nil.
func read(f *zip.File) ([]byte, error) {
	if f == nil {
		return nil, nil
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("recordings: %s: %w", f.Name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("recordings: %s: %w", f.Name, err)
	}
	return b, nil
}
