package jsonscan_test

import (
	"fmt"

	"github.com/rungate/rungate/internal/jsonscan"
)

// One pass finds what is needed and checks the rest.
func ExampleScanner() {
	body := []byte(`{"model": "gpt-5", "max_tokens": 1e3, "messages": [{"role": "user", "content": "Hi"}], "note": {"a": 1}}`)

	var model string
	var limit int64
	var weight jsonscan.Weight
	var from, to int

	var s jsonscan.Scanner
	s.Reset(body)
	s.Object(func(key []byte) {
		switch string(key) {
		case "model":
			model = string(s.Str())
		case "max_tokens":
			if limit = s.Int(); limit < 1 {
				s.Fail("want 1 or more")
			}
		case "messages":
			s.Weigh(&weight)
		case "note":
			from = s.KeyPos()
			_, to = s.Skip()
		}
	})
	s.End()
	if err := s.Err(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model, limit, weight.Text, weight.Names)
	fmt.Printf("%s\n", body[from:to])
	// Output:
	// gpt-5 1000 6 11
	// "note": {"a": 1}
}

func ExampleScanner_duplicate() {
	var s jsonscan.Scanner
	s.Reset([]byte(`{"model": "small", "mod\u0065l": "large"}`))
	s.Object(func([]byte) {})
	fmt.Println(s.Err())
	// Output: byte 19: a second member "model"
}

// An answer is read as it passes.
func ExampleTap() {
	var t jsonscan.Tap
	t.Reset("model", "usage")
	for _, piece := range []string{`{"model":"gp`, `t-5","choices":[{"text":"…"}],"usa`, `ge":{"total_tokens":12}}`} {
		t.Write([]byte(piece))
	}
	fmt.Printf("%s %s %v\n", t.Value("model"), t.Value("usage"), t.Done())
	// Output: "gpt-5" {"total_tokens":12} true
}
