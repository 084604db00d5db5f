//go:build chaos

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

const (
	agentToken    = "rg_agt_chaoschaoschaoschaoschaos"
	operatorToken = "rg_adm_chaoschaoschaoschaoschaos"

	lease      = 3 * time.Second
	slots      = 12
	runLimit   = 5 * budget.Dollar / 1000
	alertAt    = runLimit / 2
	mostPer    = (800*inputPrice + maxTokens*outputPrice) // that a strict budget can hold for a call
	hookSecret = "chaoschaoschaoschaos"
)

const policy = `{
  "name": "chaos",
  "rules": [{"name": "wires", "tool": "wire_money", "then": "approve", "expires": "1h"}],
  "budgets": [
    {"name": "strict", "per": "run", "limit_usd": "0.005", "alert_at": [0.5], "admission": "strict"},
    {"name": "pool", "per": "team", "limit_usd": "1000", "admission": "strict", "alert_at": []},
    {"name": "everybody", "per": "global", "limit_usd": "1000", "admission": "strict", "alert_at": []}
  ],
  "rate_limits": [{"name": "parallel", "per": "agent", "concurrent": 12}, {"name": "rpm", "per": "agent", "requests": 600000, "window": "1m"}],
  "approval": {"mode": "accepted", "pause": "call"}
}`

// A fleet is several replicas of the server.
type fleet struct {
	t        *testing.T
	program  string
	config   string
	replicas []*replica
}

// A replica is a process of the server. It keeps its addresses when it is started
// again.
type replica struct {
	url, admin string
	cmd        *exec.Cmd
	log        *os.File
}

// newFleet starts n replicas that share a store.
func newFleet(t *testing.T, n int, store string, p *provider, hooks string) *fleet {
	dir := t.TempDir()
	f := &fleet{t: t, program: filepath.Join(dir, "server"), config: filepath.Join(dir, "rungate.yaml")}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", f.program, "../server").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "policy.json"), []byte(policy), 0o600))
	require.NoError(t, os.WriteFile(f.config, fmt.Appendf(nil, `
admin: {tokens: [%q]}
store: %s
providers: [{name: openai, dialect: openai, base_url: "%s/v1", api_key: sk-chaos, prices: {"gpt-x": {input: 2, output: 10}}}]
agents: [{id: worker, team: swarm, token: %q, policy: chaos}]
policies: [policy.json]
webhooks: [{url: %q, secret: %q, allow_private: true}]
limits: {lease: %v, store_timeout: 1s}
`, operatorToken, store, p.URL, agentToken, hooks, hookSecret, lease), 0o600))
	for range n {
		r := &replica{url: "http://" + freeAddress(t), admin: "http://" + freeAddress(t)}
		r.log, err = os.Create(filepath.Join(dir, fmt.Sprintf("log.%d", len(f.replicas))))
		require.NoError(t, err)
		f.replicas = append(f.replicas, r)
		f.start(r)
	}
	t.Cleanup(func() {
		for _, r := range f.replicas {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
			if t.Failed() {
				f.tail(r)
			}
			_ = r.log.Close()
		}
	})
	return f
}

// start starts a replica, and waits until it is alive.
func (f *fleet) start(r *replica) {
	r.cmd = exec.Command(f.program, "-config", f.config, "-listen", strings.TrimPrefix(r.url, "http://"), "-admin", strings.TrimPrefix(r.admin, "http://"))
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	require.NoError(f.t, r.cmd.Start())
	if !assertEventually(func() bool {
		resp, err := http.Get(r.url + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}) {
		f.tail(r)
		f.t.Fatal("a replica is not alive")
	}
}

// kill ends a replica in the midst of everything, and starts it again.
func (f *fleet) kill() {
	r := f.replicas[rand.IntN(len(f.replicas))]
	require.NoError(f.t, r.cmd.Process.Signal(syscall.SIGKILL))
	_ = r.cmd.Wait()
	time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
	f.start(r)
}

func (f *fleet) any() *replica { return f.replicas[rand.IntN(len(f.replicas))] }

// tail shows the end of a replica's log.
func (f *fleet) tail(r *replica) {
	text, _ := os.ReadFile(r.log.Name())
	f.t.Logf("%s:\n%s", r.url, text[max(0, len(text)-8000):])
}

// ask sends a request with a token, and returns the status and the body.
func ask(ctx context.Context, method, url, token string, body []byte, header ...string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, got, err
}

// A standing is how a run stands, as any replica shows it.
type standing struct {
	SpendUSD budget.Money `json:"spend_usd"`
	Limits   []struct {
		Rule        string
		SpentUSD    budget.Money `json:"spent_usd"`
		ReservedUSD budget.Money `json:"reserved_usd"`
	}
}

// settled returns what a run's own budget has spent and reserved, once nothing is
// reserved any more or it stays so, and what its steps have cost.
func (f *fleet) settled(run string) (spent, reserved, recorded budget.Money, known bool) {
	assertEventually(func() bool {
		status, body, err := ask(f.t.Context(), http.MethodGet, f.any().url+"/v1/runs/"+run, agentToken, nil)
		if known = status != http.StatusNotFound; !known {
			return true
		}
		var s standing
		if err != nil || status != http.StatusOK || json.Unmarshal(body, &s) != nil {
			return false
		}
		for _, l := range s.Limits {
			if l.Rule == "strict" {
				spent, reserved, recorded = l.SpentUSD, l.ReservedUSD, s.SpendUSD
			}
		}
		return reserved == 0
	})
	return spent, reserved, recorded, known
}

// freeAddress returns an address that nobody listens at.
func freeAddress(t *testing.T) string {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// assertEventually reports whether something comes true within a minute.
func assertEventually(is func() bool) bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if is() {
			return true
		}
	}
	return false
}
