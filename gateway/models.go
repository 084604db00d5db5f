package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/translate"
)

// modelSteps are what is left to do for a call for models. It is passed on where the
// answer of one provider is what the agent is to get, and else answered out of what
// all of them list.
var modelSteps = []step{
	(*call).estimate,
	(*call).decide,
	(*call).meet,
	(*call).reserve,
	(*call).admit,
	(*call).listModels,
	(*call).forward,
	(*call).checkModels,
	(*call).relay,
	(*call).detach,
	(*call).relayRest,
}

// chooseModels finds out which provider a call for models is passed on to, if it is
// one. Any other call it leaves alone.
func (c *call) chooseModels(ctx context.Context) error {
	if c.req.Endpoint != provider.Models {
		return nil
	}
	c.todo = modelSteps
	u := c.onlyLister(ctx)
	if c.route.id != "" {
		name := c.modelName()
		var t policy.Target
		if u, t = c.resolveListed(ctx, name); u == nil {
			return c.unknownModel(name)
		}
		switch {
		case u.dialect != c.route.dialect.Name() || !plainSegment(t.Model):
			u = nil
		case t.Model != name:
			c.route.id = "/" + url.PathEscape(t.Model)
		}
	}
	if u != nil {
		c.upstream, c.target.Provider = u, u.Name()
	}
	return nil
}

// modelName is the name of the model that the call is about.
func (c *call) modelName() string {
	name, _ := url.PathUnescape(c.route.id[1:]) // of which find has made sure
	return name
}

func (c *call) unknownModel(name string) error {
	return &refusal{code: codeUnknownModel, message: fmt.Sprintf("Rungate: there is no model %q that this agent may use.", name)}
}

// listModels answers a call for models that is not passed on.
func (c *call) listModels(ctx context.Context) error {
	if c.upstream != nil && c.route.id == "" {
		return nil
	}
	if c.upstream != nil {
		t := policy.Target{Provider: c.upstream.Name(), Model: c.modelName()}
		ok, err := c.mayUse(ctx, c.upstream, t)
		if err == nil && !ok {
			err = c.unknownModel(t.Model)
		}
		return err
	}
	c.todo = nil
	write := c.modelList
	if c.route.id != "" {
		write = c.oneModel
	}
	body, err := write(ctx)
	if e, ok := errors.AsType[*listingError](err); ok {
		return c.passUnlisted(e)
	}
	if err != nil {
		return err
	}
	return c.answerModels(http.StatusOK, jsonType[0], body)
}

// checkModels looks at the list of the only provider. It stays as it is if the agent may
// use all that is in it.
func (c *call) checkModels(ctx context.Context) error {
	resp := c.answer.resp
	if c.route.id != "" || resp.StatusCode/100 != 2 {
		return nil
	}
	for _, m := range c.readModels(resp) {
		t := policy.Target{Provider: c.upstream.Name(), Model: m.ID}
		ok := c.nameOf(ctx, t) == t.Model
		if ok {
			var err error
			if ok, err = c.mayUse(ctx, c.upstream, t); err != nil {
				return err
			}
		}
		if !ok {
			resp.Body.Close()
			c.watch.stop()
			c.upstream = nil
			return c.listModels(ctx)
		}
	}
	return nil
}

// readModels reads the models out of an answer, from which all can be read once more.
// There are none if it cannot be read: whoever the answer is for finds out why.
func (c *call) readModels(resp *http.Response) []translate.Model {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxModelsBytes+1))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
	if err == nil {
		body, err = unpacked(resp.Header, body)
	}
	if err != nil {
		return nil
	}
	models, _, _ := translate.ReadModels(c.route.dialect, body) // none if it is an error
	return models
}

// answerModels sends the agent an answer to its call for models that is none of the
// provider's that it was passed on to.
func (c *call) answerModels(status int, contentType string, body []byte) error {
	c.answer.resp, c.answer.tried = &http.Response{StatusCode: status, Body: http.NoBody}, true
	c.conclude()
	h := c.w.Header()
	c.echoRun(h)
	h["Content-Type"], h["Content-Length"] = []string{contentType}, []string{strconv.Itoa(len(body))}
	h.Set(c.route.dialect.RequestIDHeader(), c.requestID())
	c.answer.begun = true
	c.w.WriteHeader(status)
	_, err := c.w.Write(body)
	return c.left(err)
}

// passUnlisted tells the agent why a provider does not list its models: in the words
// of that where they are in the agent's dialect.
func (c *call) passUnlisted(e *listingError) error {
	var said *unlisted
	name := e.upstream.Name()
	switch {
	case errors.As(e.err, &said) && said.status >= http.StatusBadRequest && e.upstream.dialect == c.route.dialect.Name():
		return c.answerModels(said.status, said.contentType, said.body)
	case said != nil, errors.Is(e.err, errNoList):
		return &refusal{code: codeProtocolError, cause: e.err, message: fmt.Sprintf("Rungate: provider %q does not list its models: %v.", name, e.err)}
	case errors.Is(e.err, context.DeadlineExceeded):
		return &refusal{code: codeTimeout, cause: e.err, message: fmt.Sprintf("Rungate: provider %q did not list its models within %s.", name, modelsTimeout)}
	}
	return &refusal{code: codeUnreachable, cause: e.err, message: fmt.Sprintf("Rungate: provider %q cannot be asked for its models.", name)}
}
