package roundtrip

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// The environment variables of RemoteFromEnv.
const (
	EnvBaseURL  = "RUNGATE_BASE_URL"
	EnvAgentKey = "RUNGATE_AGENT_KEY"
)

// DefaultHosts are the hosts whose traffic a Remote takes over.
var DefaultHosts = []string{"api.openai.com", "api.anthropic.com"}

// A Remote is an http.RoundTripper that sends what goes to a provider's host to
// a Rungate server instead, with the agent's token in the place of the
// provider's key, and everything else to Base. It is safe for concurrent use.
//
// A run.Ref in a request's context is sent along as headers; headers that are
// there already win. Who the agent is, its token says.
type Remote struct {
	BaseURL string          // of the server, with or without /v1 at its end
	Key     provider.Secret // the agent's token, rg_agt_…

	// Hosts are the hosts to take over, each with its port if it is not the
	// scheme's own. Nil is DefaultHosts.
	Hosts []string

	// Base carries all requests. Nil is http.DefaultTransport.
	Base http.RoundTripper

	// WaitForApproval has calls that a person has to decide about wait for that, as
	// long as their context lasts. What waits longer than the server lets it is sent
	// again, where its body can be read once more. A run.Ref can ask for it for one
	// call, and an x-rungate-approval header takes its place.
	WaitForApproval bool
}

// RemoteFromEnv returns the Remote that the environment describes, in
// RUNGATE_BASE_URL and RUNGATE_AGENT_KEY. Both have to be set.
func RemoteFromEnv() (*Remote, error) {
	r := &Remote{BaseURL: os.Getenv(EnvBaseURL), Key: provider.Secret(os.Getenv(EnvAgentKey))}
	if r.BaseURL == "" {
		return nil, fmt.Errorf("roundtrip: %s is not set; it is the address of the Rungate server", EnvBaseURL)
	}
	if r.Key == "" {
		return nil, fmt.Errorf("roundtrip: %s is not set; it is the agent's token, %s…", EnvAgentKey, run.TokenPrefix)
	}
	if _, err := r.server(); err != nil {
		return nil, err
	}
	return r, nil
}

// server returns where the server is, without /v1.
func (r *Remote) server() (*url.URL, error) {
	u, err := url.Parse(r.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// It is not quoted: a password may be in it, or the key by mistake.
		return nil, errors.New("roundtrip: the base URL cannot be used: want one like https://rungate.example.com")
	}
	u.Path, u.RawPath = withoutV1(u.Path), withoutV1(u.EscapedPath())
	return u, nil
}

func withoutV1(path string) string { return strings.TrimSuffix(strings.TrimSuffix(path, "/"), "/v1") }

// RoundTrip implements http.RoundTripper.
func (r *Remote) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil || !r.takes(req.URL) {
		return base(r.Base).RoundTrip(req)
	}
	out, waits, err := r.redirect(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	for {
		resp, err := base(r.Base).RoundTrip(out)
		if err != nil || !waits || !isPending(resp) || out.Body != nil && out.GetBody == nil {
			if resp != nil {
				resp.Request = req
			}
			return resp, err
		}
		resp.Body.Close()
		if err := pause(req.Context(), resp.Header); err != nil {
			return nil, err
		}
		out = out.Clone(out.Context())
		if out.GetBody != nil {
			if out.Body, err = out.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// isPending reports whether the server still waits for a person.
func isPending(resp *http.Response) bool {
	return resp.StatusCode == http.StatusAccepted && resp.Header.Get(run.HeaderRunID) != "" && resp.Header.Get("Retry-After") != ""
}

// pause waits for as long as the answer with that header asks for.
func pause(ctx context.Context, h http.Header) error {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// redirect returns req as it goes to the server, and whether it is to wait for an
// approval.
func (r *Remote) redirect(req *http.Request) (out *http.Request, waits bool, err error) {
	server, err := r.server()
	if err != nil {
		return nil, false, err
	}
	out = req.Clone(req.Context())
	path, escaped := req.URL.Path, req.URL.EscapedPath()
	if !strings.HasPrefix(path, "/v1/") {
		path, escaped = "/v1"+path, "/v1"+escaped
	}
	out.URL.Scheme, out.URL.Host, out.Host = server.Scheme, server.Host, ""
	out.URL.RawPath = server.EscapedPath() + escaped
	out.URL.Path = server.Path + path
	for _, h := range []string{"X-Api-Key", "Api-Key", "Cookie"} {
		out.Header.Del(h)
	}
	out.Header.Set("Authorization", "Bearer "+r.Key.Reveal())
	ref, _ := run.FromContext(req.Context())
	ref.WaitForApproval = ref.WaitForApproval || r.WaitForApproval
	var d run.Directives
	d.Refer(&ref)
	if err := d.Check(); err != nil {
		return nil, false, fmt.Errorf("roundtrip: run.Ref: %w", err)
	}
	if d.ReadHeader(req.Header) == nil { // else the server says what is wrong with them
		d.WriteHeader(out.Header)
		waits = d.WaitForApproval
	}
	return out, waits, nil
}

// takes reports whether requests to u are taken over.
func (r *Remote) takes(u *url.URL) bool {
	hosts := r.Hosts
	if hosts == nil {
		hosts = DefaultHosts
	}
	for _, h := range hosts {
		if strings.EqualFold(h, u.Host) || hostOf(&url.URL{Scheme: u.Scheme, Host: h}) == hostOf(u) {
			return true
		}
	}
	return false
}
