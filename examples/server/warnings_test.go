package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is hardly meant is told by check, and by the server when it starts.
func TestWarnings(t *testing.T) {
	const (
		passes    = `{"name":"p"}`
		asks      = `{"name":"p","rules":[{"name":"ask","then":"approve"}]}`
		onTrial   = `{"name":"p","mode":"shadow","rules":[{"name":"ask","then":"approve"}]}`
		untried   = `{"name":"p","models":{"allow":["gpt-4*"]},"failover":[{"models":["*"],"to":["openai/gpt-4o","openai/o3"]}]}`
		untriable = `{"name":"p","mode":"shadow","models":{"allow":["gpt-4*"]},"failover":[{"models":["*"],"to":["openai/o3"]}]}`
		plainHTTP = "over plain HTTP: browsers on other machines cannot sign in"
	)
	for _, tt := range []struct {
		name, policy, admin string
		want                string // in the one warning; empty is none
	}{
		{"operators on this machine", asks, "127.0.0.1:0", ""},
		{"operators on this machine, by name", asks, "localhost:0", ""},
		{"operators on this machine, by IPv6", asks, "[::1]:0", ""},
		{"operators at all addresses", asks, "0.0.0.0:0", plainHTTP},
		{"operators at all addresses, in short", passes, ":0", plainHTTP},
		{"no operators", asks, "", nobodyDecides},
		{"failover to what is not allowed", untried, "", "failover.0. is to openai/o3, which the models of the policy do not allow: it is never tried"},
		{"failover to what would not be allowed", untriable, "", ""},
		{"no operators, and nobody is asked", passes, "", ""},
		{"no operators, and nobody is asked for good", onTrial, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "p.json", tt.policy)
			document := strings.Replace(minimal, "providers:", "listen: 127.0.0.1:0\nproviders:", 1)
			if tt.admin != "" {
				document += fmt.Sprintf("\nadmin: {listen: %q, tokens: [\"${RUNGATE_ADMIN_TOKEN}\"]}", tt.admin)
			}
			path := write(t, dir, "rungate.yaml", document)

			checked := start(t, testEnv, "check", path)
			<-checked.ended
			require.NoError(t, checked.err)
			served := start(t, testEnv, "-config", path)
			served.stderr.await(t, "msg=listening ")
			served.stop()
			<-served.ended
			require.NoError(t, served.err)
			if tt.want == "" {
				assert.NotContains(t, checked.stdout.String(), "warning")
				assert.NotContains(t, served.stderr.String(), "WARN")
				return
			}
			assert.Regexp(t, `(?m)^  warning: .*`+tt.want, checked.stdout.String())
			assert.Regexp(t, `level=WARN msg=".*`+tt.want, served.stderr.String())
		})
	}
}

// A policy that comes while the server runs may have people asked, too.
func TestWarningOfANewPolicy(t *testing.T) {
	dir := t.TempDir()
	path := newUpstream(t).config(t, dir, oldToken, "sk-old")
	sv := serveConfig(t, path, time.Minute)
	write(t, dir, "policy.json", `{"name":"p","rules":[{"name":"ask","then":"approve"}]}`)
	sv.log.await(t, nobodyDecides)
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"0 rules": count(0, "rule"), "1 rule": count(1, "rule"), "2 policies": count(2, "policy"), "1 policy": count(1, "policy"),
	} {
		assert.Equal(t, want, got)
	}
}
