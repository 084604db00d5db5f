package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/internal/backends"
)

// ran runs a command with an input, and returns its status and what it has printed.
func ran(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := program{env: environment(), stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs}
	err := p.run(t.Context(), args)
	if err != nil {
		errs.WriteString(err.Error())
	}
	return status(err), out.String(), errs.String()
}

// trail writes a trail of two teams, and returns its file.
func trail(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := audit.OpenLog(path, audit.LogOptions{})
	require.NoError(t, err)
	defer l.Close()
	for i := range 5 {
		for _, team := range []string{"team:ops", "team:web"} {
			r := budget.Record{Team: team, ID: fmt.Sprint(i), Text: fmt.Appendf(nil, `{"type":"call.allowed","call_id":"step_%d"}`, i)}
			require.NoError(t, l.Append(t.Context(), &r))
		}
	}
	return path
}

func TestAuditVerify(t *testing.T) {
	path := trail(t)
	text := readFile(t, path)
	lines := strings.SplitAfter(text, "\n")
	code, heads, says := ran(t, "", "audit", "verify", path)
	assert.Equal(t, 0, code)
	assert.Equal(t, path+" is whole: 10 entries of 2 trails\n", says)
	assert.Regexp(t, `^\{"team":"team:ops","number":5,"hash":"[0-9a-f]{64}"\}\n\{"team":"team:web","number":5,"hash":"[0-9a-f]{64}"\}\n$`, heads)
	known := write(t, t.TempDir(), "heads", heads)

	for name, c := range map[string]struct {
		args  []string
		stdin string
		code  int
		says  string
	}{
		"what comes in":          {[]string{"-"}, text, 0, "- is whole: 10 entries of 2 trails"},
		"with heads":             {[]string{"-heads", known, path}, "", 0, "10 entries"},
		"changed":                {[]string{"-"}, strings.Replace(text, "step_3", "step_4", 1), 1, `- is broken: audit trail, line 7, entry 4 of team "team:ops": it was changed`},
		"missing":                {[]string{"-"}, strings.Join(append(lines[:4:4], lines[6:]...), ""), 1, `entry 3 of team "team:ops": it is missing`},
		"cut off":                {[]string{"-"}, strings.Join(lines[:8], ""), 0, "8 entries"},
		"cut off, with heads":    {[]string{"-heads", known, "-"}, strings.Join(lines[:8], ""), 1, `entry 5 of team "team:ops": it is missing: the trail is known to have gone on`},
		"a part":                 {[]string{"-partial", "-"}, strings.Join(lines[4:], ""), 0, "6 entries"},
		"a part, not said":       {[]string{"-"}, strings.Join(lines[4:], ""), 1, `entry 1 of team "team:ops": it is missing`},
		"no such file":           {[]string{path + ".none"}, "", 2, "no such file"},
		"no such heads":          {[]string{"-heads", known + ".none", path}, "", 2, "no such file"},
		"heads that are none":    {[]string{"-heads", path, path}, "", 2, `unknown field "id"`},
		"heads without a number": {[]string{"-heads", write(t, t.TempDir(), "none", `{"team":"a"}`), path}, "", 2, `the head of team "a" has no number`},
		"no file":                {nil, "", 1, "usage: server"},
		"another flag":           {[]string{"-x", path}, "", 1, "flag provided but not defined: -x\nusage: server"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, says := ran(t, c.stdin, append([]string{"audit", "verify"}, c.args...)...)
			assert.Equal(t, c.code, code)
			assert.Contains(t, says, c.says)
		})
	}
	code, _, says = ran(t, "", "audit")
	assert.Equal(t, 1, code)
	assert.Contains(t, says, "usage: server")
}

