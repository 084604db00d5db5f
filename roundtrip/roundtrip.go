package roundtrip

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// A Transport is an http.RoundTripper that sends what goes to a provider's host
// through a gateway in the same process, and everything else to Base. To its
// client it behaves as a network transport does: streams, cancelling and broken
// answers included. It is safe for concurrent use.
//
// Up to where an answer begins to stream, a call is on the goroutine of its
// caller, and so is the host program's own engine, store or observer.
//
// Which agent and run a call belongs to is said by a run.Ref in the request's
// context, or by headers, which win. Without either it is the automatic run of
// run.DefaultAgent. Whatever API key the client sends is not looked at.
type Transport struct {
	// Base carries requests to other hosts. Nil is http.DefaultTransport.
	Base http.RoundTripper

	// WaitForApproval has calls that a person has to decide about wait for that, as
	// long as their context lasts: the client learns nothing of it but that the
	// answer takes its time. A run.Ref can ask for it for one call, and an
	// x-rungate-approval header takes its place.
	WaitForApproval bool

	gateway inproc.Transport
	hosts   map[string][]site
	spelled map[spelling][]site // the same by how the providers' addresses are written, as calls mostly write them
}

// A spelling is how a host is written in an address.
type spelling struct{ scheme, host string }

// A site is a place on a host where providers are.
type site struct {
	path      string   // without a slash at its end
	providers []string // there, and then those at places that it lies below
}

// New returns a Transport over gw.
func New(gw *gateway.Gateway) *Transport {
	t := &Transport{gateway: inproc.Transport{Handler: gw, Inline: true}, hosts: map[string][]site{}, spelled: map[spelling][]site{}}
	for _, p := range gw.Providers() {
		base := p.BaseURL()
		t.add(hostOf(base), strings.TrimSuffix(base.Path, "/"), p.Name())
	}
	for _, sites := range t.hosts {
		slices.SortFunc(sites, func(a, b site) int { return len(b.path) - len(a.path) })
		for i := range sites {
			for _, s := range sites[i+1:] {
				if _, ok := s.below(sites[i].path); ok {
					sites[i].providers = append(sites[i].providers, s.providers...)
				}
			}
		}
	}
	for _, p := range gw.Providers() {
		base := p.BaseURL()
		t.spelled[spelling{base.Scheme, base.Host}] = t.hosts[hostOf(base)]
	}
	return t
}

// add notes where a provider is.
func (t *Transport) add(host, path, name string) {
	sites := t.hosts[host]
	i := slices.IndexFunc(sites, func(s site) bool { return s.path == path })
	if i < 0 {
		t.hosts[host] = append(sites, site{path, []string{name}})
		return
	}
	sites[i].providers = append(sites[i].providers, name)
}

// below returns what follows the site's path in path, if it lies there.
func (s *site) below(path string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, s.path)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil {
		return base(t.Base).RoundTrip(r)
	}
	sites, ok := t.spelled[spelling{r.URL.Scheme, r.URL.Host}]
	if !ok {
		sites, ok = t.hosts[hostOf(r.URL)]
	}
	if !ok {
		return base(t.Base).RoundTrip(r)
	}
	ctx := r.Context()
	if ref, ok := run.FromContext(ctx); !ok || t.WaitForApproval {
		ref.WaitForApproval = ref.WaitForApproval || t.WaitForApproval
		ctx = run.NewContext(ctx, ref)
	}
	u := *r.URL
	for i := range sites { // the longest path first
		s := &sites[i]
		if below, ok := s.below(u.Path); ok {
			u.Path, u.RawPath = below, strings.TrimPrefix(u.RawPath, s.path)
			ctx = gateway.PreferProviders(ctx, s.providers...)
			break
		}
	}
	return t.gateway.Do(ctx, &u, r)
}

func base(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		return http.DefaultTransport
	}
	return rt
}

// hostOf returns the host of a URL with its port, so that two spellings of one
// host are the same.
func hostOf(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = "443"
		if strings.EqualFold(u.Scheme, "http") {
			port = "80"
		}
	}
	return host + ":" + port
}
