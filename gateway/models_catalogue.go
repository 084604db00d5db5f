package gateway

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/translate"
)

// How providers are asked for their models.
const (
	modelsTimeout  = 5 * time.Second // for all pages
	modelsKept     = 5 * time.Minute
	noModelsKept   = 15 * time.Second // that a provider has not listed them
	maxModelsBytes = 8 << 20          // of a page
	maxModelsPages = 20
	modelsVersion  = "2023-06-01" // of Anthropic's API; the lists of all are alike
)

// A catalogue is what a provider says that it has. It is asked when somebody wants to
// know, by one call for all, and not again for a while.
type catalogue struct {
	mu     sync.Mutex
	asking chan struct{} // closed when the answer is there; nil while nobody asks
	until  time.Time     // when to ask again
	models []translate.Model
	err    error // in place of them
}

// catalogued returns the models that the provider lists.
func (u *upstream) catalogued(ctx context.Context) ([]translate.Model, error) {
	k := &u.catalogue
	for ctx.Err() == nil {
		k.mu.Lock()
		if k.asking == nil && time.Now().Before(k.until) {
			defer k.mu.Unlock()
			return k.models, k.err
		}
		asking := k.asking
		if asking == nil {
			k.asking = make(chan struct{})
		}
		k.mu.Unlock()
		if asking == nil {
			models, err := u.askModels(ctx)
			k.answered(ctx, models, err)
			continue
		}
		select {
		case <-asking:
		case <-ctx.Done():
		}
	}
	return nil, ctx.Err()
}

// answered notes what the provider has said, unless the call that has asked it is over:
// another one asks then. A provider that cannot be asked any more is taken at its last
// word.
func (k *catalogue) answered(ctx context.Context, models []translate.Model, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.asking)
	k.asking = nil
	switch {
	case err == nil:
		k.models, k.err, k.until = models, nil, time.Now().Add(modelsKept)
		return
	case ctx.Err() != nil:
		return
	case k.models == nil:
		k.err = err
	}
	k.until = time.Now().Add(noModelsKept)
}

// askModels asks the provider, page after page. The host program's own part in that
// may panic.
func (u *upstream) askModels(ctx context.Context) (all []translate.Model, err error) {
	defer func() {
		if v := recover(); v != nil {
			all, err = nil, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, modelsTimeout)
	defer cancel()
	all = []translate.Model{}
	for next, pages := "", 0; pages == 0 || next != "" && pages < maxModelsPages; pages++ {
		page, err := u.askPage(ctx, next)
		if err != nil {
			return nil, err
		}
		models, after, err := translate.ReadModels(u.Dialect(), page)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoList, err)
		}
		all, next = append(all, models...), after
	}
	return all, nil
}

// askPage gets the page of the provider's list that begins after an id.
func (u *upstream) askPage(ctx context.Context, after string) ([]byte, error) {
	at := *u.urls[provider.Models]
	h := http.Header{"Accept": jsonType, "User-Agent": nil} // else the Transport would name itself
	if u.dialect == claude.Name() {
		q := at.Query()
		q.Set("limit", "1000")
		if after != "" {
			q.Set("after_id", after)
		}
		at.RawQuery = q.Encode()
		h["Anthropic-Version"] = []string{modelsVersion}
	}
	if err := u.Sign(ctx, h); err != nil {
		return nil, err
	}
	r := &http.Request{Method: http.MethodGet, URL: &at, Host: at.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	resp, err := u.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxModelsBytes+1))
	if err != nil {
		return nil, err
	}
	if body, err = unpacked(resp.Header, body); err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, &unlisted{resp.StatusCode, headerValue(resp.Header, "Content-Type"), body}
	}
	return body, nil
}

// unpacked returns the list of models that an answer holds, which some send as gzip
// without having been asked for that.
func unpacked(h http.Header, body []byte) ([]byte, error) {
	if strings.EqualFold(headerValue(h, "Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(strings.NewReader(string(body)))
		if err != nil {
			return nil, err
		}
		if body, err = io.ReadAll(io.LimitReader(z, maxModelsBytes+1)); err != nil {
			return nil, err
		}
	}
	if len(body) > maxModelsBytes {
		return nil, fmt.Errorf("%w: it is too large", errNoList)
	}
	return body, nil
}

var errNoList = errors.New("what it answers cannot be read as a list")

// unlisted is a provider's error in place of its list of models.
type unlisted struct {
	status      int
	contentType string
	body        []byte
}

func (e *unlisted) Error() string { return fmt.Sprintf("it answers with status %d", e.status) }
