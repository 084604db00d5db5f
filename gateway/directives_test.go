package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// What a call says about itself arrives, however it is said.
func TestDirectives(t *testing.T) {
	const model = `"model":"gpt-4.1"`
	fifty := strings.Repeat("t,", 49) + "t"
	long := strings.Repeat("x", 256)
	for name, c := range map[string]struct {
		headers []string
		body    string
		want    run.Run // of it: ID, User, Tags, Policy.Name
	}{
		"in headers": {
			[]string{"x-rungate-run-id: nightly", "x-rungate-user: u-1", "x-rungate-tags: a, b ,c", "x-rungate-policy: open-1"}, "{" + model + "}",
			run.Run{Key: run.Key{ID: "nightly"}, User: "u-1", Tags: []string{"a", "b", "c"}, Policy: run.PolicyRef{Name: "open-1"}},
		},
		"in headers, in capitals": {
			[]string{"X-RUNGATE-RUN-ID: nightly", "X-RUNGATE-USER: u-1", "X-RUNGATE-TAGS: a"}, "{" + model + "}",
			run.Run{Key: run.Key{ID: "nightly"}, User: "u-1", Tags: []string{"a"}},
		},
		"in the body": {
			nil, "{" + model + `,"rungate":{"run_id":"nightly","user":"u-1","tags":["a","b c"],"policy":"open-1","approval":"wait=30","new_run":false}}`,
			run.Run{Key: run.Key{ID: "nightly"}, User: "u-1", Tags: []string{"a", "b c"}, Policy: run.PolicyRef{Name: "open-1"}},
		},
		"in the body, tags in one string": {
			nil, "{" + model + `,"rungate":{"run_id":"nightly","tags":" a, b "}}`,
			run.Run{Key: run.Key{ID: "nightly"}, Tags: []string{"a", "b"}},
		},
		"in both, the header wins": {
			[]string{"x-rungate-run-id: of-header", "x-rungate-tags: of-header"}, "{" + model + `,"rungate":{"run_id":"of-body","user":"of-body","tags":["of-body"]}}`,
			run.Run{Key: run.Key{ID: "of-header"}, User: "of-body", Tags: []string{"of-header"}},
		},
		"in both, the header wins with its no": {
			[]string{"x-rungate-run-id: nightly", "x-rungate-new-run: false"}, "{" + model + `,"rungate":{"new_run":true}}`,
			run.Run{Key: run.Key{ID: "nightly"}},
		},
		"in a header, twice the same": {
			[]string{"x-rungate-run-id: nightly", "X-Rungate-Run-Id: nightly"}, "{" + model + "}",
			run.Run{Key: run.Key{ID: "nightly"}},
		},
		"escaped": {
			nil, "{" + model + `,"\u0072\u0075ng\u0061te" : { "run\u005fid" : "night\u006cy" }}`,
			run.Run{Key: run.Key{ID: "nightly"}},
		},
		"with white space": {
			nil, "\n{ " + model + " ,\r\n\t\"rungate\"\t:\n{\r\"run_id\" : \"nightly\" } }\n ",
			run.Run{Key: run.Key{ID: "nightly"}},
		},
		"in other letters": {
			nil, "{" + model + `,"rungate":{"run_id":"Nachtlauf für Jürgen / 夜","user":"jürgen@example.org"}}`,
			run.Run{Key: run.Key{ID: "Nachtlauf für Jürgen / 夜"}, User: "jürgen@example.org"},
		},
		"in other letters, in a header": {
			[]string{"x-rungate-run-id: für Jürgen"}, "{" + model + "}",
			run.Run{Key: run.Key{ID: "für Jürgen"}},
		},
		"as long and as many as they may be": {
			[]string{"x-rungate-run-id: " + long, "x-rungate-tags: " + fifty}, "{" + model + "}",
			run.Run{Key: run.Key{ID: long}, Tags: strings.Split(fifty, ",")},
		},
		"what looks like a path": {
			[]string{"x-rungate-run-id: ../../etc/passwd"}, "{" + model + "}",
			run.Run{Key: run.Key{ID: "../../etc/passwd"}},
		},
		"below another member they are none": {
			[]string{"x-rungate-run-id: nightly"}, "{" + model + `,"metadata":{"rungate":{"run_id":"other"}}}`,
			run.Run{Key: run.Key{ID: "nightly"}},
		},
		"below another name they are none": {
			[]string{"x-rungate-run-id: nightly"}, "{" + model + `,"rungates":{"run_id":"other"},"rungate_":{"run_id":"other"}}`,
			run.Run{Key: run.Key{ID: "nightly"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			change, _ := policies(t, `{"name":"prod"}`, `{"name":"open-1"}`)
			b := newRig(t, "", change)
			b.Provider.Answer(whole(chatAnswer))
			r := b.Post("/v1/chat/completions", c.body, c.headers...)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, c.want.ID, r.Header.Get("X-Rungate-Run-Id"))
			got := b.Run(c.want.ID)
			if c.want.Policy.Name == "" {
				c.want.Policy.Name = "prod"
			}
			assert.Equal(t, c.want, run.Run{Key: run.Key{ID: got.ID}, User: got.User, Tags: got.Tags, Policy: run.PolicyRef{Name: got.Policy.Name}})
			for k := range b.Forwarded().Header {
				assert.False(t, strings.HasPrefix(k, "X-Rungate"), k)
			}
		})
	}
}

