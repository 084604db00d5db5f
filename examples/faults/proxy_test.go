//go:build chaos

package faults

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A proxy stands before a server. It passes on what it is sent until the test says
// otherwise.
type proxy struct {
	t *testing.T
	*toxiproxy.Proxy
}

func newProxy(t *testing.T, server string) *proxy {
	p := &proxy{t, toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), server, "127.0.0.1:0", server)}
	p.up()
	t.Cleanup(p.Stop)
	return p
}

// up has the proxy listen, at the address that it had before if there was one. Meanwhile
// somebody else's connection may have got its port.
func (p *proxy) up() {
	assert.Eventually(p.t, func() bool { return p.Start() == nil }, patience, 10*time.Millisecond, "the proxy listens")
}

// A fault is something that happens to what flows to a server, or back. The zero one
// is that nobody listens.
type fault struct {
	kind string
	with map[string]any
	to   bool // it is what flows to the server
}

// add has a fault begin. What flows already suffers it, too.
func (p *proxy) add(f fault) {
	if f.kind == "" {
		p.Stop()
		return
	}
	stream := "downstream"
	if f.to {
		stream = "upstream"
	}
	toxic, err := json.Marshal(map[string]any{"type": f.kind, "stream": stream, "attributes": f.with})
	require.NoError(p.t, err)
	_, err = p.Toxics.AddToxicJson(strings.NewReader(string(toxic)))
	require.NoError(p.t, err)
}

// mend ends all faults.
func (p *proxy) mend() {
	p.Toxics.ResetToxics(context.Background())
	if !p.Enabled {
		p.up()
	}
}

// proxies are those that a fault happens to at the same time.
type proxies []*proxy

func (ps proxies) each(f func(*proxy)) {
	var all sync.WaitGroup
	for _, p := range ps {
		all.Go(func() { f(p) })
	}
	all.Wait()
}

func (ps proxies) add(f fault) { ps.each(func(p *proxy) { p.add(f) }) }
func (ps proxies) mend()       { ps.each((*proxy).mend) }
