// Pack makes recordings.zip out of a folder of recorded exchanges:
//
//	go run ./internal/recordings/pack <folder> internal/recordings/recordings.zip
//
// A case of the folder is a folder of its own that holds meta.json and beside it
// request.* and response.*. Those that are taken are the cases of the governed
// APIs whose bytes are the wire's, and the synthetic ones. The same folder gives
// the same archive, byte for byte.
package main

import (
	"archive/zip"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rungate/rungate/internal/recordings"
)

var governed = []string{
	"anthropic.count_tokens", "anthropic.messages", "anthropic.models",
	"openai.chat", "openai.embeddings", "openai.models", "openai.responses",
}

// A meta is what meta.json says of a case.
type meta struct {
	API             string            `json:"api"`
	Method          string            `json:"method"`
	Path            string            `json:"path"`
	Query           string            `json:"query"`
	Status          int               `json:"status"`
	Stream          bool              `json:"stream"`
	RequestHeaders  map[string]string `json:"request_headers"`
	ResponseHeaders map[string]string `json:"response_headers"`
	BodyForm        string            `json:"body_form"`
	Provenance      string            `json:"provenance"` // of a synthetic case only
	Note            string            `json:"note"`
	Features        []string          `json:"features"`
	Origin          recordings.Origin `json:"origin"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: pack <folder of cases> <zip file>")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func pack(folder, target string) (err error) {
	entries, bodies, err := collect(os.DirFS(folder))
	if err != nil {
		return err
	}
	index, err := json.MarshalIndent(entries, "", " ")
	if err != nil {
		return err
	}
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	defer func() {
		if e := out.Close(); err == nil {
			err = e
		}
	}()
	z := zip.NewWriter(out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	if err := add(z, recordings.IndexFile, index); err != nil {
		return err
	}
	for _, e := range entries {
		for _, file := range []string{recordings.RequestFile, recordings.ResponseFile} {
			if b, ok := bodies[e.Name+file]; ok {
				if err := add(z, e.Name+file, b); err != nil {
					return err
				}
			}
		}
	}
	return z.Close()
}

// add writes one file without a time, which would differ from run to run.
func add(z *zip.Writer, name string, b []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// collect returns the cases below root, sorted by name, and their bodies.
func collect(root fs.FS) ([]recordings.Entry, map[string][]byte, error) {
	var entries []recordings.Entry
	bodies := map[string][]byte{}
	err := fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "meta.json" {
			return err
		}
		raw, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		var m meta
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		synthetic := m.Provenance != ""
		if !slices.Contains(governed, m.API) || !synthetic && !strings.HasPrefix(m.BodyForm, "bytes as recorded") {
			return nil
		}
		name := path.Dir(file)
		entries = append(entries, recordings.Entry{
			Name: name, API: m.API, Method: m.Method, Path: m.Path, Query: strings.TrimPrefix(m.Query, "?"),
			Status: m.Status, Stream: m.Stream, Synthetic: synthetic,
			RequestHeader: header(m.RequestHeaders), ResponseHeader: header(m.ResponseHeaders),
			Features: m.Features, Note: m.Note, Origin: m.Origin,
		})
		return collectBodies(root, name, bodies)
	})
	slices.SortFunc(entries, func(a, b recordings.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, bodies, err
}

// collectBodies reads what lies beside a case's meta.json.
func collectBodies(root fs.FS, name string, bodies map[string][]byte) error {
	files, err := fs.ReadDir(root, name)
	if err != nil {
		return err
	}
	for _, f := range files {
		kind := strings.TrimSuffix(f.Name(), filepath.Ext(f.Name()))
		if kind != "request" && kind != "response" {
			continue
		}
		if bodies[name+"/"+kind], err = fs.ReadFile(root, path.Join(name, f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// header gives names their canonical form.
func header(m map[string]string) http.Header {
	h := http.Header{}
	for name, value := range m {
		h.Set(name, value)
	}
	return h
}
