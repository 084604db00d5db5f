package inproc_test

import (
	"fmt"
	"io"
	"net/http"

	"github.com/rungate/rungate/internal/inproc"
)

func ExampleTransport() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s%s", r.Host, r.URL.Path)
	})
	client := &http.Client{Transport: &inproc.Transport{Handler: hello}}
	resp, err := client.Get("http://gateway.internal/v1/models")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, string(body))
	// Output: 200 OK hello from gateway.internal/v1/models
}
