package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strconv"
)

// A page is what the templates are given.
type page struct {
	Root       string // leads to the first page
	Here       string // the name of the page
	Title      string
	Operator   string // empty while nobody is signed in
	CanSignOut bool
	Version    string // of the live part
	Body       any
}

//go:embed pages
var pages embed.FS

// templates are the pages, by their names. Each has a template "page", and those
// that keep a part of them up to date have that as "live".
var templates = parse("pending", "decided", "gate", "run", "targets", "login", "problem")

func parse(names ...string) map[string]*template.Template {
	frame := template.Must(template.New("").Funcs(functions).ParseFS(pages, "pages/frame.html", "pages/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range names {
		all[name] = template.Must(template.Must(frame.Clone()).ParseFS(pages, "pages/"+name+".html"))
	}
	return all
}

// write answers with one of the templates of the page.
func (p *page) write(w http.ResponseWriter, status int, part string) error {
	var b bytes.Buffer
	if err := templates[p.Here].ExecuteTemplate(&b, part, p); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes())
	return nil
}
