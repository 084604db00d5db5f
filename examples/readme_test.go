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
	for _, file := range []string{"client/example_test.go", "mux/example_test.go"} {
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

// The configuration and the policy in the README are one that the server takes.
func TestREADMEConfiguration(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "policies"), 0o755))
	file := filepath.Join(dir, "rungate.yaml")
	require.NoError(t, os.WriteFile(file, []byte(fenced(t, "yaml")[0]), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "policies", "prod.json"), []byte(fenced(t, "json")[0]), 0o600))

	check := exec.CommandContext(t.Context(), "go", "run", "./server", "check", file)
	check.Env = append(os.Environ(), "OPENAI_API_KEY=sk-one", "ANTHROPIC_API_KEY=sk-two", "REFUNDS_TOKEN=rg_agt_0123456789abcdef0123456789abcdef")
	out, err := check.CombinedOutput()
	require.NoError(t, err, string(out))
}
