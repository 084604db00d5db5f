package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProcess runs the program as it is installed: an agent waits, an operator
// decides, and the program ends when it is told to.
func TestProcess(t *testing.T) {
	up, dir := newUpstream(t), t.TempDir()
	program := filepath.Join(dir, "server")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	config := up.asking(t, dir, `["${RUNGATE_ADMIN_TOKEN}", {name: carol, token: file:carol.token}]`, "")
	write(t, dir, "carol.token", carolToken+"\n")

	var log buffer
	cmd := exec.CommandContext(t.Context(), program, "-config", config)
	cmd.Env = append(os.Environ(), "RUNGATE_ADMIN_TOKEN="+testAdmin)
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	address := func(of string) string {
		line := regexp.MustCompile(of + ` address=(\S+)`)
		require.Eventually(t, func() bool { return line.MatchString(log.String()) }, 10*time.Second, 5*time.Millisecond)
		return "http://" + line.FindStringSubmatch(log.String())[1]
	}
	sv := &service{url: address("msg=listening"), admin: address(`msg="listening for operators"`)}

	call := sv.calls(t)
	id := sv.pending(t)
	for _, want := range []struct {
		token  string
		status int
		says   string
	}{
		{oldToken, 401, `"code":"invalid_admin_token"`},
		{carolToken, 200, `"status":"approved"`},
		{testAdmin, 409, `"decided_by":"carol"`},
	} {
		status, answer := sv.operator(t, want.token, "POST", "/v1/gates/"+id+"/approve", "")
		assert.Equal(t, want.status, status)
		assert.Contains(t, answer, want.says)
	}
	got := <-call
	require.NoError(t, got.err)
	assert.Equal(t, 200, got.status)
	assert.Contains(t, got.body, reply)
	assert.Equal(t, "Bearer sk-old", <-up.key)

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, cmd.Wait(), "%s", log.String())
	assert.Contains(t, log.String(), "msg=stopped")
	assert.NotRegexp(t, `rg_(agt|adm)_\w`, log.String())
}
