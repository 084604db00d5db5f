package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rungate/rungate/provider"
)

func testNames(t *testing.T, d provider.Dialect) {
	if d.Name() == "" {
		t.Error("no Name")
	}
	if d.RequestIDHeader() == "" {
		t.Error("no RequestIDHeader")
	}
	list := endpoints(d)
	if len(list) == 0 {
		t.Error("no Path for any endpoint")
	}
	for _, e := range list {
		if p := d.Path(e); p[0] != '/' {
			t.Errorf("Path(%q) is %q, without a slash at its beginning", e, p)
		}
	}
}

// testBadBodies checks that what two parsers might read differently is refused.
func testBadBodies(t *testing.T, d provider.Dialect) {
	for _, e := range endpoints(d) {
		if e == provider.Models {
			continue
		}
		for name, body := range map[string]string{
			"empty":               ``,
			"blank":               " \r\n\t",
			"no object":           `["model"]`,
			"cut":                 `{"model":"m"`,
			"two objects":         `{"model":"m"}{"model":"n"}`,
			"byte order mark":     "\xEF\xBB\xBF" + `{"model":"m"}`,
			"invalid UTF-8":       "{\"model\":\"m\",\"user\":\"\xff\"}",
			"no model":            `{"user":"u"}`,
			"empty model":         `{"model":""}`,
			"model is no string":  `{"model":["m"]}`,
			"model twice":         `{"model":"m","model":"n"}`,
			"twice, escaped":      `{"model":"m","mod\u0065l":"n"}`,
			"unknown twice":       `{"model":"m","x":1,"x":2}`,
			"directives twice":    `{"model":"m","rungate":{"run_id":"a","run_id":"b"}}`,
			"no object as tool":   `{"model":"m","tools":["t"]}`,
			"a tool's name twice": `{"model":"m","tools":[{"name":"a","name":"b"}]}`,
			"a long name of one":  `{"model":"m","tools":[{"name":"` + strings.Repeat("n", 257) + `"}]}`,
			"too deep":            `{"model":"m","x":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + `}`,
		} {
			var syntax *provider.SyntaxError
			if err := d.Parse(&provider.Request{Endpoint: e, Body: []byte(body)}); !errors.As(err, &syntax) {
				t.Errorf("%s: %s: Parse returns %v, not a SyntaxError", e, name, err)
			}
		}
	}
}

const directives = `{"run_id":"r","tags":["a","b"]}`

// testEdits checks that what a gateway changes leaves every other byte as it is.
func testEdits(t *testing.T, d provider.Dialect, c Case) {
	for name, insert := range map[string]func(body []byte) []byte{
		"first": insertFirst,
		"last":  insertLast,
	} {
		body := insert(c.Request)
		r := reparse(t, d, c.Endpoint, body)
		if string(r.Directives) != directives {
			t.Errorf("%s: Directives are %q", name, r.Directives)
		}
		if cut := provider.Splice(body, r.CutDirectives); !bytes.Equal(cut, c.Request) {
			t.Errorf("%s: without directives the body is %.200q", name, cut)
		}
		// All at once, as a gateway would do it.
		all := provider.Splice(body, r.CutDirectives, r.AskUsage, r.UseModel("another"))
		if !json.Valid(all) {
			t.Errorf("%s: with every edit the body is %.200q", name, all)
		}
	}

	r := reparse(t, d, c.Endpoint, c.Request)
	if r.Directives != nil || r.CutDirectives != (provider.Edit{}) {
		t.Error("there are no directives, but an edit to cut them")
	}
	if got := r.UseModel(r.Model); got != (provider.Edit{}) {
		t.Errorf("to use the same model takes the edit %v", got)
	}
	if c.Endpoint != provider.Models {
		other := reparse(t, d, c.Endpoint, edit(t, c.Request, r.UseModel(`an "other"/model`)))
		if other.Model != `an "other"/model` {
			t.Errorf("after the edit the model is %q", other.Model)
		}
	}
	if r.AskUsage != (provider.Edit{}) {
		asked := reparse(t, d, c.Endpoint, edit(t, c.Request, r.AskUsage))
		if asked.AskUsage != (provider.Edit{}) {
			t.Error("after the edit the stream still has to be asked for its usage")
		}
	}
}

// insertFirst writes directives before the first member of body, which is to
// have one.
func insertFirst(body []byte) []byte {
	at := bytes.IndexByte(body, '{') + 1
	return bytes.Join([][]byte{body[:at], []byte(`"rungate":` + directives + `,`), body[at:]}, nil)
}

// insertLast writes directives after the last member of body.
func insertLast(body []byte) []byte {
	end := bytes.LastIndexByte(body, '}')
	end = len(bytes.TrimRight(body[:end], " \t\r\n"))
	return bytes.Join([][]byte{body[:end], []byte(`,"rungate":` + directives), body[end:]}, nil)
}

// edit makes an edit and checks that nothing around it has changed.
func edit(t *testing.T, body []byte, e provider.Edit) []byte {
	t.Helper()
	if e == (provider.Edit{}) {
		t.Fatal("there is no edit")
	}
	out := provider.Splice(body, e)
	if !bytes.HasPrefix(out, body[:e.From]) || !bytes.HasSuffix(out, body[e.To:]) ||
		len(out) != e.From+len(e.With)+len(body)-e.To {
		t.Errorf("the edit %v changes other bytes: %.200q", e, out)
	}
	return out
}

func reparse(t *testing.T, d provider.Dialect, e provider.Endpoint, body []byte) *provider.Request {
	t.Helper()
	r := &provider.Request{Endpoint: e, Body: body}
	if err := d.Parse(r); err != nil {
		t.Fatalf("Parse of %.200q: %v", body, err)
	}
	return r
}
