package fake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rungate/rungate/internal/fake"
)

func ExampleProvider() {
	model := httptest.NewServer(&fake.Provider{
		Script: fake.Queue(fake.Overloaded()), // once
	})
	defer model.Close()

	for range 2 {
		resp, err := http.Post(model.URL+"/v1/chat/completions", "application/json",
			strings.NewReader(`{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		var answer struct {
			Usage struct {
				Total int `json:"total_tokens"`
			}
		}
		json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		fmt.Println(resp.Status, answer.Usage.Total, "tokens")
	}
	// Output:
	// 503 Service Unavailable 0 tokens
	// 200 OK 34 tokens
}
