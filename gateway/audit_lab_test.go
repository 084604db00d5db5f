package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/internal/strict"
)

// A diary is an audit trail that the test looks into, and that may fail.
type diary struct {
	t testing.TB
	*audit.Log
	path string

	mu    sync.Mutex
	fails string // part of the IDs that cannot be added; empty is none
	hangs bool   // until the context is done
}

func newDiary(t testing.TB) *diary {
	d := &diary{t: t, path: filepath.Join(t.TempDir(), "audit.jsonl")}
	var err error
	d.Log, err = audit.OpenLog(d.path, audit.LogOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { d.Log.Close() })
	return d
}

// on has a gateway write the diary.
func (d *diary) on(cfg *gateway.Config) { cfg.Trail = d }

// Fail has entries fail whose IDs have that in them; none where it is empty.
func (d *diary) Fail(part string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = part
}

// Hang has whatever is asked hang until its time is over.
func (d *diary) Hang(hangs bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hangs = hangs
}

// Head implements audit.Trail.
func (d *diary) Head(ctx context.Context, team string) (audit.Entry, error) {
	if err := d.hang(ctx); err != nil {
		return audit.Entry{}, err
	}
	return d.Log.Head(ctx, team)
}

func (d *diary) hang(ctx context.Context) error {
	d.mu.Lock()
	hangs := d.hangs
	d.mu.Unlock()
	if hangs {
		<-ctx.Done()
	}
	return ctx.Err()
}

var errTrail = errors.New("the trail is down")

// Append implements audit.Trail.
func (d *diary) Append(ctx context.Context, r *budget.Record) error {
	d.mu.Lock()
	fails := d.fails != "" && strings.Contains(r.ID, d.fails)
	d.mu.Unlock()
	if err := d.hang(ctx); err != nil {
		return err
	}
	if fails {
		return errTrail
	}
	return d.Log.Append(ctx, r)
}

// PostLater posts until the trail is asked again, which is not done at once when it has
// failed several times.
func (b *rig) PostLater(path, body string, headers ...string) (r *reply) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		r = b.Post(path, body, headers...)
		return r.StatusCode != 503
	}, 20*time.Second, 20*time.Millisecond)
	return r
}

// An inscription is an entry that was read.
type inscription struct {
	audit.Entry
	Members map[string]any
}

// All are the entries that there are, in the order in which they were added. They are
// checked to be whole, and to have no members but those that are documented.
func (d *diary) All() (all []inscription) {
	d.t.Helper()
	text, err := os.ReadFile(d.path)
	require.NoError(d.t, err)
	_, err = new(audit.Check).VerifyLines(bytes.NewReader(text))
	require.NoError(d.t, err)
	lines := audit.NewReader(bytes.NewReader(text))
	for {
		e, err := lines.Next()
		if err != nil {
			return all
		}
		i := inscription{Entry: e}
		i.Text = slices.Clone(e.Text)
		require.NoError(d.t, strict.JSON(i.Text, &i.Members), "%s", i.Text) // without members that are there twice
		require.NoError(d.t, json.Unmarshal(i.Text, &i.Members))
		assert.Equal(d.t, e.Team, i.Members["team"])
		for name := range i.Members {
			assert.Contains(d.t, members, name, "%s", i.Text)
		}
		all = append(all, i)
	}
}

// members are those that entries may have.
var members = strings.Fields(`type time team run_id call_id agent_id user remote operator gate_id decided_by
	policy_id policy_name policy_revision rule code mode would alerts ungoverned
	endpoint requested_model provider model served_model stream field requested tools tool
	estimated_cost_usd estimated_tokens cost_usd price_list input_tokens output_tokens estimated
	status error duration_ms kind request channel fingerprint expires_at reason parent tags limit of unknown content cut bytes from to fault attempt`)

// String is the type, and what is said of why.
func (i *inscription) String() string {
	s := i.Members["type"].(string)
	for _, name := range []string{"code", "rule", "field", "tool", "tools", "mode", "would", "alerts", "status", "error", "decided_by", "reason", "operator", "limit"} {
		if v, ok := i.Members[name]; ok {
			s += fmt.Sprintf(" %s=%v", name, v)
		}
	}
	return s
}

// Story is the diary in short.
func (d *diary) Story() (all []string) {
	d.t.Helper()
	for _, i := range d.All() {
		all = append(all, i.String())
	}
	return all
}

// Types are those of the entries.
func (d *diary) Types() (all []string) {
	d.t.Helper()
	for _, i := range d.All() {
		all = append(all, i.Members["type"].(string))
	}
	return all
}

// compact is JSON as a line.
func compact(t testing.TB, v any) string {
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
