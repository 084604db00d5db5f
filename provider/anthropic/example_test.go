package anthropic_test

import (
	"fmt"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

// A stream is metered as it passes. This one breaks off.
func ExampleDialect_Meter() {
	m := anthropic.Dialect{}.Meter(&provider.Request{Endpoint: provider.Messages, Model: "claude-sonnet-5"})
	for _, data := range []string{
		`{"type":"message_start","message":{"model":"claude-sonnet-5","usage":{"input_tokens":212,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"The safer plan is the first"}}`,
	} {
		m.Event(nil, []byte(data))
	}
	u := m.Usage()
	fmt.Println(m.Ended(), u.Input, u.Output, u.Estimated)
	// Output: false 212 9 true
}
