package webhook

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// newTransport returns a transport that uses no proxy, and dials no address that
// is not public unless that is allowed.
func newTransport(allowPrivate bool) *http.Transport {
	d := &net.Dialer{Timeout: Timeout, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		d.Control = guard
	}
	return &http.Transport{
		DialContext:            d.DialContext,
		TLSHandshakeTimeout:    Timeout,
		MaxResponseHeaderBytes: maxAnswerBytes,
		DisableCompression:     true,
		MaxIdleConns:           1,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
	}
}

// guard refuses to dial an address that is not public. It is given the address
// after the name was resolved, for each that is tried: there is no time at which
// the name could come to mean another.
func guard(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return public(to.Addr())
}

// special are the networks of global unicast addresses that lead elsewhere than
// to a host of the public internet: see the IANA's registries of special-purpose
// addresses.
var special = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared by carriers
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // of protocols
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // relays of 6to4
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
	"2001::/23",       // of protocols, with Teredo
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4, which holds IPv4 addresses
	"3fff::/20",       // documentation
)

// globalIPv6 is what has been given out of IPv6. Outside of it are private
// addresses, and translations of IPv4 addresses such as NAT64's.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(all ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(all))
	for i, p := range all {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}

// public says why an address is not one of the public internet; nil if it is.
func public(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	ok := ip.IsGlobalUnicast() && (ip.Is4() || globalIPv6.Contains(ip))
	for _, p := range special {
		ok = ok && !p.Contains(ip)
	}
	if !ok {
		return fmt.Errorf("%v is not a public address; allow private addresses (allow_private: true) if it is meant", ip)
	}
	return nil
}
