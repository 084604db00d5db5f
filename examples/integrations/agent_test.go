//go:build clients

package integrations

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// A task is a conversation that an agent is to have.
type task struct {
	URL      string `json:"url"`
	Run      string `json:"run"`
	Prompt   string `json:"prompt"`
	Streamed bool   `json:"streamed"`
	Once     bool   `json:"once"`
	Thinking bool   `json:"thinking"`
	Runner   bool   `json:"runner"` // of the SDK's has it
	Thread   bool   `json:"thread"` // Anthropic keeps it then
}

// A conversation is what came of a task.
type conversation struct {
	Text  string
	Turns []struct {
		Answer   json.RawMessage
		ServedBy string `json:"served_by"`
		Errors   []string
	}
	Executed []struct {
		Name string
		Args json.RawMessage
	}
	Error *failure
}

// converse lets the agent of a client do its tasks.
func converse(t *testing.T, c *client, tasks []task) []conversation {
	t.Helper()
	input, err := json.Marshal(tasks)
	require.NoError(t, err)
	printed := feed(t, string(input), "", c.env, c.start(t, "agent")...)
	var done []conversation
	require.NoError(t, json.Unmarshal(printed, &done), "%s", printed)
	require.Len(t, done, len(tasks))
	return done
}
