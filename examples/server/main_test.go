package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

var discard = slog.New(slog.DiscardHandler)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestCommands(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	tests := []struct {
		name   string
		env    []string
		args   []string
		stdout string
		err    string // how it begins
	}{
		{"check", []string{"OPENAI_API_KEY=x", "REFUNDS_TOKEN=" + testToken}, []string{"check", "testdata/rungate.yaml"},
			"testdata/rungate.yaml is fine: 3 providers, 1 agents, 3 policies\n", ""},
		{"check what is wrong", nil, []string{"check", "testdata/rungate.yaml"}, "",
			"testdata/rungate.yaml cannot be used:\n" +
				"  agents[0].token: the environment variable REFUNDS_TOKEN is not set, or empty\n" +
				"  providers[0].api_key: the environment variable OPENAI_API_KEY is not set, or empty"},
		{"check what is not there", nil, []string{"check", "testdata/none.yaml"}, "",
			"testdata/none.yaml cannot be used:\n  open testdata/none.yaml: no such file or directory"},
		{"serve what is wrong", nil, []string{"-config", "testdata/rungate.yaml"}, "", "testdata/rungate.yaml cannot be used:"},
		{"serve what RUNGATE_CONFIG names", []string{"RUNGATE_CONFIG=testdata/none.yaml"}, []string{"serve"}, "", "testdata/none.yaml cannot be used:"},
		{"an address that is taken", nil, []string{"-listen", busy.Addr().String()}, "",
			fmt.Sprintf("%s is in use by another program; choose another address, such as -listen 127.0.0.1:8090", busy.Addr())},
		{"an unknown log format", nil, []string{"-log", "xml"}, "", `log format "xml" is not known; use text or json`},
		{"an unknown flag", nil, []string{"-port", "1"}, "", "flag provided but not defined: -port"},
		{"an argument too many", nil, []string{"serve", "x"}, "", `unexpected argument "x"`},
		{"a flag that asks for help", nil, []string{"-h"}, usage + "\n  -config file\n    \tfile of the configuration\n" +
			"  -grace duration\n    \thow long calls under way have to end when the server stops (default 30s)\n" +
			"  -level level\n    \tfrom what level on is logged; debug logs each step, too (default INFO)\n  -listen address\n    \taddress to listen on, instead of the configuration's\n" +
			"  -log format\n    \tformat of the log: text or json (default \"text\")\n", "flag: help requested"},
		{"an unknown command", nil, []string{"start"}, "", "usage: server "},
		{"check without a file", nil, []string{"check"}, "", "usage: server "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pr := start(t, environment(tt.env...), tt.args...)
			<-pr.ended
			assert.Equal(t, tt.stdout, pr.stdout.String())
			if tt.err == "" {
				assert.NoError(t, pr.err)
				return
			}
			require.Error(t, pr.err)
			assert.True(t, strings.HasPrefix(pr.err.Error(), tt.err), "%s", pr.err)
		})
	}
}

func TestToken(t *testing.T) {
	pr := start(t, environment(), "token")
	<-pr.ended
	require.NoError(t, pr.err)
	assert.True(t, run.ValidID(strings.TrimSpace(pr.stdout.String())))
	assert.True(t, strings.HasPrefix(pr.stdout.String(), run.TokenPrefix))
}
