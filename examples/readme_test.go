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
	for _, file := range []string{"client/example_test.go", "mux/example_test.go", "policy/chain_test.go", "approval/example_test.go"} {
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

// The configuration and the policy in the README are one that the server takes,
// and the policy decides as the cases there want it to.
func TestREADMEConfiguration(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "policies"), 0o755))
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		return file
	}
	yaml := fenced(t, "yaml")
	config, cases := write("rungate.yaml", yaml[0]), write("cases.yaml", yaml[1])
	write("policies/prod.json", fenced(t, "json")[0])
	for _, command := range [][]string{{"check", config}, {"policy", "test", config, cases}} {
		server(t, append([]string{"run", "-C", "server", "."}, command...))
	}
}

// The server's commands in the README do what they should.
func TestREADMECommands(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	commands := regexp.MustCompile(`(?m)^    go (run -C )examples/(server \. (?:check|policy|token)(?: [a-z].*?)?)(?: +#.*)?$`).FindAllStringSubmatch(string(readme), -1)
	require.Len(t, commands, 5)
	for _, m := range commands {
		server(t, strings.Fields(m[1]+m[2]))
	}
}

// server runs a command of the server that has to end well.
func server(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "OPENAI_API_KEY=sk-one", "ANTHROPIC_API_KEY=sk-two", "REFUNDS_TOKEN=rg_agt_0123456789abcdef0123456789abcdef",
		"RUNGATE_ADMIN_TOKEN=rg_adm_0123456789abcdef0123456789abcdef", "HOOK_SECRET=a-secret", "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/x")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", strings.Join(args, " "), out)
}
