package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// functions are those that templates call.
var functions = template.FuncMap{
	"text":     func(s string) template.HTML { return excerpt(s, mostText) },
	"name":     func(s string) template.HTML { return excerpt(s, named) },
	"summary":  summary,
	"leading":  leading,
	"when":     when,
	"date":     date,
	"team":     team,
	"money":    func(m budget.Money) string { return "$" + m.String() },
	"duration": func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) },
	"fault":    func(f provider.Fault) string { return strings.ReplaceAll(f.String(), "_", " ") },
	"settled":  func(g run.Gate) time.Time { return settled(&g) },
}

// when says how long ago t was, or how long it is until then. Pages go on with
// that by themselves.
func when(t time.Time) template.HTML {
	d := time.Since(t)
	words := span(d.Abs())
	if d >= 0 {
		words += " ago"
	} else {
		words = "in " + words
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s" data-relative>%s</time>`, t.UTC().Format(time.RFC3339), date(t), words))
}

// span rounds down, in the units that people use. The script does the same.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// team names the team of a run, whose agent may have none.
func team(k run.Key) string {
	kind, name, _ := strings.Cut(k.Team, ":")
	if kind == "agent" {
		return "none"
	}
	return name
}

// How much of a gate lists show: bytes of the name of what is asked for, and calls
// of tools.
const (
	named    = 256
	previews = 3
)

// leading are the calls that lists show.
func leading(all []run.Proposal) []run.Proposal { return all[:min(len(all), previews)] }
