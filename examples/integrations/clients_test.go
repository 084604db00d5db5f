//go:build clients

package integrations

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pixel begins the picture that the programs send.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAI"

// TestMain lets programs wait beside each other: most of their time is that of
// retries.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8")
	}
	os.Exit(m.Run())
}

// TestInstalled checks that the clients are there, at the versions that the
// README names.
func TestInstalled(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			if c.pin == (pin{}) {
				return
			}
			name, version := c.pin.read(t)
			if c.python != "" {
				info := strings.ReplaceAll(name, "-", "_") + "-" + version + ".dist-info"
				found, err := filepath.Glob(filepath.Join(cache(t), c.python, "lib/python3*/site-packages", info))
				require.NoError(t, err)
				require.Len(t, found, 1, "%s %s is not installed: run ./setup.sh", name, version)
				return
			}
			manifest, err := os.ReadFile(filepath.Join(cache(t), c.modules(), "node_modules", c.pin.name, "package.json"))
			require.NoError(t, err, "run ./setup.sh")
			var installed struct{ Version string }
			require.NoError(t, json.Unmarshal(manifest, &installed))
			require.Equal(t, version, installed.Version, "run ./setup.sh")
		})
	}
	version := execute(t, "", nil, "node", "--version")
	require.Regexp(t, `^v24\.`, string(version), "run ./setup.sh, or have Node 24 in the PATH")
}

// TestQuickstart runs the programs that people copy from. The models repeat what
// they are asked, so that the programs print it.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if c.calls == 0 {
			continue // it has the program in common with another client
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			st := newSite(t, &c, served)
			printed := string(execute(t, st.url+c.paths[0].base, c.env, c.start(t, "quickstart")...))
			requests := st.providers.Requests()
			assert.Len(t, requests, c.calls)
			for _, r := range requests {
				assert.Contains(t, printed, answerTo(t, &c, r.Body))
			}
			for _, p := range c.prints {
				assert.Contains(t, printed, p)
			}
			st.requireClean(t)
		})
	}
}

// answerTo is a part of the answer to a request.
func answerTo(t *testing.T, c *client, request []byte) string {
	t.Helper()
	if c.output == openclawJSON {
		return "Hello from the model."
	}
	var asked struct{ Messages []struct{ Content string } }
	require.NoError(t, json.Unmarshal(request, &asked))
	require.NotEmpty(t, asked.Messages)
	return asked.Messages[len(asked.Messages)-1].Content
}

// TestServed checks that what a client asks for arrives, and that the answer
// comes back, for every base URL that it can be given.
func TestServed(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		for i, p := range c.paths {
			for j, s := range c.scenarios {
				if i > 0 && j > 0 {
					continue // the path is all that differs
				}
				t.Run(strings.Join([]string{c.name, string(s), "base URL …" + p.base}, ", "), func(t *testing.T) {
					t.Parallel()
					st := newSite(t, &c, served)
					out := play(t, &c, st, served, p, s)
					require.Nil(t, out.Error)
					requireScenario(t, &c, st, s, &out)
					for _, call := range st.calls {
						assert.Equal(t, p.called, call.path)
						assert.Equal(t, c.sends, call.sent)
					}
					st.requireClean(t)
					require.Len(t, st.runs(), 1, "all calls are in one run")
					id := st.calls[0].run
					if c.output != openclawJSON {
						assert.Equal(t, guideRun, id)
					}
					if !c.blind && s != stream || out.RunID != "" {
						assert.Equal(t, id, out.RunID, "the run that the client was told")
					}
					st.requireMetered(t, id)
				})
			}
		}
	}
}

