package sse_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rungate/rungate/internal/sse"
)

// A relay looks at each event that has come, and writes all of them at once.
func Example() {
	upstream := strings.NewReader("event: ping\ndata: {}\n\ndata: {\"text\":\"Hi\"}\n\n: keep-alive\n\ndata: cut o")
	var client bytes.Buffer

	var s sse.Splitter
	buffer := make([]byte, 4096)
	for {
		n, err := upstream.Read(buffer)
		if err != nil {
			break
		}
		if err := s.Feed(buffer[:n]); err != nil {
			fmt.Println(err)
			return
		}
		var ready []byte
		for e, ok := s.Next(); ok; e, ok = s.Next() {
			fmt.Printf("event %q, data %q\n", e.Name, e.Data)
			if ready == nil {
				ready = e.Raw
			} else {
				ready = ready[:len(ready)+len(e.Raw)]
			}
		}
		client.Write(ready)
	}
	fmt.Printf("%d bytes written, %q is left\n", client.Len(), s.Rest())
	// Output:
	// event "ping", data "{}"
	// event "", data "{\"text\":\"Hi\"}"
	// event "", data ""
	// 57 bytes written, "data: cut o" is left
}
