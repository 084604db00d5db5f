package gateway

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/rungate/rungate/provider"
)

// How long a page of a list is in Anthropic's API.
const (
	usualPage = 20
	largePage = 1000
)

// modelList writes the list that the agent gets: in Anthropic's API the page of it that
// it asks for, in OpenAI's all.
func (c *call) modelList(ctx context.Context) ([]byte, error) {
	all, err := c.listed(ctx, c.listers(ctx))
	if err != nil {
		return nil, err
	}
	if c.route.dialect.Path(provider.Messages) == "" {
		return append(c.appendModels([]byte(`{"object":"list","data":[`), all), "]}"...), nil
	}
	page, more, err := c.cutPage(all)
	if err != nil {
		return nil, err
	}
	b := append(c.appendModels([]byte(`{"data":[`), page), `],"has_more":`...)
	b = strconv.AppendBool(b, more)
	first, last := []byte("null"), []byte("null")
	if n := len(page); n > 0 {
		first, last = marshal(page[0].name), marshal(page[n-1].name)
	}
	b = append(append(b, `,"first_id":`...), first...)
	b = append(append(b, `,"last_id":`...), last...)
	return append(b, '}'), nil
}

// oneModel writes the entry of the model that the call is about.
func (c *call) oneModel(ctx context.Context) ([]byte, error) {
	name := c.modelName()
	u, t := c.resolveListed(ctx, name)
	all, err := c.listed(ctx, []*upstream{u})
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].target == t {
			return all[i].model.AppendTo(nil, c.route.dialect, name), nil
		}
	}
	if _, err := u.catalogued(ctx); err != nil {
		return nil, &listingError{u, err} // it may be there
	}
	return nil, c.unknownModel(name)
}

func (c *call) appendModels(b []byte, some []listedModel) []byte {
	for i := range some {
		if i > 0 {
			b = append(b, ',')
		}
		b = some[i].model.AppendTo(b, c.route.dialect, some[i].name)
	}
	return b
}

// cutPage returns the part of a list that the call asks for, and whether there is more
// in the direction in which it goes.
func (c *call) cutPage(all []listedModel) (page []listedModel, more bool, err error) {
	q := c.r.URL.Query()
	bad := func(name, why string) error {
		return &refusal{code: codeInvalidRequest, message: fmt.Sprintf("Rungate: %s: %s.", name, why), context: fieldContext{name}}
	}
	limit := usualPage
	if v := q.Get("limit"); v != "" {
		if limit, err = strconv.Atoi(v); err != nil || limit < 1 || limit > largePage {
			return nil, false, bad("limit", fmt.Sprintf("want a number from 1 to %d", largePage))
		}
	}
	after, before := q.Get("after_id"), q.Get("before_id")
	if after != "" && before != "" {
		return nil, false, bad("before_id", "it cannot be together with after_id")
	}
	from, to := 0, len(all)
	at := func(id string) int {
		return slices.IndexFunc(all, func(m listedModel) bool { return m.name == id })
	}
	switch {
	case after != "":
		if from = at(after) + 1; from == 0 {
			return nil, false, bad("after_id", "there is no such model in the list")
		}
	case before != "":
		if to = at(before); to < 0 {
			return nil, false, bad("before_id", "there is no such model in the list")
		}
		from = max(0, to-limit)
		return all[from:to], from > 0, nil
	}
	to = min(to, from+limit)
	return all[from:to], to < len(all), nil
}
