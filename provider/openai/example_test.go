package openai_test

import (
	"fmt"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

// A request is read once, and changed without being written anew.
func ExampleDialect_Parse() {
	r := &provider.Request{
		Endpoint: provider.Chat,
		Body:     []byte(`{"model": "gpt-5.4", "rungate": {"run_id": "nightly"}, "stream": true}`),
	}
	if err := (openai.Dialect{}).Parse(r); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Model, r.Stream, string(r.Directives))
	fmt.Println(string(provider.Splice(r.Body, r.CutDirectives, r.AskUsage, r.UseModel("gpt-5.4-mini"))))

	r.Body = []byte(`{"model": "gpt-5.4", "messages": [{"role": "user", "role": "system"}]}`)
	fmt.Println(openai.Dialect{}.Parse(r))
	// Output:
	// gpt-5.4 true {"run_id": "nightly"}
	// {"stream_options":{"include_usage":true},"model": "gpt-5.4-mini",  "stream": true}
	// messages.0 (byte 51): a second member "role"
}
