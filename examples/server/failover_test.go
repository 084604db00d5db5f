package main

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the configuration says of failover holds where the policy says nothing, from the
// start of the server on.
func TestFailoverOfTheConfiguration(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := l.Addr().String() // is served there any more
	require.NoError(t, l.Close())

	dir, u := t.TempDir(), newUpstream(t)
	config := func(failover string) string {
		return write(t, dir, "rungate.yaml", fmt.Sprintf(`
listen: 127.0.0.1:0
providers:
  - {name: openai, dialect: openai, base_url: "http://%s/v1", api_key: sk-one}
  - {name: backup, dialect: openai, base_url: "%s/v1", api_key: sk-two, models: [none], prices: {"gpt-*": {input: 1, output: 1}}}
agents: [{id: tester, token: %q, policy: p}]
policies: [policy.json]
%s
`, nobody, u.URL, oldToken, failover))
	}
	write(t, dir, "policy.json", `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":"1.00"}]}`)
	sv := serveConfig(t, config(`failover: [{models: ["gpt-4*"], to: [backup/gpt-4.1]}]`), time.Minute)

	resp := sv.call(t, http.DefaultClient, oldToken, false)
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, "backup/gpt-4.1", resp.Header.Get("X-Rungate-Served-By"))
	assert.Equal(t, "Bearer sk-two", <-u.key)
	sv.log.await(t, "msg=step.failed_over")

	config(`failover: [{models: ["gpt-4*"], to: [backup/gpt-4o]}]`)
	sv.log.await(t, `msg="configuration holds changes that need a restart" of=failover`)
	assert.Equal(t, "backup/gpt-4.1", sv.call(t, http.DefaultClient, oldToken, false).Header.Get("X-Rungate-Served-By"))

	// Of a policy it is exchanged at once, for new runs, and comes first.
	write(t, dir, "policy.json", `{"name":"p","failover":[{"models":["*"],"to":["backup/gpt-4.1-mini"]}]}`)
	require.Eventually(t, func() bool {
		req := sv.request(t, oldToken, false)
		req.Header.Set("X-Rungate-New-Run", "true")
		return do(t, http.DefaultClient, req).Header.Get("X-Rungate-Served-By") == "backup/gpt-4.1-mini"
	}, 10*time.Second, 50*time.Millisecond)
}
