package webhook_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/provider"
)

func TestAddresses(t *testing.T) {
	public := []string{"1.1.1.1", "8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "192.167.255.255",
		"192.169.0.0", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2001:200::1", "::ffff:1.1.1.1"}
	for name, refused := range map[string][]string{
		"loopback":              {"127.0.0.1", "127.255.255.254", "::1"},
		"unspecified":           {"0.0.0.0", "::"},
		"this network":          {"0.1.2.3"},
		"private":               {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456:789a::1"},
		"link-local":            {"169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0"},
		"shared by carriers":    {"100.64.0.1", "100.127.255.255"},
		"multicast":             {"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"},
		"broadcast":             {"255.255.255.255"},
		"reserved":              {"240.0.0.1"},
		"of protocols":          {"192.0.0.8", "192.0.0.170", "2001::1", "2001:1::1"},
		"benchmarks":            {"198.18.0.1", "198.19.255.255", "2001:2::1"},
		"documentation":         {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"},
		"IPv4 mapped into IPv6": {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1"},
		"IPv4 in IPv6, old":     {"::127.0.0.1", "::a00:1"},
		"NAT64":                 {"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::101:101", "64:ff9b:1::a00:1"},
		"6to4":                  {"2002:7f00:1::", "2002:a00:1::1", "192.88.99.1"},
		"Teredo":                {"2001:0:4136:e378:8000:63bf:3fff:fdd2"},
		"site-local":            {"fec0::1"},
		"discarded":             {"100::1"},
		"of segment routing":    {"5f00::1"},
		"not given out":         {"4000::1", "8000::1"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ip := range refused {
				assert.ErrorContains(t, webhook.Guard("tcp", net.JoinHostPort(ip, "443"), nil), "is not a public address", ip)
			}
		})
	}
	t.Run("public", func(t *testing.T) {
		for _, ip := range public {
			assert.NoError(t, webhook.Guard("tcp", net.JoinHostPort(ip, "443"), nil), ip)
		}
	})
}

// The address is what counts, whatever the name is by which it is reached.
func TestDialing(t *testing.T) {
	in := newInbox(t, nil)
	_, port, err := net.SplitHostPort(in.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		t.Run(host, func(t *testing.T) {
			p := &webhook.Endpoint{URL: "http://" + net.JoinHostPort(host, port), Secret: secret}
			assert.ErrorContains(t, p.Notify(t.Context(), started()), "is not a public address; allow private addresses (allow_private: true) if it is meant")
			assert.Zero(t, in.count())

			s := &webhook.Slack{URL: provider.Secret(p.URL)}
			assert.ErrorContains(t, s.Notify(t.Context(), pending()), "is not a public address; allow private addresses (allow_private: true) if it is meant")
			assert.Zero(t, in.count())
		})
	}
	p := &webhook.Endpoint{URL: in.URL, Secret: secret, AllowPrivate: true}
	require.NoError(t, p.Notify(t.Context(), started()))
	assert.Equal(t, 1, in.count())
}