// The member "rungate" is cut out of the body. Every other byte stays.
func TestDirectivesAreCut(t *testing.T) {
	for name, c := range map[string]struct{ path, body, saw string }{
		"none":               {"/v1/chat/completions", ` { "model":"gpt-4.1" } `, ` { "model":"gpt-4.1" } `},
		"none but a lookout": {"/v1/chat/completions", `{"model":"gpt-4.1","metadata":{"rungate":{}},"messages":[{"rungate":1}]}`, `{"model":"gpt-4.1","metadata":{"rungate":{}},"messages":[{"rungate":1}]}`},
		"first":              {"/v1/chat/completions", `{"rungate":{"run_id":"r"},"model":"gpt-4.1"}`, `{"model":"gpt-4.1"}`},
		"between":            {"/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"run_id":"r"},"n":1}`, `{"model":"gpt-4.1","n":1}`},
		"last":               {"/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"run_id":"r"}}`, `{"model":"gpt-4.1"}`},
		"empty":              {"/v1/chat/completions", `{"model":"gpt-4.1","rungate":{}}`, `{"model":"gpt-4.1"}`},
		"escaped":            {"/v1/chat/completions", `{"model":"gpt-4.1","\u0072ungate":{"run_id":"r"},"\u0072ungates":{}}`, `{"model":"gpt-4.1","\u0072ungates":{}}`},
		"odd white space": {
			"/v1/chat/completions",
			"\t{\r\n  \"model\" :\t\"gpt-4.1\" ,\n\n\"rungate\"\n:\r{ \"tags\" : [ ] }\n,\n  \"n\" : 1 } \n",
			"\t{\r\n  \"model\" :\t\"gpt-4.1\" ,\n\n\n  \"n\" : 1 } \n",
		},
		"what others would write otherwise": {
			"/v1/chat/completions",
			`{"z":1.0,"a":1e2,"model":"gpt-4.1","rungate":{"run_id":"r"},"x":"\u00e9\/<>&é😀","y":[ ],"temperature":-0.0,"big":12345678901234567890,"null":null}`,
			`{"z":1.0,"a":1e2,"model":"gpt-4.1","x":"\u00e9\/<>&é😀","y":[ ],"temperature":-0.0,"big":12345678901234567890,"null":null}`,
		},
		"texts that look like it": {
			"/v1/chat/completions",
			`{"model":"gpt-4.1","messages":[{"role":"user","content":"\"rungate\":{\"run_id\":\"no\"}, }"}],"rungate":{"user":"}\",\"rungate\":{"}}`,
			`{"model":"gpt-4.1","messages":[{"role":"user","content":"\"rungate\":{\"run_id\":\"no\"}, }"}]}`,
		},
		"messages":     {"/v1/messages", `{"rungate":{"run_id":"r"} , "max_tokens":1,"model":"claude-sonnet-4-5"}`, `{ "max_tokens":1,"model":"claude-sonnet-4-5"}`},
		"count tokens": {"/v1/messages/count_tokens", `{"model":"claude-sonnet-4-5","rungate":{"run_id":"r"}}`, `{"model":"claude-sonnet-4-5"}`},
		"responses":    {"/v1/responses", `{"model":"gpt-4.1","rungate":{"run_id":"r"},"stream":false}`, `{"model":"gpt-4.1","stream":false}`},
		"embeddings":   {"/v1/embeddings", `{"input":"a","rungate":{"run_id":"r"},"model":"text-embedding-3-small"}`, `{"input":"a","model":"text-embedding-3-small"}`},
		"with an alias": {
			"/v1/chat/completions",
			`{"n":1,"model":"gpt-4","rungate":{"run_id":"r"} }`,
			`{"n":1,"model":"gpt-4.1" }`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(chatAnswer))
			r := b.Post(c.path, c.body)
			require.Equal(t, 200, r.StatusCode, r.Body)
			got := b.Forwarded()
			assert.Equal(t, c.saw, got.Body)
			assert.Equal(t, fmt.Sprint(len(c.saw)), got.Header.Get("Content-Length"))
		})
	}
}

