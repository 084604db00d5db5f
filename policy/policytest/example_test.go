package policytest_test

import (
	"context"
	"fmt"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/policytest"
)

func ExampleRun() {
	engine, err := policy.New(policy.Policy{Name: "small", Models: policy.List{Allow: []string{"*-mini"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	cases, err := policytest.ParseCases([]byte(`[
		{"name": "a small model", "endpoint": "chat", "body": {"model": "gpt-4.1-mini", "messages": []}, "want": {"verdict": "allow"}},
		{"name": "a large model", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "want": {"verdict": "allow"}}
	]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range policytest.Run(context.Background(), engine, cases) {
		fmt.Println(f.String())
	}
	// Output: a large model: want allow, got deny by "allowed_models"
}
