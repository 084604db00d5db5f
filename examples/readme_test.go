package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fenced returns the code of the README that is marked as being in a language.
func fenced(t *testing.T, language string) (blocks []string) {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		blocks = append(blocks, m[1])
	}
	require.NotEmpty(t, blocks, language)
	return blocks
}

// Every line of Go in the README stands in an example that is compiled and run.
func TestREADMEGo(t *testing.T) {
	var code strings.Builder
	for _, file := range []string{"client/example_test.go", "mux/example_test.go", "mux/operators_test.go", "policy/chain_test.go", "approval/example_test.go", "stores/stores.go"} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		code.Write(b)
	}
	blanks := regexp.MustCompile(`\s+`)
	shown := blanks.ReplaceAllString(code.String(), " ")
	for _, block := range fenced(t, "go") {
		for line := range strings.Lines(block) {
			line, _, _ = strings.Cut(line, " //")
			line = strings.TrimSpace(blanks.ReplaceAllString(line, " "))
			assert.True(t, strings.Contains(shown, line), line)
		}
	}
}

// The configuration and the policies in the README are ones that the server takes,
// and the larger policy decides as the cases there want it to.
func TestREADMEConfiguration(t *testing.T) {
	yaml, policies := fenced(t, "yaml"), fenced(t, "json")
	require.Len(t, policies, 3)
	for i, commands := range [][][]string{
		{{"check", "rungate.yaml"}},
		{{"check", "rungate.yaml"}, {"policy", "test", "rungate.yaml", "cases.yaml"}},
		{{"check", "rungate.yaml"}},
	} {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "policies"), 0o755))
		for name, content := range map[string]string{"rungate.yaml": yaml[0], "cases.yaml": yaml[1], "policies/p.json": policies[i]} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		}
		out := server(t, dir, append(commands, []string{"check", "policies/p.json"})...)
		assert.NotContains(t, out, "warning")
	}
}

// The server's commands in the README do what they should, beside the files that
// they name.
func TestREADMECommands(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	var commands [][]string
	for _, m := range regexp.MustCompile(`(?m)^    \./rungate ((?:check policies|policy|token)[^#\n]*)`).FindAllStringSubmatch(string(readme), -1) {
		commands = append(commands, strings.Fields(m[1]))
	}
	require.Len(t, commands, 5)
	server(t, "server", commands...)
}

// server builds the server, and runs it in a directory, by commands that have to end
// well. It returns what they print.
func server(t *testing.T, dir string, commands ...[]string) (printed string) {
	t.Helper()
	program := build(t)
	for _, args := range commands {
		printed += execute(t, dir, program, args...)
	}
	return printed
}

// build builds the server as the README says.
func build(t *testing.T) (program string) {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	program = filepath.Join(t.TempDir(), "rungate")
	build := regexp.MustCompile(`(?m)^    (go build .*)$`).FindStringSubmatch(string(readme))
	require.NotNil(t, build)
	execute(t, "..", "bash", "-c", strings.Replace(build[1], "$PWD/rungate", program, 1))
	return program
}

// execute runs a program that has to end well.
func execute(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OPENAI_API_KEY=sk-one", "ANTHROPIC_API_KEY=sk-two", "REFUNDS_TOKEN=rg_agt_0123456789abcdef0123456789abcdef",
		"RUNGATE_ADMIN_TOKEN=rg_adm_0123456789abcdef0123456789abcdef", "HOOK_SECRET=sixteen-letters-", "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/x")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", program, strings.Join(args, " "), out)
	return string(out)
}