// A directive that is malformed refuses the call, and says which it is.
func TestDirectivesRefused(t *testing.T) {
	long := strings.Repeat("x", 257)
	tags := strings.Repeat("t,", 50) + "t"
	quoted := `"` + strings.ReplaceAll(tags, ",", `","`) + `"`
	for name, c := range map[string]struct {
		header http.Header
		body   string // of the member rungate
		field  string
	}{
		"an empty run id":            {http.Header{"X-Rungate-Run-Id": {""}}, ``, "x-rungate-run-id"},
		"a run id that is too long":  {http.Header{"X-Rungate-Run-Id": {long}}, ``, "x-rungate-run-id"},
		"a run id with a tab":        {http.Header{"X-Rungate-Run-Id": {"a\tb"}}, ``, "x-rungate-run-id"},
		"a run id that is no UTF-8":  {http.Header{"X-Rungate-Run-Id": {"a\xffb"}}, ``, "x-rungate-run-id"},
		"a run id with a C1 control": {http.Header{"X-Rungate-Run-Id": {"a\u0085b"}}, ``, "x-rungate-run-id"},
		"two run ids":                {http.Header{"X-Rungate-Run-Id": {"a", "b"}}, ``, "x-rungate-run-id"},
		"an empty user":              {http.Header{"X-Rungate-User": {""}}, ``, "x-rungate-user"},
		"two users":                  {http.Header{"X-Rungate-User": {"a", "b"}}, ``, "x-rungate-user"},
		"an empty policy":            {http.Header{"X-Rungate-Policy": {""}}, ``, "x-rungate-policy"},
		"a new run that is no":       {http.Header{"X-Rungate-New-Run": {"no"}}, ``, "x-rungate-new-run"},
		"a new run that is empty":    {http.Header{"X-Rungate-New-Run": {""}}, ``, "x-rungate-new-run"},
		"two opinions on a new run":  {http.Header{"X-Rungate-New-Run": {"true", "false"}}, ``, "x-rungate-new-run"},
		"an empty tag":               {http.Header{"X-Rungate-Tags": {"a,,b"}}, ``, "x-rungate-tags"},
		"no tags":                    {http.Header{"X-Rungate-Tags": {""}}, ``, "x-rungate-tags"},
		"too many tags":              {http.Header{"X-Rungate-Tags": {tags}}, ``, "x-rungate-tags"},
		"too many tags in two lines": {http.Header{"X-Rungate-Tags": {tags[:51], tags[52:]}}, ``, "x-rungate-tags"},
		"a tag that is too long":     {http.Header{"X-Rungate-Tags": {"a," + long}}, ``, "x-rungate-tags"},
		"an approval that is odd":    {http.Header{"X-Rungate-Approval": {"later"}}, ``, "x-rungate-approval"},
		"a wait of no time":          {http.Header{"X-Rungate-Approval": {"wait=0"}}, ``, "x-rungate-approval"},
		"a wait of half a second":    {http.Header{"X-Rungate-Approval": {"wait=0.5"}}, ``, "x-rungate-approval"},

		"an empty run id, in the body":          {nil, `{"run_id":""}`, "rungate.run_id"},
		"a run id that is too long, there":      {nil, `{"run_id":"` + long + `"}`, "rungate.run_id"},
		"a run id that is a number":             {nil, `{"run_id":7}`, "rungate.run_id"},
		"a run id that is null":                 {nil, `{"run_id":null}`, "rungate.run_id"},
		"a run id with a line end":              {nil, `{"run_id":"a\nb"}`, "rungate.run_id"},
		"a run id with a NUL":                   {nil, `{"run_id":"a\u0000b"}`, "rungate.run_id"},
		"a run id that turns the text round":    {nil, `{"run_id":"a\u202eb"}`, "rungate.run_id"},
		"a user that is a list":                 {nil, `{"user":["a"]}`, "rungate.user"},
		"a policy that is an object":            {nil, `{"policy":{"name":"a"}}`, "rungate.policy"},
		"a new run that is a word":              {nil, `{"new_run":"yes"}`, "rungate.new_run"},
		"a new run that is two":                 {nil, `{"new_run":2}`, "rungate.new_run"},
		"a new run that is null":                {nil, `{"new_run":null}`, "rungate.new_run"},
		"a tag with a comma":                    {nil, `{"tags":["a,b"]}`, "rungate.tags"},
		"a tag that is a number":                {nil, `{"tags":["a",1]}`, "rungate.tags"},
		"an empty tag, in the body":             {nil, `{"tags":["a",""]}`, "rungate.tags"},
		"tags that are an object":               {nil, `{"tags":{"a":1}}`, "rungate.tags"},
		"too many tags, in the body":            {nil, `{"tags":[` + quoted + `]}`, "rungate.tags"},
		"an approval that is odd, there":        {nil, `{"approval":"wait=x"}`, "rungate.approval"},
		"an approval that is a number":          {nil, `{"approval":240}`, "rungate.approval"},
		"a directive that is not known":         {nil, `{"runid":"a"}`, "rungate.runid"},
		"a directive in other letters":          {nil, `{"Run_Id":"a"}`, "rungate.Run_Id"},
		"directives that are a text":            {nil, `"nightly"`, "rungate"},
		"directives that are a list":            {nil, `[]`, "rungate"},
		"directives that are null":              {nil, `null`, "rungate"},
		"malformed, though the header is right": {http.Header{"X-Rungate-Run-Id": {"a"}}, `{"run_id":7}`, "rungate.run_id"},
	} {
		t.Run(name, func(t *testing.T) {
			for path, body := range map[string]string{"/v1/chat/completions": chatCall, "/v1/messages": claudeCall} {
				b := newRig(t, "")
				if c.body != "" {
					body = body[:len(body)-1] + `,"rungate":` + c.body + "}"
				}
				// Straight into the handler: a client would not send all of this.
				r := serve(t, b.Gateway, nil, "POST", path, body, append(flat(c.header), "Authorization: Bearer "+b.Token)...)
				e := b.Refused(r, 400, "invalid_directive")
				assert.Equal(t, c.field, contextOf(t, e)["field"])
				assert.Contains(t, e["message"], c.field)
				assert.NotContains(t, r.Header, "X-Rungate-Run-Id", "the call has no run")
				assert.Empty(t, b.Events.Types())
			}
		})
	}
}

