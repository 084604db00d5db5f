package openai

import (
	"errors"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// wholeResponse returns the response in the last event of a stream. It holds every
// item that has come before.
func wholeResponse(stream []byte) ([]byte, error) {
	var response *wire.Node
	items := 0
	err := wire.Nodes(stream, func(kind string, e *wire.Node) error {
		if response != nil {
			return errors.New("an event after the end")
		}
		switch kind {
		case "response.output_item.done":
			items++
		case "response.completed", "response.incomplete":
			if response = e.Get("response"); response.Kind() != jsonscan.Object {
				return errors.New("an end without a response")
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case response == nil:
		return nil, errors.New("the stream breaks off")
	case len(response.Get("output").Elements()) < items:
		return nil, errors.New("an item is not in the response at the end")
	}
	return slices.Clone(response.Text()), nil
}