// The server writes down what it decides, where its configuration says; that is
// exported while it does, and verified.
func TestAuditOfTheServer(t *testing.T) {
	up, dir := newUpstream(t), t.TempDir()
	config := up.config(t, dir, oldToken, "sk-old")
	write(t, dir, "rungate.yaml", readFile(t, config)+"audit: {file: audit.jsonl, sync: true}\n")
	pr := start(t, environment(), "-config", config)
	pr.stderr.await(t, "msg=listening")
	sv := &service{url: "http://" + regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(pr.stderr.String())[1]}
	assert.Equal(t, 200, sv.status(t, oldToken))
	assert.Equal(t, 401, sv.status(t, newToken))

	code, all, _ := ran(t, "", "audit", "export", config)
	assert.Equal(t, 0, code)
	var types []string
	for line := range strings.Lines(all) {
		var o struct {
			Team   string `json:"team"`
			Record struct {
				Type string `json:"type"`
			} `json:"record"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		types = append(types, o.Team+" "+o.Record.Type)
	}
	assert.Equal(t, []string{" call.refused", "agent:tester run.started", "agent:tester call.allowed", "agent:tester call.ended"}, types)
	for _, secret := range []string{oldToken, newToken, "sk-old", prompt, reply} {
		assert.NotContains(t, all, secret)
	}
	code, _, says := ran(t, all, "audit", "verify", "-")
	assert.Equal(t, 0, code, says)
	_, one, _ := ran(t, "", "audit", "export", "-team", "agent:tester", "-after", "2", config)
	assert.Equal(t, strings.SplitAfter(all, "\n")[3], one)
	_, one, _ = ran(t, "", "audit", "export", "-team=", config)
	assert.Equal(t, strings.SplitAfter(all, "\n")[0], one)

	second := start(t, environment(), "-config", config)
	<-second.ended
	require.Error(t, second.err)
	assert.Contains(t, second.err.Error(), "another process writes to this log")

	pr.stop()
	<-pr.ended
	path := filepath.Join(dir, "audit.jsonl")
	text := readFile(t, path)
	require.NoError(t, os.WriteFile(path, []byte(text+`{"team":"x`), 0o600))
	torn := start(t, environment(), "-config", config)
	torn.stderr.await(t, "the audit trail ended within a line")
	torn.stop()
	<-torn.ended
	assert.Equal(t, text, readFile(t, path))

	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(text, "tester", "taster", 1)), 0o600))
	broken := start(t, environment(), "-config", config)
	<-broken.ended
	require.Error(t, broken.err)
	assert.Regexp(t, `^audit.file: .*audit.jsonl: audit trail, line \d, entry \d of team "agent:t[ae]ster": it was changed$`, broken.err.Error())
	code, _, _ = ran(t, "", "audit", "export", config)
	assert.Equal(t, 1, code)
}

func TestAuditExportRefuses(t *testing.T) {
	config := newUpstream(t).config(t, t.TempDir(), oldToken, "sk-old")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"a configuration without a trail": {[]string{config}, 2, "names no audit trail"},
		"a configuration that is not":     {[]string{config + ".none"}, 2, "cannot be used"},
		"no configuration":                {nil, 1, "usage: server"},
		"a number that is none":           {[]string{"-after", "x", config}, 1, "usage: server"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, says := ran(t, "", append([]string{"audit", "export"}, c.args...)...)
			assert.Equal(t, c.code, code)
			assert.Contains(t, says, c.says)
		})
	}
}

// The audit trail may lie where the configuration does: that it grows is no change.
func TestOwnWritesAreNoChange(t *testing.T) {
	dir := t.TempDir()
	config := newUpstream(t).config(t, dir, oldToken, "sk-old")
	write(t, dir, "rungate.yaml", readFile(t, config)+"audit: {file: ./audit.jsonl}\n")
	s, _, err := load(config, environment())
	require.NoError(t, err)
	assert.True(t, s.writes(filepath.Join(dir, "audit.jsonl")))
	assert.False(t, s.writes(config))
	assert.False(t, (&settings{}).writes(""))
}

// A database that is the store keeps the trail, and the commands find it there by the
// configuration, while the server is at work in it.
func TestAuditInTheDatabase(t *testing.T) {
	for name, store := range map[string]func(t *testing.T) string{
		"SQLite":     func(*testing.T) string { return "sqlite:rungate.db" },
		"PostgreSQL": func(t *testing.T) string { return backends.SharedPostgres(t).Database(t) },
		"both": func(t *testing.T) string {
			return fmt.Sprintf("{hot: 'redis://%s', durable: 'sqlite:rungate.db'}", backends.StartRedis(t, backends.RedisOptions{}).Addr)
		},
	} {
		t.Run(name, func(t *testing.T) {
			up, dir := newUpstream(t), t.TempDir()
			config := up.config(t, dir, oldToken, "sk-old")
			place := store(t)
			write(t, dir, "rungate.yaml", readFile(t, config)+"limits: {store_timeout: 10s}\nstore: "+place+"\n")
			code, _, says := ran(t, "", "audit", "export", config)
			assert.Equal(t, 2, code, "before a server was at work in it: %s", says)

			sv := serveConfig(t, config, time.Second)
			require.Eventually(t, func() bool { return sv.gw.Ready(t.Context()) == nil }, 30*time.Second, 10*time.Millisecond)
			assert.Equal(t, 200, sv.status(t, oldToken))
			assert.Equal(t, 401, sv.status(t, newToken))
			code, all, says := ran(t, "", "audit", "export", config)
			assert.Equal(t, 0, code, says)
			assert.Equal(t, 4, strings.Count(all, "\n"), all)
			code, heads, says := ran(t, "", "audit", "verify", config)
			assert.Equal(t, 0, code, says)
			assert.Contains(t, says, "is whole: 4 entries of 2 trails")
			_, same, _ := ran(t, all, "audit", "verify", "-")
			assert.Equal(t, same, heads)

			known := write(t, dir, "heads", heads+`{"team":"agent:gone","number":1,"hash":"`+strings.Repeat("0", 64)+`"}`+"\n")
			code, _, says = ran(t, "", "audit", "verify", "-heads", known, config)
			assert.Equal(t, 1, code)
			assert.Contains(t, says, `entry 1 of team "agent:gone": it is missing`)
		})
	}
}