// flat writes a header in lines.
func flat(h http.Header) (lines []string) {
	for k, values := range h {
		for _, v := range values {
			lines = append(lines, k+": "+v)
		}
	}
	return lines
}

// Whatever can be read as yes or no is read so.
func TestNewRunInAnyCase(t *testing.T) {
	for value, fresh := range map[string]bool{
		"true": true, "TRUE": true, "True": true, "1": true,
		"false": false, "FALSE": false, "False": false, "0": false,
	} {
		for _, form := range []string{"header", "string", "bare"} {
			if form == "bare" && value != strings.ToLower(value) {
				continue // no JSON
			}
			t.Run(form+" "+value, func(t *testing.T) {
				b := newRig(t, "")
				b.Provider.Answer(whole(chatAnswer))
				require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: nightly").StatusCode)
				var r *reply
				switch form {
				case "header":
					r = b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: nightly", "x-rungate-new-run: "+value)
				case "string":
					r = b.Post("/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"run_id":"nightly","new_run":"`+value+`"}}`)
				case "bare":
					r = b.Post("/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"run_id":"nightly","new_run":`+value+`}}`)
				}
				require.Equal(t, 200, r.StatusCode, r.Body)
				assert.Equal(t, map[bool]string{true: "nightly.2", false: "nightly"}[fresh], r.Header.Get("X-Rungate-Run-Id"))
			})
		}
	}
}