func requireScenario(t *testing.T, c *client, st *site, s scenario, out *outcome) {
	t.Helper()
	requests := st.providers.Requests()
	switch s {
	case tool:
		if c.output == openclawJSON {
			assert.Equal(t, "read", out.Tool.Name)
			require.Len(t, requests, 2)
			assert.Contains(t, string(requests[1].Body), order, "what the tool has read")
			return
		}
		assert.Equal(t, "lookup_order", out.Tool.Name)
		assert.JSONEq(t, `{"order":"ord_2H4p"}`, string(out.Tool.Args))
	case loop:
		assert.Equal(t, "lookup_order", out.Tool.Name)
		assert.JSONEq(t, `{"order":"ord_2H4p"}`, string(out.Tool.Args))
		assert.Equal(t, `lookup_order returned "ord_2H4p". Anything else?`, out.Text)
		assert.Len(t, requests, 2)
	case typed:
		assert.Equal(t, "lookup_order", out.Tool.Name)
		assert.JSONEq(t, `{"order":"ord_2H4p"}`, string(out.Tool.Args))
		assert.Equal(t, "Whereabouts", out.Text)
		assert.Len(t, requests, 2)
	case image:
		assert.Contains(t, out.Text, "I see an image.")
		assert.Contains(t, string(requests[0].Body), pixel, "the picture, as the provider got it")
	case stream:
		assert.Greater(t, out.Chunks, 3, "pieces of text")
		fallthrough
	default:
		assert.Contains(t, out.Text, "Say hello.")
	}
}

// TestReactions checks the table of the README: what clients make of refusals.
func TestReactions(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		for s, want := range c.reactions {
			t.Run(c.name+", "+string(s), func(t *testing.T) {
				t.Parallel()
				st := newSite(t, &c, s)
				start := time.Now()
				out := play(t, &c, st, s, c.paths[0], text)
				assert.Greater(t, time.Since(start), want.over)
				assert.Len(t, st.calls, want.attempts, "attempts")
				assert.NotContains(t, st.runs(), "", "every answer names the run")
				if want.raises == "" {
					require.Nil(t, out.Error)
					assert.NotEmpty(t, out.Text)
					return
				}
				require.NotNil(t, out.Error, "the call must fail")
				requireFailure(t, &c, codes[s], want, &out)
			})
		}
	}
}

// requireFailure checks how a call has failed: by a refusal of the gateway with
// that code, or where there is none by the provider's.
func requireFailure(t *testing.T, c *client, code string, want reaction, out *outcome) {
	t.Helper()
	ours := code != ""
	if c.output == openclawJSON {
		assert.Contains(t, out.Error.Message, want.raises)
	} else {
		assert.Equal(t, want.raises, out.Error.Class)
		if ours {
			assert.Equal(t, code, out.Error.Code)
		}
		if ours || c.dir != "rungate-python" { // which knows the run from the body
			assert.Equal(t, guideRun, out.RunID, "the run that the client was told")
		}
	}
	said := "rate limit"
	if ours {
		said = "rungate: "
	}
	if message := strings.ToLower(out.Error.Message); want.ownWords {
		assert.NotContains(t, message, said)
	} else {
		assert.Contains(t, message, said)
	}
}

// TestDifferences checks what the README says of the package rungate from PyPI.
func TestDifferences(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(clients, func(c client) bool { return c.dir == "rungate-python" })
	c := &clients[i]
	st := newSite(t, c, served)
	printed := execute(t, st.url, nil, append(c.start(t, "scenarios"), "differences")...)
	st.open.Wait()
	found := map[string]json.RawMessage{}
	require.NoError(t, json.Unmarshal(printed, &found))
	assert.Len(t, found, len(differences))
	for _, d := range differences {
		assert.JSONEq(t, d.got, string(found[d.expression]), d.expression)
	}
	last := st.calls[len(st.calls)-1]
	require.Regexp(t, "^/v1/runs/.*/complete$", last.path)
	var run struct{ Status string }
	require.NoError(t, json.Unmarshal(st.ask(t, http.MethodGet, strings.TrimSuffix(last.path, "/complete"), ""), &run))
	assert.Equal(t, "completed", run.Status)
}

// TestTypes checks the TypeScript programs with the compiler, since Node only
// strips the types.
func TestTypes(t *testing.T) {
	t.Parallel()
	execute(t, "", nil, "node", "node_modules/typescript/bin/tsc", "--project", ".")
}

// play runs a scenario of the client and returns how it ended.
func play(t *testing.T, c *client, st *site, s situation, p path, sc scenario, env ...string) outcome {
	t.Helper()
	env = append(env, c.env...)
	if c.output == openclawJSON {
		env = append(env, openclawEnv(t, s)...)
	}
	argv := slices.Concat(c.start(t, "scenarios"), c.args, strings.Fields(string(sc)))
	printed := execute(t, st.url+p.base, env, argv...)
	st.open.Wait()
	return c.output.parse(t, printed)
}
