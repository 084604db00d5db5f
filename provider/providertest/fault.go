package providertest

import (
	"bytes"
	"testing"

	"github.com/rungate/rungate/provider"
)

// testFaults checks that errors of which nothing but the status can be understood are
// classified by it, and those that can be by what they say, as a whole or cut.
func testFaults(t *testing.T, d provider.Dialect) {
	for status, want := range map[int]provider.Fault{
		200: provider.Overloaded, 302: provider.Overloaded, // where an error is expected, they tell of none
		400: provider.Rejected, 401: provider.Denied, 402: provider.OutOfFunds, 403: provider.Denied, 404: provider.UnknownModel,
		405: provider.Rejected, 408: provider.Overloaded, 409: provider.Rejected, 413: provider.Rejected, 422: provider.Rejected, 429: provider.RateLimited,
		500: provider.Overloaded, 502: provider.Overloaded, 503: provider.Overloaded, 504: provider.Overloaded,
		520: provider.Overloaded, 522: provider.Overloaded, 524: provider.Overloaded, 529: provider.Overloaded,
	} {
		for _, body := range []string{"", " \r\n", "{}", "[]", "null", `"x"`, "\x00\xff", `{"error":null}`, `{"error":`, "upstream connect error"} {
			if got := d.Fault(status, []byte(body)); got != want {
				t.Errorf("Fault(%d, %q) is %s, not %s", status, body, got, want)
			}
		}
	}
	// In front of an API there may be what answers with pages: it has judged what the
	// API has not even seen, so that another target may well serve the call.
	for _, page := range []string{"<html><head><title>502 Bad Gateway</title>", "\n<!DOCTYPE html><html lang=\"en-US\">", "<?xml version=\"1.0\"?>"} {
		for _, status := range []int{200, 400, 403, 500, 502, 503, 520, 522, 524} {
			if got := d.Fault(status, []byte(page)); got != provider.Overloaded {
				t.Errorf("Fault(%d, %q) is %s", status, page, got)
			}
		}
	}
}

// testFault checks that it does not matter how the body of an error is laid out, nor
// that its end is missing.
func testFault(t *testing.T, d provider.Dialect, c Case) {
	if c.Status < 400 {
		return
	}
	want := d.Fault(c.Status, c.Response)
	if got := d.Fault(c.Status, append([]byte("\xEF\xBB\xBF\r\n "), c.Response...)); got != want {
		t.Errorf("after a byte order mark and blanks, the fault is %s, not %s", got, want)
	}
	if end := bytes.LastIndexByte(c.Response, '}'); end > 0 {
		if got := d.Fault(c.Status, c.Response[:end]); got != want {
			t.Errorf("without the last brace, the fault is %s, not %s", got, want)
		}
	}
	for i := range c.Response {
		if got := d.Fault(c.Status, c.Response[:i]); int(got) > len(provider.Faults) {
			t.Fatalf("of the first %d bytes, the fault is %d", i, got)
		}
	}
}
