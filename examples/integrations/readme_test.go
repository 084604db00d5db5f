package integrations

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of the README")

// TestReadme checks that the README says what the other tests check.
func TestReadme(t *testing.T) {
	before, err := os.ReadFile("README.md")
	require.NoError(t, err)
	after := string(before)
	for name, table := range map[string]string{
		"clients":     clientTable(t),
		"reactions":   reactionTable(),
		"gates":       gateTable(t),
		"failovers":   failoverTable(),
		"differences": differenceTable(),
	} {
		section := regexp.MustCompile(`(?s)(<!-- ` + name + ` -->\n).*?(\n<!-- end -->)`)
		require.Regexp(t, section, after)
		after = section.ReplaceAllString(after, "${1}"+table+"${2}")
	}
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(after), 0o644))
		return
	}
	require.Equal(t, after, string(before), "run go test ./integrations -run Readme -update")
}

func clientTable(t *testing.T) string {
	t.Helper()
	rows := []string{"| client | version | key, API version | base URL | calls |", "| --- | --- | --- | --- | --- |"}
	for _, c := range clients {
		var bases, calls []string
		for _, p := range c.paths {
			bases = append(bases, "`…"+p.base+"`")
			calls = append(calls, "`"+p.called+"`")
		}
		version := "of the system"
		if c.pin != (pin{}) {
			name, v := c.pin.read(t)
			version = name + " " + v
		}
		rows = append(rows, fmt.Sprintf("| [%s](%s) | %s | %s | %s | %s |", c.name, c.dir, version, c.sends,
			strings.Join(bases, ", "), strings.Join(calls, ", ")))
	}
	return strings.Join(rows, "\n")
}

// read returns the name and the version of the package that is pinned.
func (p pin) read(t *testing.T) (name, version string) {
	t.Helper()
	pins, err := os.ReadFile(p.file)
	require.NoError(t, err)
	if strings.HasSuffix(p.file, ".txt") {
		m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(p.name) + `==(\S+)$`).FindSubmatch(pins)
		require.NotNil(t, m, "%s in %s", p.name, p.file)
		return p.name, string(m[1])
	}
	var manifest struct{ Dependencies map[string]string }
	require.NoError(t, json.Unmarshal(pins, &manifest))
	version = manifest.Dependencies[p.name]
	require.NotEmpty(t, version, "%s in %s", p.name, p.file)
	if alias, ok := strings.CutPrefix(version, "npm:"); ok {
		at := strings.LastIndexByte(alias, '@')
		return alias[:at], alias[at+1:]
	}
	return p.name, version
}

func reactionTable() string {
	rows := []string{
		"| client | 402 | 403 | 409 | 429, always | 429, once |",
		"| --- | --- | --- | --- | --- | --- |",
	}
	for _, c := range clients {
		if c.reactions == nil {
			continue
		}
		row := "| " + c.name
		for _, s := range refusals {
			row += " | " + c.reactions[s].String()
		}
		rows = append(rows, row+" |")
	}
	return strings.Join(rows, "\n")
}

func gateTable(t *testing.T) string {
	t.Helper()
	head, rule := "| client |", "| --- |"
	for _, column := range gateColumns {
		head, rule = head+" "+column.title+" |", rule+" --- |"
	}
	rows := []string{head, rule}
	for _, c := range clients {
		row := "| " + c.name
		for _, column := range gateColumns {
			first := c.gates[column.gatings[0]]
			for _, g := range column.gatings {
				require.Equal(t, first, c.gates[g], "%s, %s", c.name, g)
			}
			row += " | " + first.String()
		}
		rows = append(rows, row+" |")
	}
	return strings.Join(rows, "\n")
}

func failoverTable() string {
	rows := []string{"| client | gathers a stream with | raises when it breaks off | calls tools with |", "| --- | --- | --- | --- |"}
	for _, c := range clients {
		if c.helper == "" {
			continue
		}
		row := fmt.Sprintf("| %s | `%s` | `%s` | ", c.name, c.helper, c.broken)
		if c.runner != "" {
			row += "`" + c.runner + "` "
		}
		rows = append(rows, row+"|")
	}
	return strings.Join(rows, "\n")
}

func differenceTable() string {
	rows := []string{"| in its README | promised | here |", "| --- | --- | --- |"}
	for _, d := range differences {
		rows = append(rows, fmt.Sprintf("| `%s` | %s | `%s` |", d.expression, d.promised, d.got))
	}
	return strings.Join(rows, "\n")
}

func (r reaction) String() string {
	if r.attempts == 0 {
		return ""
	}
	attempts, end := strconv.Itoa(r.attempts), "then success"
	if r.over > 0 {
		attempts += fmt.Sprintf(" in over %g s", r.over.Seconds())
	}
	switch {
	case strings.Contains(r.raises, " "):
		end = strconv.Quote(strings.TrimSpace(r.raises))
	case r.raises != "":
		end = "`" + r.raises + "`"
	}
	if r.ownWords {
		end += " †"
	}
	return attempts + ", " + end
}
