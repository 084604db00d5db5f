package gateway

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// authenticate finds out whose call this is: from within the process by name,
// over the network by token.
func (c *call) authenticate(ctx context.Context) error {
	if ref, ok := run.FromContext(ctx); ok {
		id := ref.Agent
		if id == "" {
			id = run.DefaultAgent
		}
		if c.g.cfg.Agents == nil {
			c.agent = &run.Agent{ID: id, MayChoose: anyPolicy}
			return nil
		}
		a, err := c.g.cfg.Agents.ByID(ctx, id)
		if errors.Is(err, run.ErrUnknownAgent) {
			return &refusal{code: codeInvalidToken, message: "Rungate: there is no agent " + id + ", which the calling program names."}
		}
		c.agent = a
		return err
	}
	if c.g.cfg.Agents == nil {
		return errToken
	}
	// The look-up is made in any case, and a token that is known but not valid
	// is answered like one that is not: how an answer came about is not told by
	// its time.
	token := c.token()
	a, err := c.g.cfg.Agents.ByToken(ctx, run.DigestOf(token))
	switch {
	case token == "", errors.Is(err, run.ErrUnknownAgent):
		return errToken
	case err != nil:
		return err
	case !a.Expires.IsZero() && !time.Now().Before(a.Expires):
		return errToken
	}
	c.agent = a
	return nil
}

// anyPolicy is what the host program's own agents may choose.
var anyPolicy = []string{"*"}

var errToken = &refusal{code: codeInvalidToken, message: "Rungate: the agent token is missing or not valid. " +
	"Send a token that begins with " + run.TokenPrefix + " where the provider's API key would be."}

// token returns the agent token that came with the call. Some clients send two
// keys, in two headers; the one that is Rungate's counts.
func (c *call) token() provider.Secret {
	for _, v := range c.r.Header["Authorization"] {
		if scheme, t, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "bearer") {
			if t = strings.TrimSpace(t); strings.HasPrefix(t, run.TokenPrefix) {
				return provider.Secret(t)
			}
		}
	}
	for _, v := range c.r.Header["X-Api-Key"] {
		if strings.HasPrefix(v, run.TokenPrefix) {
			return provider.Secret(v)
		}
	}
	return ""
}
